"""The names of devices, as arguments give them. Importing this file does not import torch."""

import re

from synthgen.errors import UsageError

ONE_DEVICE = "auto, cpu, mps, cuda or cuda:N"
"""What names one device, for messages."""
DEVICES = "auto, cpu, cpu:N, mps, cuda or cuda:0,2"
"""What names one device or several, for messages."""

_ONE_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_DEVICES = re.compile(r"auto|mps|cpu(:[1-9]\d*)?|cuda(:\d+(,\d+)*)?")


def names_one_device(name: object) -> bool:
    """Whether this names one device. Whether the device exists is known only when it is opened.

    Example:
        >>> names_one_device("cuda:1"), names_one_device("cpu:2"), names_one_device(None)
        (True, False, False)
    """
    return isinstance(name, str) and _ONE_DEVICE.fullmatch(name) is not None


def names_devices(name: object) -> bool:
    """Whether this names one device or several: N workers on the processor are `cpu:N`, GPUs 0 and 2 are `cuda:0,2`.

    Example:
        >>> names_devices("cpu:2"), names_devices("cuda:0,2"), names_devices("cpu:0")
        (True, True, False)
    """
    return isinstance(name, str) and _DEVICES.fullmatch(name) is not None


def check_device(name: str) -> None:
    """Check the name of one device.

    Raises:
        UsageError: it is not a device name.
    """
    if not names_one_device(name):
        raise UsageError(f"expected {ONE_DEVICE}, found {name!r}", argument="device")


def check_devices(names: str) -> None:
    """Check the names of one device or several, as far as possible without looking for GPUs.

    Raises:
        UsageError: they are not understood.
    """
    if not names_devices(names):
        raise UsageError(f"expected {DEVICES}, found {names!r}", argument="devices")
