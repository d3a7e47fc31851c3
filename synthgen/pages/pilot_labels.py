"""Labels of a pilot: a page and a CSV that ask whether each image shows its class, and the answers people wrote."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path

from synthgen.bounded import read_bounded
from synthgen.errors import UsageError
from synthgen.files import as_storage_error, refuse_links, write_file
from synthgen.pages.cells import inert_cell
from synthgen.pages.labels import PictureToLabel, columns_of, read_rows, write_label_page

COLUMNS = ("id", "class")
_WORDS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class PilotSample:
    """A picture to label.

    Attributes:
        line: its line in the CSV.
        thumbnail: None if it cannot be shown.
        before: the picture that it begins from; None without one.
    """

    line: int
    id: str
    label: str
    thumbnail: bytes | None
    before: bytes | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class LabelTask:
    """What people are asked about the pictures of a pilot.

    Attributes:
        task: the question, in the head of the page.
        heading: the question over the pictures of a class; `{}` is its name.
        yes, no: when to answer so.
        shows_prompt: whether it is about the prompt, which then stands below each picture.
        column: of the CSV, for the answers: a table of one question does not answer another.
    """

    task: str
    heading: str
    yes: str
    no: str
    shows_prompt: bool = False
    column: str = "right"

    @property
    def hint(self) -> str:
        return f"Expected a CSV with the columns {', '.join((*COLUMNS, self.column))}, and yes or no in the last."


_BESIDE = "On the left is the picture that each image begins from, on the right the image."
ASKED: Mapping[str, LabelTask] = {
    "label": LabelTask(
        "Does each image show the class it was made for?",
        "Does it show “{}”?",
        "Someone who does not know the prompt would say that the image shows the class as described below.",
        "It shows something else, a mixture of classes, or nothing recognisable. If you cannot tell, answer no.",
    ),
    "kept": LabelTask(
        f"{_BESIDE} Is everything that should stay of the picture still there?",
        "Made as “{}”: is what should stay still there?",
        "Someone who sees both would say that it is the same object, but for what was to change.",
        "It is another object, or has lost a part, a color or its place. If you cannot tell, answer no.",
        column="kept",
    ),
    "changed": LabelTask(
        f"{_BESIDE} Below them is what was asked for. Does the image show it, and differ from the picture?",
        "Made as “{}”: did it change as asked?",
        "Someone who sees both would say that the image shows what was asked for, more than the picture did.",
        "It is much like the picture, or changed otherwise. If you cannot tell, answer no.",
        shows_prompt=True,
        column="changed",
    ),
    "box": LabelTask(
        "Is the object in its box, and nearly fills it? An image without a box shows none.",
        "Does each box hold a “{}”?",
        "Someone who sees the image would draw the boxes much as they are here, and calls what is in them so.",
        "A box cuts the object, is much too large, holds something else, or is missing. If you cannot tell, answer no.",
        column="boxed",
    ),
}
"""By the filter that the answers calibrate."""


def add_rows(classes: Mapping[str, str], path: Path, asked: LabelTask = ASKED["label"]) -> dict[str, int]:
    """Add missing pictures to the CSV at `path`, and return the line of each picture by id.

    New rows go to the end, with an empty column for the answer. Existing rows stay as they are.

    Args:
        classes: of the pictures, by id, in the order in which they are to be labelled.

    Raises:
        UsageError: the existing CSV cannot be read.
        StorageError: the CSV cannot be written, or is a symbolic link.
    """
    refuse_links(path.parent, path)
    with as_storage_error(path):
        before = read_bounded(path) if path.exists() else b""

    known = {row.cells["id"].strip() for row in read_rows(path, COLUMNS, asked.hint)} if before else set()
    missing = [
        {"id": inert_cell(name), "class": inert_cell(label)} for name, label in classes.items() if name not in known
    ]
    if missing or not before:
        columns, delimiter = columns_of(path) if before else ([*COLUMNS, asked.column], ",")
        text = StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n", delimiter=delimiter)
        if not before:
            writer.writeheader()
        elif not before.endswith((b"\n", b"\r")):
            text.write("\n")
        writer.writerows(missing)
        write_file(path, before + text.getvalue().encode())

    lines: dict[str, int] = {}
    for row in read_rows(path, COLUMNS, asked.hint):
        lines.setdefault(row.cells["id"].strip(), row.line)
    return lines


def write_labelling(
    samples: Sequence[PilotSample],
    definitions: Mapping[str, str | None],
    path: Path,
    title: str,
    table: str,
    asked: LabelTask = ASKED["label"],
) -> None:
    """Write the page of `samples` with the question to answer.

    Args:
        definitions: of every class; None if its name is enough.
        table: the name of the CSV.

    Raises:
        StorageError: the page cannot be written.
    """
    groups = []
    for name, group in groupby(samples, lambda sample: sample.label):
        own = list(group)
        first, last = own[0].line, own[-1].line
        lines = f"line {first} of {table}" if first == last else f"lines {first} to {last} of {table}"
        note = " · ".join(filter(None, (definitions[name], lines)))
        pictures = [(f"line {each.line}", _picture(each, asked)) for each in own]
        groups.append(((asked.heading.format(name), note), pictures))
    write_label_page(path, title=title, table=table, count=len(samples), answers={}, groups=groups, asked=asked)


def read_labels(path: Path, classes: Mapping[str, str], asked: LabelTask = ASKED["label"]) -> dict[str, bool]:
    """Read, by id, what was answered. Rows without an answer are left out.

    Args:
        classes: of the pictures that may be labelled, by id.

    Raises:
        UsageError: the CSV cannot be read, nothing is filled in, or a row is not valid, names an unknown picture, or
            contradicts its class or an earlier row; names the line.
    """
    labels: dict[str, bool] = {}
    lines: dict[str, int] = {}
    for row in read_rows(path, (*COLUMNS, asked.column), asked.hint):
        line, name, word = row.line, row.cells["id"].strip(), row.cells[asked.column].lower()
        if name not in classes:
            hint = "Use the CSV that was written with this pilot."
            raise UsageError(f"{path}:{line}: the pilot has no image {name!r}", hint=hint)
        if row.cells["class"] != classes[name]:
            message = f"{path}:{line}: the class of {name} is {classes[name]!r}, not {row.cells['class']!r}"
            raise UsageError(message, hint="Restore the row's id and class: the page shows them.")

        if word and word not in _WORDS:
            raise UsageError(f"{path}:{line}: expected yes or no, found {word!r}", hint=asked.hint)
        if word and labels.setdefault(name, _WORDS[word]) is not _WORDS[word]:
            message = f"{path}:{line}: {name} is {word!r}, but line {lines[name]} says the opposite"
            raise UsageError(message, hint="Look at the image again, and delete the wrong row.")
        if word:
            lines.setdefault(name, line)

    if not labels:
        raise UsageError(f"{path}: no image is labelled", hint=f"Write yes or no in the column {asked.column!r}.")
    return labels


def _picture(sample: PilotSample, asked: LabelTask) -> PictureToLabel:
    prompt = sample.prompt if asked.shows_prompt else ""
    return PictureToLabel(sample.id, sample.label, sample.thumbnail, sample.before, prompt)
