"""Parts of a set, such as its files or its splits, as one table: class labels are joined by name.

The number of a class means nothing outside its own part, since each part has its own order.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from synthgen.errors import UsageError
from synthgen.sets.features import LABELS, Columns, is_text

_NAMES, _NUMBERS, _TEXTS, _NOTHING = "names of classes", "numbers", "texts", "nothing"


def shared_columns(parts: Sequence[Columns], hint: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the columns that all parts have, in the order of the first one, and a note on the others.

    Raises:
        UsageError: a part lacks the images or a column of labels that another has.
    """
    first = parts[0]
    needed = {*LABELS, *(name for part in parts for name in (*part.names, part.image) if name)}
    names = dict.fromkeys(name for part in parts for name in part.types)
    shared = tuple(name for name in names if all(name in part.types for part in parts))
    partial = sorted(set(names) - set(shared))
    if lacking := next((name for name in partial if name in needed), None):
        other = next(part for part in parts[1:] if (lacking in part.types) != (lacking in first.types))
        what = f"it also has {lacking!r}" if lacking in other.types else f"it has no {lacking!r}"
        raise UsageError(f"{other.place} has other columns than {first.place}: {what}", hint=hint)
    if partial:
        return shared, [f"columns that not all of its files have are not used: {', '.join(map(repr, partial))}"]
    return shared, []


def join(parts: Iterable[tuple[Columns, pd.DataFrame]], columns: Sequence[str], hint: str) -> pd.DataFrame:
    """Join the rows of all parts, in order, with class labels as names.

    A number without a name, such as -1 for "not labelled", is missing.

    Raises:
        UsageError: a column differs in kind between two parts, such as names in one and bare numbers in the other.
    """
    parts = list(parts)
    index = pd.RangeIndex(sum(len(frame) for _, frame in parts))
    return pd.DataFrame({name: _column(name, parts, hint) for name in columns}, index=index)


def _column(name: str, parts: Sequence[tuple[Columns, pd.DataFrame]], hint: str) -> "pd.Series[Any]":
    filled = [(part, frame) for part, frame in parts if len(frame) and _kind(part, name) != _NOTHING]
    for part, _ in filled[1:]:
        _check_kinds(name, filled[0][0], part, hint)
    read = {id(part): _values(part, frame, name) for part, frame in filled}
    typed = next(iter(read.values()), pd.Series(dtype="object"))
    # An empty part takes the type of the others: its missing cells must not turn their numbers into objects.
    several = [
        read[id(part)] if id(part) in read else typed.iloc[:0].reindex(pd.RangeIndex(len(frame)))
        for part, frame in parts
    ]
    return pd.concat(several, ignore_index=True).rename(name)


def _values(part: Columns, frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    if (names := part.names.get(name)) is None:
        return frame[name]
    if _are_numbers(names):
        return frame[name].where(frame[name].between(0, len(names) - 1))
    return frame[name].map(dict(enumerate(names))).astype("object")


def _check_kinds(name: str, first: Columns, part: Columns, hint: str) -> None:
    kinds = _kind(first, name), _kind(part, name)
    if kinds[0] == kinds[1] or {*kinds} == {_NAMES, _TEXTS}:
        return
    what = f"column {name!r} holds {kinds[0]} in {first.place}, and {kinds[1]} in {part.place}"
    raise UsageError(f"{what}: they cannot be joined", hint=hint)


def _kind(part: Columns, name: str) -> str:
    kind = part.types[name]
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if name in part.names:
        return _NUMBERS if _are_numbers(part.names[name]) else _NAMES
    if pa.types.is_null(kind):
        return _NOTHING
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _NUMBERS
    if is_text(kind):
        return _TEXTS
    return "true or false" if pa.types.is_boolean(kind) else f"values of the type {kind}"


def _are_numbers(names: Sequence[str]) -> bool:
    """Tell whether the names are those that `datasets` gives to classes if it only knows their count."""
    return list(names) == [str(number) for number in range(len(names))]
