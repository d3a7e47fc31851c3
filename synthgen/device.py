"""Devices: by their names, and when their memory runs out."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from synthgen.errors import DeviceError

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


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


def in_batches(
    do: Callable[[slice], Iterable[_Result]],
    count: int,
    at_once: int,
    device: torch.device,
    doing: str,
    hint: str | None = None,
) -> tuple[list[_Result], int]:
    """Do something with `count` images, at most `at_once`; when memory runs out, with half as many, down to one.

    Args:
        do: to the images of a slice; it gives a result for each.
        doing: 'making' or 'judging', for messages.
        hint: what helps where the memory does not even suffice for one.

    Returns:
        The results, and how many images at once were not too many.

    Raises:
        DeviceError: one image alone is too many.
    """
    done: list[_Result] = []
    while len(done) < count:
        try:
            done += do(slice(len(done), len(done) + at_once))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if at_once == 1:
                raise DeviceError(f"{device} has too little memory for {doing} one image", hint=hint) from error
        else:
            continue
        # Here, where the error's traceback no longer holds the batch in memory.
        _LOG.warning("%s ran out of memory %s %d images at once: %d from here on", device, doing, at_once, at_once // 2)
        at_once //= 2
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return done, at_once
