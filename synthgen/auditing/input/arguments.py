"""Arguments as users write them, checked and brought into one form. Every mistake names its argument."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeGuard, cast

from synthgen.errors import UsageError
from synthgen.files import expanded

if TYPE_CHECKING:
    from synthgen.sets import SetSource

AnyPath: TypeAlias = str | os.PathLike[str]
_DATASETS = ("Dataset", "DatasetDict", "IterableDataset", "IterableDatasetDict")
_SETS = {("pandas", "DataFrame"), *(("datasets", name) for name in _DATASETS)}
"""Packages and names of the types of sets in memory, so that none is imported to be recognised."""

ABOUT = ("source", "set")
"""What intervals may be about: whatever made the set, of which it is a sample, or the set itself."""
LEFT_OUT = 0.1
"""The share of images that may be left out of an audit, if the user allows no other."""


def path(argument: str, given: object) -> Path | None:
    """Read a path, with `~` for the home folder; None stays None.

    Raises:
        UsageError: it is neither a text nor a path, or it is empty.
    """
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike) or given == "":
        raise UsageError(f"expected a path, found {_shown(given)}", argument=argument)
    return expanded(given)


def paths(argument: str, given: object) -> tuple[Path, ...]:
    """Read a list of paths. A path alone is a list of one.

    Raises:
        UsageError: it is something else.
    """
    if given is None:
        return ()
    several = given if _is_list(given) else [given]
    return tuple(found for each in several if (found := path(argument, each)) is not None)


def set_source(argument: str, given: object) -> SetSource:
    """Read a set as a whole: a path, an id, or a set in memory.

    Raises:
        UsageError: it is something else.
    """
    in_memory = any((base.__module__.split(".")[0], base.__name__) in _SETS for base in type(given).__mro__)
    if not in_memory and (not isinstance(given, str | os.PathLike) or given == ""):
        hint = "Expected a path, an id on the hub, a DataFrame, or a dataset of the library `datasets`."
        raise UsageError(f"expected a set of images, found {_shown(given)}", argument=argument, hint=hint)
    return cast("SetSource", given)


def flag(argument: str, given: object) -> bool:
    """Read a truth value.

    Raises:
        UsageError: it is something else, such as a text.
    """
    if not isinstance(given, bool):
        raise UsageError(f"expected True or False, found {_shown(given)}", argument=argument)
    return given


def text(argument: str, given: object) -> str:
    """Read a text.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(given, str):
        raise UsageError(f"expected a text, found {_shown(given)}", argument=argument)
    return given


def optional_text(argument: str, given: object) -> str | None:
    """Read a text, or None."""
    return None if given is None else text(argument, given)


def count(argument: str, given: object) -> int:
    """Read a whole number that is not negative.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise UsageError(f"expected 0 or a positive whole number, found {_shown(given)}", argument=argument)
    return given


def share(argument: str, given: object) -> float:
    """Read a share, from 0 to 1.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise UsageError(f"expected a share from 0 to 1, found {_shown(given)}", argument=argument)
    return float(given)


def choice(argument: str, given: object, choices: Sequence[str]) -> str:
    """Read one of several words.

    Raises:
        UsageError: it is something else.
    """
    if given not in choices:
        raise UsageError(f"expected {' or '.join(map(repr, choices))}, found {_shown(given)}", argument=argument)
    return str(given)


def texts(argument: str, given: object, example: str) -> tuple[str, ...]:
    """Read a list of texts. A text alone is refused, since it would be read letter by letter.

    Raises:
        UsageError: it is not a list of texts.
    """
    if given is None:
        return ()
    if isinstance(given, str):
        raise UsageError(
            f"expected a list, found the text {given!r}", argument=argument, hint=f"Write {argument}=[{given!r}]."
        )
    if not isinstance(given, Sequence) or not all(isinstance(each, str) for each in given):
        hint = f"Write a list of texts, such as {argument}=[{example!r}]."
        raise UsageError(f"expected a list of texts, found {_shown(given)}", argument=argument, hint=hint)
    return tuple(given)


def clusters(given: object, about: object) -> tuple[str, ...]:
    """Read the columns of dependent images: one text, or several.

    Raises:
        UsageError: it is something else, or nothing is a sample whose images may depend on each other.
    """
    found = tuple(dict.fromkeys(texts("cluster", (given,) if isinstance(given, str) else given, "patient_id")))
    if found and about == "set":
        hint = "Leave out `cluster`, or ask about the source."
        raise UsageError("where the set itself is asked about, no image is a sample", argument="cluster", hint=hint)
    return found


def names(argument: str, given: object, example: str = "column") -> dict[str, str]:
    """Read a mapping of attributes to texts.

    Raises:
        UsageError: it is something else.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        attribute = "skin_tone" if example == "column" else "gender"
        hint = f'Write a mapping of names, such as {argument}={{"{attribute}": "{example}"}}.'
        raise UsageError(f"expected a mapping, found {_shown(given)}", argument=argument, hint=hint)
    return dict(given)


def targets(given: object) -> dict[str, str | Mapping[str, float]]:
    """Read the targets: by attribute 'uniform', shares in one line, or a mapping of shares.

    Raises:
        UsageError: it is something else.
    """
    hint = 'Write targets={"skin_tone": "uniform"}, or shares: targets={"skin_tone": {"light": 0.5, "dark": 0.5}}.'
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"expected a mapping, found {_shown(given)}", argument="targets", hint=hint)
    for name, target in given.items():
        shares = target.values() if isinstance(target, Mapping) else ()
        numbers = all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
        if not isinstance(target, str | Mapping) or not numbers:
            raise UsageError(f"{name}: expected shares, found {_shown(target)}", argument="targets", hint=hint)
    return {str(name): target for name, target in given.items()}


def confusions(given: object) -> dict[str, Path] | tuple[str, ...]:
    """Read the files of confusion matrices.

    They are given by attribute, as one path (returned under the name ''), or as one text or several such as
    'skin_tone=matrix.csv', which can only be split when the attributes are known.

    Raises:
        UsageError: it is something else.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        return (given,)
    if isinstance(given, os.PathLike):
        return {"": expanded(given)}
    if isinstance(given, Mapping):
        return {str(name): expanded(_file(file)) for name, file in given.items()}
    return texts("confusions", given, "skin_tone=matrix.csv")


def _file(given: object) -> AnyPath:
    if isinstance(given, str | os.PathLike):
        return given
    hint = 'Write confusions={"skin_tone": "matrix.csv"}.'
    raise UsageError(f"expected the path of a CSV, found {_shown(given)}", argument="confusions", hint=hint)


def groups(given: object) -> tuple[tuple[str, ...], ...]:
    """Read groups of names to cross.

    Raises:
        UsageError: it is not a list of lists of texts.
    """
    if given is None:
        return ()
    if not _is_list(given) or not all(map(_is_list, given)):
        what = f"expected a list of groups of names, found {_shown(given)}"
        raise UsageError(what, argument="cross", hint='Write cross=[("class", "skin_tone")].')
    return tuple(texts("cross", group, "skin_tone") for group in given)


def _is_list(given: object) -> TypeGuard[Sequence[object]]:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _shown(given: object) -> str:
    """Show a wrong argument in a line: as it is, or by its type if it is long."""
    written = repr(given)
    return written if len(written) <= 60 and "\n" not in written else f"a {type(given).__name__}"
