"""What a device is good at: number format and batch size."""

import torch

from synthgen.errors import DeviceError

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def open_device(name: str) -> torch.device:
    """The device of a name such as `cpu`, `cuda` or `cuda:1`; `auto` takes a GPU if there is one.

    Raises:
        DeviceError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # a lost GPU, and `meta`, fail only here
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(
            f"device {name!r} cannot be used here: {reason}", hint="`synthgen doctor` lists the devices."
        ) from error
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Did an allocation fail? On CPUs torch and oneDNN have no error of their own for it, only their words."""
    words = ("can't allocate memory", "bad_alloc", "could not create a primitive", "out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """The number format for `wanted`, a name or `auto`.

    On CPUs `auto` is float32: without native bfloat16 units half precision is two orders of magnitude slower,
    and with them it is not faster at the sizes that fit a CPU.
    """
    if wanted != "auto":
        return _DTYPES[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def choose_batch_size(wanted: int | str, pixels: int, device: torch.device, largest: int) -> int:
    """Images of `pixels` pixels per batch: `wanted`, or for `auto` what runs well; at most `largest`."""
    if isinstance(wanted, int):
        return min(wanted, largest)
    if device.type == "cpu":
        # Small images are 2.7 times faster in batches of 16 than alone; large ones fill the cores by themselves.
        return max(1, min(16, largest, 16 * 128**2 // pixels))
    room = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 8 << 30
    per_image = (768 << 20) * pixels // 512**2  # activations of a Stable Diffusion UNet and VAE, roughly
    return max(1, min(largest, (room // 2) // max(1, per_image)))
