"""Columns of a source that its images take over: read, and checked for what a table can hold."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from synthgen.errors import UsageError
from synthgen.sets.image_set import ImageSet, lacking
from synthgen.spec import SourceSpec
from synthgen.spec.source_texts import LIST_OF, KeptItem, KeptValue

_LONGEST = 10_000
"""Characters of one value, a list written as JSON."""
_TYPES: Mapping[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64"}
_MEANINGS = {"string": "texts", "bool": "booleans", "int64": "numbers", "float64": "numbers"}
_KINDS = "texts, numbers, booleans, or lists of one of these"


def find_kept(found: ImageSet, source: SourceSpec, places: Sequence[int]) -> tuple[dict[str, str], dict[int, str]]:
    """Read the kept columns of the pictures at some rows of a set.

    Returns:
        The type of each column, and for each row the values as JSON; nothing at all without kept columns.

    Raises:
        UsageError: a column does not exist, or holds what no column of the dataset can hold.
        StorageError: the set cannot be read.
    """
    others = {source.image: "image", source.mask: "mask", source.boxes: "boxes"}
    for name in source.keep:
        if name in others:
            what = f"source.keep: the column {name!r} is that of source.{others[name]}"
            raise UsageError(what, hint="Images have these already, laid out as they are.")
        if name not in found.columns:
            lacks = lacking(found.source, name, found.columns)
            raise UsageError(f"source.keep: {lacks.message}", hint=lacks.hint)
    if not source.keep:
        return {}, {}

    table = found.table(source.keep)
    columns = {name: [_value(name, place, table[name].iloc[place]) for place in places] for name in source.keep}
    types = {name: _type_of(name, values) for name, values in columns.items()}
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return types, dict(zip(places, (json.dumps(row, ensure_ascii=False) for row in rows), strict=True))


def _value(name: str, place: int, cell: object) -> KeptValue:
    """Return the value of a cell as plain Python.

    Raises:
        UsageError: it is none that could be kept.
    """
    if isinstance(cell, np.ndarray | np.generic):
        cell = cell.tolist()
    if isinstance(cell, list | tuple):
        value: KeptValue = [_single(name, place, one) for one in cell]
    else:
        value = _single(name, place, cell)
    length = len(value) if isinstance(value, str) else len(json.dumps(value, ensure_ascii=False))
    if length > _LONGEST:
        what = f"source.keep: the column {name!r} has {length:,} characters in row {place + 1}"
        raise UsageError(what, hint=f"Expected at most {_LONGEST:,}: shorten the values, or keep another column.")
    return value


def _single(name: str, place: int, cell: object) -> KeptItem:
    import pandas as pd

    if cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return None
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, int) and not -(2**63) <= cell < 2**63:
        raise _unfit(name, place, "a number of more than 64 bits")
    if isinstance(cell, str) and any("\ud800" <= letter <= "\udfff" for letter in cell):
        raise _unfit(name, place, "what is not a text in UTF-8")
    if isinstance(cell, str | bool | int | float):
        return cell
    raise _unfit(name, place, _described(cell))


def _described(cell: object) -> str:
    if isinstance(cell, bytes) or (isinstance(cell, Mapping) and cell.keys() & {"bytes", "path"}):
        return "a picture, or other bytes"
    if isinstance(cell, list | tuple | np.ndarray):
        return "lists within a list"
    return "a mapping" if isinstance(cell, Mapping) else f"a {type(cell).__name__}"


def _unfit(name: str, place: int, what: str) -> UsageError:
    hint = f"Expected {_KINDS}. Masks go with pictures by source.mask, and boxes by source.boxes."
    return UsageError(f"source.keep: the column {name!r} holds {what} in row {place + 1}", hint=hint)


def _type_of(name: str, values: Sequence[KeptValue]) -> str:
    """Return the type of a column: whole numbers beside others are numbers, too.

    Raises:
        UsageError: its values have several types.
    """
    there = [value for value in values if value is not None]
    are_lists = {isinstance(value, list) for value in there}
    items = [one for value in there for one in (value if isinstance(value, list) else [value])]
    types = {_TYPES[type(one)] for one in items if one is not None}
    if types == {"int64", "float64"}:
        types = {"float64"}
    if len(types) > 1 or len(are_lists) > 1:
        named = (
            [*dict.fromkeys(_MEANINGS[each] for each in sorted(types))]
            if len(types) > 1
            else ["lists", "single values"]
        )
        hint = "Make it of one type, or keep another column."
        raise UsageError(f"source.keep: the column {name!r} holds {' and '.join(named)}", hint=hint)
    prefix = LIST_OF if True in are_lists else ""
    return prefix + next(iter(types), "string")
