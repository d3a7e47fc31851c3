"""The arguments of the Python face, checked where they come in: a wrong one is named, with what was expected."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import ParamSpec, SupportsFloat, SupportsIndex, TypeVar

from synthgen.errors import UsageError
from synthgen.models.device_names import DEVICES, ONE_DEVICE, names_devices, names_one_device
from synthgen.planning import Plan
from synthgen.spec.messages import suggestion

P = ParamSpec("P")
T = TypeVar("T")

PathInput = str | os.PathLike[str]


def one_spelling(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse `device` where `devices` is meant, and the other way round, by name."""
    mine = inspect.signature(function).parameters.keys() & {"device", "devices"}

    @functools.wraps(function)
    def checked(*args: P.args, **given: P.kwargs) -> T:
        for wrong in {"device", "devices"} & given.keys() - mine:
            right = next(iter(mine))
            number = "several devices" if right == "devices" else "one device"
            hint = f"Give `{right}={given[wrong]!r}`."
            raise UsageError(f"{function.__name__} takes {number}, as `{right}`", argument=wrong, hint=hint)
        return function(*args, **given)

    return checked


def text_of_path(value: object, argument: str) -> str:
    """Return a path, or a run's address, as text.

    Raises:
        UsageError: it is of another type, or empty.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise UsageError(f"expected a path as str or os.PathLike, found {_kind(value)}", argument=argument)
    if not text:
        raise UsageError("expected a path, found an empty text", argument=argument)
    return text


def path_of(value: object, argument: str) -> Path:
    """Return a path.

    Raises:
        UsageError: it is of another type, or empty.
    """
    return Path(text_of_path(value, argument))


def texts_of(values: object, argument: str) -> tuple[str, ...]:
    """Return a list of texts.

    Raises:
        UsageError: it is one text, which would be read letter by letter, or holds other things.
    """
    if isinstance(values, str):
        raise UsageError("expected a list of texts, found one text", argument=argument, hint=f"Give [{values!r}].")
    if not isinstance(values, list | tuple):
        raise UsageError(f"expected a list of texts, found {_kind(values)}", argument=argument)
    for value in values:
        if not isinstance(value, str):
            raise UsageError(f"expected a list of texts, found one that holds {_kind(value)}", argument=argument)
    return tuple(values)


def names_of(values: object, argument: str) -> dict[str, str]:
    """Return a mapping of texts to texts.

    Raises:
        UsageError: it is something else, or holds something else.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"expected a mapping of names to texts, found {_kind(values)}", argument=argument)
    for each in (*values.keys(), *values.values()):
        if not isinstance(each, str):
            what = f"expected a mapping of names to texts, found one that holds {_kind(each)}"
            raise UsageError(what, argument=argument)
    return dict(values)


def number_of(value: object, argument: str, least: int = 1) -> int:
    """Return a whole number of at least `least`.

    Raises:
        UsageError: it is of another type, or less.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise UsageError(f"expected a whole number, found {_kind(value)}", argument=argument)
    if (number := index(value)) < least:
        raise UsageError(f"expected at least {least}, found {number}", argument=argument)
    return number


def numbers_of(values: object, argument: str) -> list[int]:
    """Return a list of whole numbers of at least 1.

    Raises:
        UsageError: it is something else, or holds something else, or nothing.
    """
    if not isinstance(values, list | tuple):
        raise UsageError(f"expected a list of whole numbers, found {_kind(values)}", argument=argument)
    if not values:
        raise UsageError("expected a list of whole numbers, found an empty one", argument=argument)
    return [number_of(value, argument) for value in values]


def seconds_of(value: object, argument: str) -> float:
    """Return a time in seconds.

    Raises:
        UsageError: it is not a finite number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise UsageError(f"expected seconds, found {_kind(value)}", argument=argument)
    if not 0 < (number := float(value)) < float("inf"):
        raise UsageError(f"expected more than 0 seconds, found {number:g}", argument=argument)
    return number


def share_of(value: object, argument: str, *, whole: bool = False) -> float:
    """Return a share between 0 and 1; 1 itself only if `whole`.

    Raises:
        UsageError: it is of another type, or out of that range.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise UsageError(f"expected a number, found {_kind(value)}", argument=argument)
    if not (0 < (number := float(value)) < 1 or (whole and number == 1)):
        most = "at most" if whole else "less than"
        raise UsageError(f"expected more than 0 and {most} 1, found {number:g}", argument=argument)
    return number


def device_of(value: object) -> str:
    """Return the name of one device. Whether the device exists is known only when it is opened.

    Raises:
        UsageError: it is of another type, names several devices, or no device.
    """
    if isinstance(value, str) and names_one_device(value):
        return value
    if isinstance(value, str) and names_devices(value):
        hint = "`synthgen.run` takes several devices."
        raise UsageError(f"expected one device, found {value!r}, which names several", argument="device", hint=hint)
    found = repr(value) if isinstance(value, str) else _kind(value)
    raise UsageError(f"expected {ONE_DEVICE}, found {found}", argument="device")


def devices_of(value: object) -> str:
    """Return the names of one or several devices.

    Raises:
        UsageError: it is of another type, or not understood.
    """
    if isinstance(value, str) and names_devices(value):
        return value
    found = repr(value) if isinstance(value, str) else _kind(value)
    hint = 'Several GPUs are one text: `devices="cuda:0,2"`.' if isinstance(value, list | tuple) else None
    raise UsageError(f"expected {DEVICES}, found {found}", argument="devices", hint=hint)


def choice_of(value: object, argument: str, choices: Sequence[str]) -> None:
    """Check that a value is one of a few.

    Raises:
        UsageError: it is none of them.
    """
    if value not in choices:
        meant = suggestion(str(value), choices)
        raise UsageError(f"expected {' or '.join(choices)}, found {value!r}{meant}", argument=argument)


def flag_of(value: object, argument: str) -> bool:
    """Return a truth value.

    Raises:
        UsageError: it is of another type, such as a text.
    """
    if not isinstance(value, bool):
        raise UsageError(f"expected True or False, found {_kind(value)}", argument=argument)
    return value


def text_of(value: object, argument: str, expected: str, hint: str | None = None) -> str:
    """Return a text; `expected` says which.

    Raises:
        UsageError: it is of another type.
    """
    if not isinstance(value, str):
        raise UsageError(f"expected {expected}, found {_kind(value)}", argument=argument, hint=hint)
    return value


def check_plan(value: object) -> None:
    """Check that a value is a plan.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, Plan):
        hint = "Make one: `synthgen.plan(spec)`."
        raise UsageError(f"expected a plan, found {_kind(value)}", argument="planned", hint=hint)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
