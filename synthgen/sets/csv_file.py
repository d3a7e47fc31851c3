"""A CSV or TSV as it is written: every cell is a text, and no row is moved or cut to fit the header."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from synthgen.errors import UsageError

_HINT = "Expected a CSV in UTF-8 with a row for each image."


def read_csv(file: Path) -> tuple[pd.DataFrame, list[int]]:
    """Read a table of texts. Empty cells are missing; blank lines, and columns without a name, are skipped.

    Returns:
        The table, and the line of the file where each row begins.

    Raises:
        UsageError: the file cannot be read, has other separators or two columns of the same name, or a row has more or
            fewer cells than the header.
    """
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = _rows(file, opened, separator)
            _, header = next(rows, (1, []))
            wanted = _columns(file, header, separator)
            cells, lines = _cells(file, rows, len(header), wanted)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint=_HINT) from error
    columns = {header[column]: values for column, values in zip(wanted, cells, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(lines)), dtype="object"), lines


def _rows(file: Path, opened: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that is not blank, with the line where it begins."""
    reader = csv.reader(opened, delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{file}:{line} cannot be read: {error}", hint=_HINT) from error


def _columns(file: Path, header: list[str], separator: str) -> list[int]:
    """Return the positions of the columns that have a name."""
    if not any(header):
        raise UsageError(f"{file} cannot be read: it names no columns", hint=_HINT)
    if len(header) == 1 and (other := next((each for each in ";\t|" if each in header[0]), None)):
        expected = "tabs, as in a .tsv" if separator == "\t" else "commas"
        hint = f"Its columns seem to be separated by {other!r}: expected {expected}."
        raise UsageError(f"{file}:1: its one column is {header[0]!r}", hint=hint)

    wanted = [position for position, name in enumerate(header) if name]
    places: dict[str, int] = {}
    for position in wanted:
        if (first := places.setdefault(header[position], position)) != position:
            what = f"{file}:1: columns {first + 1} and {position + 1} are both called {header[position]!r}"
            raise UsageError(what, hint="Give each column a name of its own.")
    return wanted


def _cells(
    file: Path, rows: Iterator[tuple[int, list[str]]], width: int, wanted: list[int]
) -> tuple[list[list[str | None]], list[int]]:
    cells: list[list[str | None]] = [[] for _ in wanted]
    lines = []
    known: dict[str, str | None] = {"": None}  # one object for all cells with the same text
    for line, row in rows:
        if len(row) != width:
            what = f"{file}:{line}: the row has {len(row):,} cells, and the header {width:,}"
            trailing = len(row) > width and not any(row[width:])
            hint = "End the header with the same commas, or remove them from the rows." if trailing else _HINT
            raise UsageError(what, hint=hint)
        lines.append(line)
        for column, position in zip(cells, wanted, strict=True):
            column.append(known.setdefault(row[position], row[position]))
    return cells, lines
