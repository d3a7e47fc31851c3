"""Models are data: no code that comes with one is run, and none is opened in the place of another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.errors import UsageError

# Read once, when transformers or diffusers is imported. Kernels are code from the hub, and so is what retrievers load.
os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "1"
os.environ["USE_HUB_KERNELS"] = "NO"
os.environ["TRUST_REMOTE_CODE"] = "False"


@contextmanager
def remote_code_disabled() -> Iterator[None]:
    """Make transformers refuse a model's own code wherever its caller did not say whether to run it.

    open_clip and diffusers do not always say. transformers then asks at the terminal, and runs the code if somebody, or
    `yes |`, agrees within some seconds. With no seconds to answer in, it refuses.
    """
    from transformers import dynamic_module_utils

    seconds = dynamic_module_utils.TIME_OUT_REMOTE_CODE
    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0
    try:
        yield
    finally:
        dynamic_module_utils.TIME_OUT_REMOTE_CODE = seconds


def check_not_shadowed(hub_id: str) -> None:
    """Refuse a hub model if a folder has its name: diffusers and transformers would open that folder.

    Raises:
        UsageError: there is such a folder.
    """
    if Path(hub_id).exists():
        raise UsageError(
            f"{hub_id} is a model on the hub, and {Path(hub_id).absolute()} would be opened in its place",
            hint=f"Write ./{hub_id} if that folder is meant; else start from another folder.",
        )
