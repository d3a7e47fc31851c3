"""JSON objects as a table: of a line each, or a file each."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from synthgen.errors import UsageError


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which kind of value each column holds, and where that was seen first: columns of mixed kinds are refused."""

    seen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def check(self, place: str, row: Mapping[str, object]) -> None:
        """Check the values of a row against those before it.

        Raises:
            UsageError: a column held another kind of value before.
        """
        for name, value in row.items():
            if not isinstance(value, bool | str | int | float):
                continue
            kind = "a truth value" if isinstance(value, bool) else "a text" if isinstance(value, str) else "a number"
            first = self.seen.setdefault(name, (kind, place))
            if first[0] != kind:
                what = f"{place}: {name!r} holds {kind}, and at {first[1]} {first[0]}"
                raise UsageError(what, hint="Write all values of a column in the same way.")


def parse_object(place: str, text: str | bytes) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        UsageError: it is not one, or a key is given twice.
    """
    hint = "Expected a JSON object, in UTF-8."
    try:
        row = json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} cannot be read: {error}", hint=hint) from error
    if not isinstance(row, dict):
        raise UsageError(f"{place}: not a JSON object", hint=hint)
    return row


def read_jsonl(file: Path, kinds: Kinds) -> pd.DataFrame:
    """Read a JSON object from each line that is not blank.

    Raises:
        UsageError: a line is something else, or a column holds values of several kinds.
    """
    rows = []
    for place, line in _lines(file):
        rows.append(parse_object(place, line))
        kinds.check(place, rows[-1])
    return as_table(rows)


def as_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return the rows as a table; keys that a row lacks are missing, and whole numbers have no point."""
    columns = dict.fromkeys(name for row in rows for name in row)
    cells = {name: [_whole(row.get(name)) for row in rows] for name in columns}
    return pd.DataFrame(cells, index=pd.RangeIndex(len(rows)), dtype="object")


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            yield from ((f"{file}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint="Expected a JSON object in each line.") from error


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


def _whole(value: object) -> object:
    """Write a whole number without a point, and NaN as nothing."""
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value
