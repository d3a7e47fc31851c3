"""Labels of a pilot: write a CSV to fill in and the page with its pictures, and read the filled-in CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.files import as_storage_error, refuse_links, write_file
from synthgen.pages.page import data_uri, environment, write_page

COLUMNS = ("id", "class", "right")
_WORDS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_HINT = f"Expected a CSV with the columns {', '.join(COLUMNS)}, and yes or no in the last."


@dataclass(frozen=True, slots=True)
class PilotSample:
    """A picture to label.

    Attributes:
        line: its line in the CSV.
        thumbnail: None if it cannot be shown.
    """

    line: int
    id: str
    label: str
    thumbnail: bytes | None

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)


def add_rows(classes: Mapping[str, str], path: Path) -> dict[str, int]:
    """Add missing pictures to the CSV at `path`, and return the line of each picture by id.

    New rows go to the end, with an empty column `right`. Existing rows stay as they are.

    Args:
        classes: of the pictures, by id, in the order in which they are to be labelled.

    Raises:
        UsageError: the existing CSV cannot be read.
        StorageError: the CSV cannot be written, or is a symbolic link.
    """
    refuse_links(path.parent, path)
    with as_storage_error(path):
        before = path.read_bytes() if path.exists() else b""

    there = {row["id"] for _, row in _rows(path, ("id", "class"))} if before else set()
    missing = [{"id": name, "class": kind} for name, kind in classes.items() if name not in there]
    if missing or not before:
        text = StringIO()
        writer = csv.DictWriter(text, _columns(path) if before else COLUMNS, restval="", lineterminator="\n")
        if not before:
            writer.writeheader()
        elif not before.endswith((b"\n", b"\r")):
            text.write("\n")
        writer.writerows(missing)
        write_file(path, before + text.getvalue().encode())

    lines: dict[str, int] = {}
    for line, row in _rows(path, ("id", "class")):
        lines.setdefault(row["id"], line)
    return lines


def write_labelling(
    samples: Sequence[PilotSample], definitions: Mapping[str, str | None], path: Path, title: str, table: str
) -> None:
    """Write the page of `samples` with the question to answer.

    It shows no prompt, score or verdict, which would bias the reader.

    Args:
        definitions: of every class; None if its name is enough.
        table: the name of the CSV.

    Raises:
        StorageError: the page cannot be written.
    """
    groups = [(name, list(group)) for name, group in groupby(samples, lambda sample: sample.label)]
    page = environment("synthgen.pages").get_template("pilot_labels.html.j2")
    write_page(path, page.render(title=title, samples=samples, groups=groups, definitions=definitions, table=table))


def read_labels(path: Path, classes: Mapping[str, str]) -> dict[str, bool]:
    """Read, by id, whether the picture shows its class. Rows that nobody filled in are left out.

    Args:
        classes: of the pictures that may be labelled, by id.

    Raises:
        UsageError: the CSV cannot be read, nothing is filled in, or a row is not valid, names an unknown picture, or
            contradicts its class or an earlier row; names the line.
    """
    labels: dict[str, bool] = {}
    lines: dict[str, int] = {}
    for line, row in _rows(path, COLUMNS):
        name, word = row["id"], row["right"].lower()
        if name not in classes:
            hint = "Use the CSV that was made with this pilot."
            raise UsageError(f"{path}:{line}: the pilot has no picture {name!r}", hint=hint)
        if row["class"] != classes[name]:
            message = f"{path}:{line}: {name} is of the class {classes[name]!r}, and not {row['class']!r}"
            raise UsageError(message, hint="Restore the row's id and class: the page shows them.")

        if word and word not in _WORDS:
            raise UsageError(f"{path}:{line}: expected yes or no, found {word!r}", hint=_HINT)
        if word and labels.setdefault(name, _WORDS[word]) is not _WORDS[word]:
            message = f"{path}:{line}: {name} is {word!r}, and the contrary in line {lines[name]}"
            raise UsageError(message, hint="Look at the picture again, and remove the row that is wrong.")
        if word:
            lines.setdefault(name, line)

    if not labels:
        raise UsageError(f"{path}: no picture is labelled", hint="Write yes or no in the column 'right'.")
    return labels


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Read each row that is not empty, with its line and its cells in the `needed` columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
                only = (reader.fieldnames or [""])[0] if len(reader.fieldnames or ()) == 1 else ""
                hint = "Its columns are separated by semicolons: save it with commas." if ";" in only else _HINT
                raise UsageError(f"{path}:1: no column {missing[0]!r}", hint=hint)
            for row in reader:
                cells = {name: (row[name] or "").strip() for name in needed}
                if any(cells.values()):
                    yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint=_HINT) from error


def _columns(path: Path) -> Sequence[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return csv.DictReader(file).fieldnames or COLUMNS
