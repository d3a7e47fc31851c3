"""Labels by eye: a CSV to fill in, the page with its pictures, and what was filled in."""

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
class Sample:
    """A picture to label.

    Attributes:
        line: of the CSV.
        thumbnail: None where it cannot be shown.
    """

    line: int
    id: str
    label: str
    thumbnail: bytes | None

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)


def add_rows(classes: Mapping[str, str], path: Path) -> dict[str, int]:
    """The line of each picture in the CSV at `path`, by id. Pictures that it lacks get a row at its end with an empty
    column `right`; what is there stays as it is.

    Args:
        classes: of the pictures, by id, in the order in which they are to be labelled.

    Raises:
        UsageError: the CSV that is there cannot be read.
        StorageError: it cannot be written, or is a symbolic link.
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
    samples: Sequence[Sample], definitions: Mapping[str, str | None], path: Path, title: str, table: str
) -> None:
    """Write the page of `samples`, which says what to answer: no prompt, score or verdict, which would sway the eye.

    Args:
        definitions: of every class; None where its name says all.
        table: the name of the CSV.

    Raises:
        StorageError: it cannot be written.
    """
    groups = [(name, list(group)) for name, group in groupby(samples, lambda sample: sample.label)]
    page = environment("synthgen.pages").get_template("pilot_labels.html.j2")
    write_page(path, page.render(title=title, samples=samples, groups=groups, definitions=definitions, table=table))


def read_labels(path: Path, classes: Mapping[str, str]) -> dict[str, bool]:
    """By id, whether the picture shows its class; rows that nobody filled in are left out.

    Args:
        classes: of the pictures that may be labelled, by id.

    Raises:
        UsageError: it cannot be read, nothing is filled in, or a row is not understood, names no such picture, or
            contradicts its class or an earlier row: with its line.
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
    """Each row that is not empty, with its line and what stands in the columns that are `needed`."""
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
