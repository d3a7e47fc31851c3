"""Labels of an audit: a page and a CSV with one column per attribute, and the answers that people wrote into it."""

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from synthgen.errors import UsageError
from synthgen.files import create_file, write_file
from synthgen.pages.cells import inert_cell
from synthgen.pages.labels import LABELS, PAGE, LabelRow, PictureToLabel, columns_of, read_rows, write_label_page
from synthgen.spec import ASIDE

__all__ = ["LABELS", "PAGE", "LabelSample", "read_classes", "read_labelling", "write_labelling"]

_PICTURES = re.compile(b'<img src="(data:[^"]*)"')
_HINT = f"Expected the {LABELS} that `export_labels` wrote, with your labels in it."


@dataclass(frozen=True, slots=True)
class LabelSample:
    """An image to label.

    Attributes:
        weight: the number of images that it represents.
        thumbnail: None if the image cannot be opened.
    """

    id: str
    label: str
    weight: float
    thumbnail: bytes | None


def write_labelling(
    samples: Sequence[LabelSample],
    attributes: Mapping[str, Sequence[str]],
    folder: Path,
    title: str,
    mark: str | None = None,
) -> Path:
    """Write the page, and a CSV with an empty column for each attribute beside it. Return the path of the CSV.

    A CSV that has some of these samples and no other image keeps its rows and labels, and gets the others. All weights
    become those of the larger sample. The page beside it must show the same pictures, as another set may have the same
    ids.

    Args:
        mark: tells the set from others; it is kept in the page.

    Raises:
        UsageError: another CSV already exists, and may contain someone's labels.
        StorageError: the folder cannot be written.
    """
    table = folder / LABELS
    taken = UsageError(
        f"{table} already exists", hint="It may contain someone's labels. Move it, or choose another `output`."
    )
    before: list[LabelRow] = []
    if os.path.lexists(table):
        before = _kept(table, samples, attributes)
        if not before:
            raise taken
        if not _shows(folder / PAGE, [each for each in samples if each.id in {row.cells["id"] for row in before}]):
            raise UsageError(
                f"{table} already exists, and {PAGE} beside it does not show the same pictures",
                hint="The labels may be of another set, or of pictures that have changed since. Move both files, or "
                "choose another `output`.",
            )

    cells = {row.cells["id"]: row.cells for row in before}
    place = {name: number for number, name in enumerate(cells)}
    samples = sorted(samples, key=lambda each: place.get(each.id, len(place)))
    columns, delimiter = columns_of(table) if before else (_columns(attributes), ",")
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n", delimiter=delimiter)
    writer.writeheader()
    for number, each in enumerate(samples, 1):
        own = {"id": each.id, "class": each.label, "weight": each.weight}
        numbered = {} if "number" in attributes else {"number": number}
        row = {**cells.get(each.id, {}), **own, **numbered}
        writer.writerow({name: inert_cell(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    content = text.getvalue().encode("utf-8", "replace")

    # Write the page first: an existing table keeps the next call from drawing another sample.
    write_label_page(
        folder / PAGE,
        title=title,
        mark=mark,
        table=LABELS,
        count=len(samples),
        answers={name: (*values, *ASIDE) for name, values in attributes.items()},
        groups=[(None, [(str(n), _picture(each)) for n, each in enumerate(samples, 1)])],
    )
    if before:
        write_file(table, content)
    elif not create_file(table, content):
        raise taken
    return table


def _columns(attributes: Mapping[str, Sequence[str]]) -> list[str]:
    """Name the columns. `number` is that of the picture on the page, unless an attribute has this name."""
    number = () if "number" in attributes else ("number",)
    return ["id", *number, "class", "weight", *attributes]


def _kept(table: Path, samples: Sequence[LabelSample], attributes: Mapping[str, Sequence[str]]) -> list[LabelRow]:
    """Return the rows of an existing CSV if the samples contain all of its images and more; otherwise none."""
    if table.is_symlink():
        return []
    needed = ["id", "class", "weight", *attributes]
    try:
        rows = list(read_rows(table, needed, _HINT))
    except UsageError:
        return []
    ids = {row.cells["id"] for row in rows}
    return rows if len(ids) == len(rows) and ids < {each.id for each in samples} else []


def _shows(page: Path, samples: Sequence[LabelSample]) -> bool:
    """Return whether a page has the pictures of all samples."""
    try:
        shown = set(_PICTURES.findall(page.read_bytes())) if page.is_file() and not page.is_symlink() else set()
    except OSError:
        return False
    uris = (_picture(each).uri for each in samples)
    return all(uri.encode() in shown for uri in uris if uri is not None)


def read_labelling(path: Path, attributes: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Read labels for `measure`: the columns `id`, `weight` if the file has it, and one per attribute.

    Raises:
        UsageError: the file cannot be read, a column is missing, or an answer is not valid; names the line.
    """
    rows = list(read_rows(path, ["id"], _HINT))
    names = [name for name in attributes if rows and name in rows[0].cells]
    if rows and not names:
        raise UsageError(f"{path}:1: no column {' or '.join(attributes)}", hint=_HINT)

    answers = {name: [_answer(row, name, (*attributes[name], *ASIDE), path) for row in rows] for name in names}
    if not any(answer is not None for column in answers.values() for answer in column):
        where = f"the column {names[0]}" if names else "a row for each image"
        raise UsageError(f"{path}: no image is labelled", hint=f"Fill in {where}; {PAGE} shows the images.")

    others = ["weight"] * ("weight" in rows[0].cells)
    table: dict[str, list[str | None]] = {name: [row.cells[name] for row in rows] for name in ("id", *others)}
    return pd.DataFrame({**table, **answers}, columns=["id", *names, *others], dtype="object")


def read_classes(path: Path) -> dict[str, str]:
    """Return the class that the file names for each id; nothing if it has no column `class`.

    Raises:
        UsageError: the file cannot be read.
    """
    return {row.cells["id"]: row.cells["class"] for row in read_rows(path, ["id"], _HINT) if "class" in row.cells}


def _picture(sample: LabelSample) -> PictureToLabel:
    return PictureToLabel(sample.id, sample.label, sample.thumbnail)


def _answer(row: LabelRow, name: str, answers: Sequence[str], path: Path) -> str | None:
    written = row.cells[name]
    known = {answer.casefold(): answer for answer in answers}
    if written and written.casefold() not in known:
        hint = f"Expected one of {', '.join(answers)}, or an empty cell."
        raise UsageError(f"{path}:{row.line}: {name}: {written!r} is not an answer", hint=hint)
    return known[written.casefold()] if written else None
