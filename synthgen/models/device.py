"""Devices: by their names, when they break, and when their memory runs out."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from synthgen.errors import DeviceError, DeviceLost, DeviceMissing, SynthgenError, cause_of, first_line

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "could not create a primitive",
    "out of memory",
    "paging file is too small",
)
"""What torch, its libraries and the system say when memory runs out, in lower case."""
_FAULTS = (
    "cuda error",
    "cuda driver error",
    "hip error",
    "nccl error",
    "ncclunhandledcudaerror",
    "cudnn_status_execution_failed",
    "cudnn_status_internal_error",
    "cublas_status_execution_failed",
    "illegal memory access",
    "misaligned address",
    "unspecified launch failure",
    "device-side assert",
    "ecc error",
    "gpu is lost",
)
"""What torch and its libraries say about a device that broke, in lower case."""


def open_device(name: str) -> torch.device:
    """Open the device of a name such as `cpu`, `cuda` or `cuda:1`; `auto` takes a GPU if there is one.

    Raises:
        DeviceMissing: there is no such device here.
        DeviceError: it is broken, or its memory is full.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # a lost GPU, and `meta`, fail only here
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
        missing = "invalid device ordinal" in reason
        if not missing and (broken := device_error(error, f"opening device {name}")):
            raise broken from error
        raise DeviceMissing(
            f"device {name!r} cannot be used here: {reason}", hint="`synthgen doctor` lists the devices."
        ) from error
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed. On CPUs torch and oneDNN have no error class for it: the message decides."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in str(error).lower() for words in _NO_MEMORY
    )


def is_device_fault(error: BaseException) -> bool:
    """Whether the device broke. After a CUDA fault a process can never compute on it again.

    Errors that were raised from such a fault, or while it was handled, count as one. A lack of memory does not.
    """
    seen: BaseException | None = error
    while seen is not None:
        if _is_fault(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _is_fault(error: BaseException) -> bool:
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    return isinstance(error, torch.AcceleratorError) or any(words in str(error).lower() for words in _FAULTS)


def device_error(error: BaseException, doing: str, hint: str | None = None) -> DeviceError | None:
    """Turn a failure of the device or of its memory into a `DeviceError`; None if `error` is something else.

    Args:
        doing: what was being done, such as 'loading the judge', for the message.
        hint: what helps if memory ran out.
    """
    if is_out_of_memory(error):
        hint = hint or "Free the device's memory, or choose a smaller model."
        return DeviceError(f"memory ran out while {doing}: {first_line(error)}", hint=hint)
    if is_device_fault(error):
        hint = "Committed shards stay: run again to go on. If it happens again, check the device and its driver."
        return DeviceLost(f"the device broke while {doing}: {first_line(error)}", hint=hint)
    return None


@contextmanager
def device_errors(doing: str, hint: str | None = None) -> Iterator[None]:
    """Raise failures of the device or its memory in the block as `DeviceError`; see `device_error`."""
    try:
        yield
    except SynthgenError:
        raise
    except Exception as error:
        told = device_error(error, doing, hint)
        if told is None:
            raise
        raise told from error


@contextmanager
def errors_of_plugin(what: str, when: str, ended: Callable[[BaseException, str], Exception]) -> Iterator[None]:
    """Name a plug-in in whatever its code raises in the block, also if that ends the process.

    Args:
        what: the plug-in, such as "the learner mine (faces 1.0)".
        when: such as "while it predicted".
        ended: makes what is raised, of the error and of how the plug-in failed, if neither synthgen's own code raised
            it nor a device.
    """
    try:
        yield
    except SynthgenError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come
        if (broken := device_error(error, f"{what} was used")) is not None:
            raise broken from error
        raise ended(error, f"failed {when}: {cause_of(error)}") from error


def in_batches(
    do: Callable[[slice], Iterable[_Result]],
    count: int,
    at_once: int,
    device: torch.device,
    doing: str,
    hint: str | None = None,
) -> tuple[list[_Result], int]:
    """Process `count` images, at most `at_once` at a time; when memory runs out, half as many, down to one.

    Args:
        do: processes the images of a slice, and gives a result for each.
        doing: 'making' or 'judging', for messages.
        hint: what helps if there is too little memory even for one.

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
