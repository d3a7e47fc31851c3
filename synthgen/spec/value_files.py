"""Files of values for the variables of prompts: read once, when the spec is, so that the plan has what they said."""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from synthgen.bounded import read_bounded
from synthgen.errors import Problem
from synthgen.spec.document import Entry, Mapping, Node, Position, Scalar
from synthgen.spec.merge import mapping_of
from synthgen.spec.place import quoted
from synthgen.spec.rules import MOST_VALUES

_MOST_BYTES, _MOST_PARQUET = 64 * 2**20, 1024 * 2**20
_LONGEST = 2000
"""Characters of a value."""
_LINES, _CSV, _PARQUET = ".txt", ".csv", ".parquet"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class _Value(NamedTuple):
    line: int
    text: str


class _RefusedError(Exception):
    """A file that cannot be used; the message says why."""


def with_value_files(root: Mapping) -> tuple[Mapping, list[Problem]]:
    """Put the values of files into the variables that name them, with the files' hashes.

    The paths are as seen from the working folder. A variable that has values already is left as it is.
    """
    problems: list[Problem] = []
    filled = _in_section(root, "prompts", problems)
    classes = filled.entries.get("classes")
    if classes is not None and isinstance(classes.value, Mapping):
        kinds = classes.value
        for name, entry in kinds.entries.items():
            if isinstance(entry.value, Mapping):
                kinds = _with_entry(kinds, name, _in_variables(entry.value, f"classes.{name}", problems))
        filled = _with_entry(filled, "classes", kinds)
    return filled, problems


def _in_section(root: Mapping, name: str, problems: list[Problem]) -> Mapping:
    entry = root.entries.get(name)
    if entry is None or not isinstance(entry.value, Mapping):
        return root
    return _with_entry(root, name, _in_variables(entry.value, name, problems))


def _in_variables(section: Mapping, path: str, problems: list[Problem]) -> Mapping:
    entry = section.entries.get("variables")
    if entry is None or not isinstance(entry.value, Mapping):
        return section
    variables = entry.value
    for name, each in variables.entries.items():
        if isinstance(each.value, Mapping) and _names_a_file(each.value):
            variables = _with_entry(variables, name, _filled(each.value, f"{path}.variables.{name}", problems))
    return section if variables is entry.value else _with_entry(section, "variables", variables)


def _with_entry(node: Mapping, key: str, value: Node) -> Mapping:
    entry = node.entries[key]
    if value is entry.value:
        return node
    return mapping_of(node, {**node.entries, key: Entry(entry.key, value)})


def _names_a_file(node: Mapping) -> bool:
    file = node.entries.get("file")
    return (
        file is not None
        and isinstance(file.value, Scalar)
        and isinstance(file.value.value, str)
        and not any(key in node.entries for key in ("values", "range"))
    )


def _filled(node: Mapping, path: str, problems: list[Problem]) -> Mapping:
    """Read the file of a variable, and put its values in its place."""
    file = node.entries["file"]
    assert isinstance(file.value, Scalar)
    column, wanted = _text(node, "column"), _text(node, "sha256")
    place = Path(file.value.text).expanduser()
    try:
        content = _content(place)
        digest = hashlib.sha256(content).hexdigest()
        if wanted is not None and wanted != digest:
            raise _RefusedError(f"{place} has the sha256 {digest}, and not the one that 'sha256' names")
        counts, first = _counted(_values(place, content, column))
    except _RefusedError as refused:
        problems.append(file.value.position.problem(f"{path}.file: {refused}"))
        return replace(node, bad=True)

    def scalar(value: str | int, line: int) -> Scalar:
        position = Position(str(place), line, 1) if line else file.value.position
        return Scalar(position, value, str(value))

    values = {text: Entry(scalar(text, first[text]).position, scalar(n, first[text])) for text, n in counts.items()}
    origin = {"file": place.name, "column": column, "sha256": digest}
    source = {key: Entry(file.key, scalar(each, 0)) for key, each in origin.items() if each is not None}
    empty = Mapping(file.value.position, {}, 1, 1)
    rest = {key: entry for key, entry in node.entries.items() if key not in ("file", "column", "sha256")}
    put = {"values": mapping_of(empty, values), "read_from": mapping_of(empty, source)}
    return mapping_of(node, {**rest, **{key: Entry(file.key, each) for key, each in put.items()}})


def _text(node: Mapping, key: str) -> str | None:
    entry = node.entries.get(key)
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    return value if isinstance(value, str) else None


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, _MOST_PARQUET if path.suffix.lower() == _PARQUET else _MOST_BYTES)
    except FileNotFoundError:
        raise _RefusedError(f"there is no file {path} in {Path.cwd()}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _RefusedError(f"{path} cannot be read: {reason}") from None


def _counted(values: Iterator[_Value]) -> tuple[dict[str, int], dict[str, int]]:
    """Count each value, and say on which line it stands first."""
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for line, text in values:
        where = f"line {line}" if line else "a row"
        if len(text) > _LONGEST:
            raise _RefusedError(f"{where} has more than {_LONGEST:,} characters")
        if bad := _UNPRINTABLE.search(text):
            raise _RefusedError(f"{where} contains the control character U+{ord(bad[0]):04X}")
        counts[text] += 1
        first.setdefault(text, line)
        if len(counts) > MOST_VALUES:
            raise _RefusedError(f"it has more than {MOST_VALUES:,} different values")
    if not counts:
        raise _RefusedError("it has no values")
    return dict(counts), first


def _values(path: Path, content: bytes, column: str | None) -> Iterator[_Value]:
    ending = path.suffix.lower()
    if ending not in (_LINES, _CSV, _PARQUET):
        raise _RefusedError(f"expected a file that ends in {_LINES}, {_CSV} or {_PARQUET}, found {quoted(path.name)}")
    if ending == _LINES and column is not None:
        raise _RefusedError("a .txt has one value on each line, and no 'column'")
    if ending != _LINES and column is None:
        raise _RefusedError(f"{quoted(path.name)} is a table; 'column' must say which column")

    if ending == _PARQUET:
        assert column is not None
        yield from _of_parquet(content, column)
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _RefusedError(f"{path} is not text in UTF-8") from None
    if column is not None:
        yield from _of_csv(text, column)
    else:
        lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
        yield from (_Value(number, line) for number, line in lines if line)


def _of_csv(text: str, column: str) -> Iterator[_Value]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(rows, [])
        place = _place(head, column)
        for row in rows:
            if row and len(row) != len(head):
                raise _RefusedError(f"line {rows.line_num} has {len(row)} columns, and the first line {len(head)}")
            if row and (value := row[place].strip()):
                yield _Value(rows.line_num, value)
    except csv.Error as error:
        raise _RefusedError(f"line {rows.line_num} is not CSV: {error}") from None


def _place(head: list[str], column: str) -> int:
    if head.count(column) != 1:
        how = "has no" if column not in head else "has more than one"
        raise _RefusedError(f"it {how} column {quoted(column)}; its columns: {', '.join(map(quoted, head[:20]))}")
    return head.index(column)


def _of_parquet(content: bytes, column: str) -> Iterator[_Value]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        _place(file.schema_arrow.names, column)
        kind = file.schema_arrow.field(column).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
            raise _RefusedError(f"the column {quoted(column)} holds {kind}; expected text or whole numbers")
        for batch in file.iter_batches(columns=[column], batch_size=10_000):
            for value in batch.column(0).to_pylist():
                if value is not None and (text := str(value).strip()):
                    yield _Value(0, text)
    except (pa.ArrowException, OSError) as error:
        raise _RefusedError(f"it cannot be read as Parquet: {' '.join(str(error).split())[:120]}") from None
