"""Images to label by eye: the page that shows them, and the CSV in which people write their answers.

Every CSV has the column `id` and one column per question; other columns help people or programs to place a row. It may
use commas or semicolons. Case and surrounding spaces do not matter, and an empty cell is not an answer.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from synthgen.bounded import read_bounded
from synthgen.errors import UsageError
from synthgen.pages.cells import cell_text
from synthgen.pages.page import data_uri, environment, write_page

LABELS, PAGE = "labels.csv", "to-label.html"


@dataclass(frozen=True, slots=True)
class PictureToLabel:
    """A picture on the page.

    Attributes:
        thumbnail: None if the image cannot be shown.
        before: the picture that it begins from, to be shown beside it; None if the question is not about that.
        prompt: what was asked for, to be shown below it; empty if the question is not about that.
    """

    id: str
    label: str
    thumbnail: bytes | None
    before: bytes | None = None
    prompt: str = ""

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)

    @property
    def uri_before(self) -> str | None:
        return data_uri(self.before)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A row of the CSV: its line in the file, and its cells by column, without spaces around them except in ids."""

    line: int
    cells: dict[str, str]


def write_label_page(path: Path, **context: object) -> None:
    """Write the page. It shows no score or answer of a model, and no prompt unasked, which would influence people.

    Raises:
        StorageError: the page cannot be written.
    """
    write_page(path, environment("synthgen.pages").get_template("to-label.html.j2").render(context))


def read_rows(path: Path, needed: Sequence[str], hint: str) -> Iterator[LabelRow]:
    """Read the rows that are not empty.

    Raises:
        UsageError: the file cannot be read, or lacks a `needed` column; gives `hint`.
    """
    try:
        yield from _rows(_text_of(path, hint), path, needed, hint)
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {reason}", hint=hint) from error


def columns_of(path: Path) -> tuple[list[str], str]:
    """Return the columns of the CSV, and the character that separates them.

    Raises:
        OSError: the file cannot be read.
        UsageError: it is not text in UTF-8.
    """
    text = _text_of(path, hint=None)
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=(delimiter := _delimiter(text.partition("\n")[0])))
    return list(reader.fieldnames or ()), delimiter


def _text_of(path: Path, hint: str | None) -> str:
    data = read_bounded(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        what = f"the byte 0x{data[error.start]:02x} in line {line} is not valid UTF-8"
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            what = "it is encoded as UTF-16 or UTF-32"
        raise UsageError(f"{path} cannot be read: {what}; save it as CSV in UTF-8", hint=hint) from error


def _rows(text: str, path: Path, needed: Sequence[str], hint: str) -> Iterator[LabelRow]:
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]))
    if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
        empty = "" if text.strip() else ": the file is empty"
        raise UsageError(f"{path}:1: no column {missing[0]!r}{empty}", hint=hint)

    for row in reader:
        if any(cell.strip() for cell in row.pop(None, None) or ()):
            quotes = "Put a cell that contains the separator in quotes."
            raise UsageError(f"{path}:{reader.line_num}: more cells than columns", hint=quotes)
        texts = {name: cell_text(cell or "") for name, cell in row.items()}
        cells = {name: text if name == "id" else text.strip() for name, text in texts.items()}
        if any(map(str.strip, cells.values())):
            yield LabelRow(reader.line_num, cells)


def _delimiter(header: str) -> str:
    return ";" if ";" in header and "," not in header else ","
