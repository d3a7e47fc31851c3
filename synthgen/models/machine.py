"""What this machine can do: the facts that `synthgen doctor` shows."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("torch", "diffusers", "transformers", "open_clip_torch", "datasets", "pyarrow", "pillow")


def describe_machine() -> dict[str, str]:
    """Python, libraries, processors and accelerators, by name, in the order in which to show them."""
    import torch

    facts = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _LIBRARIES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "missing"
    facts["cpu"] = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, float32"
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        number = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
        facts[f"cuda:{index}"] = f"{device.name}, {device.total_memory / 2**30:.0f} GiB, {number}"
    if torch.backends.mps.is_available():
        facts["mps"] = "Apple GPU, float16"
    return facts
