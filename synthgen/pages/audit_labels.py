"""A sample to label by eye: write a page of pictures and a CSV to fill in, and read the filled-in CSV."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from synthgen.errors import UsageError
from synthgen.files import create_file
from synthgen.pages.page import data_uri, environment, write_page
from synthgen.spec import ASIDE

LABELS, PAGE = "labels.csv", "to-label.html"
_HINT = f"Expected the {LABELS} of --export-labels, filled in."


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

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)


def write_labelling(
    samples: Sequence[LabelSample], attributes: Mapping[str, Sequence[str]], folder: Path, title: str
) -> Path:
    """Write the page, and a CSV with an empty column for each attribute beside it. Return the path of the CSV.

    The page does not show the judge's answers, which would bias the reader.

    Raises:
        UsageError: a CSV exists already, which may be somebody's work.
        StorageError: the folder cannot be written.
    """
    table = folder / LABELS
    rows = pd.DataFrame([{"id": each.id, "label": each.label, "weight": each.weight} for each in samples])
    for name in attributes:
        rows[name] = ""
    text = rows.to_csv(index=False, lineterminator="\n")
    taken = UsageError(f"{table} exists already", hint="It may hold somebody's labels: move it, or use -o.")
    if os.path.lexists(table):
        raise taken

    answers = {name: (*values, *ASIDE) for name, values in attributes.items()}
    page = environment("synthgen.pages").get_template("audit_labels.html.j2")
    # Write the page first: an existing table keeps the next call from drawing another sample.
    write_page(folder / PAGE, page.render(title=title, samples=samples, answers=answers, table=LABELS))
    if not create_file(table, text.encode("utf-8", "replace")):
        raise taken
    return table


def read_labelling(path: Path, attributes: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Read labels for `measure`. An empty cell is not a label, and case does not matter.

    Raises:
        UsageError: the file cannot be read, a column is missing, or an answer is not valid; names the line.
    """
    try:
        frame = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"{path} cannot be read: {reason}", hint=f"Expected the {LABELS} of --export-labels."
        ) from error
    there = [name for name in attributes if name in frame.columns]
    if "id" not in frame.columns or not there:
        missing = "id" if "id" not in frame.columns else " or ".join(attributes)
        raise UsageError(f"{path}:1: no column {missing}", hint=_HINT)
    for name in there:
        frame[name] = _answers(frame[name], name, (*attributes[name], *ASIDE), path)
    if frame[there].isna().all(axis=None):
        raise UsageError(
            f"{path}: no label is filled in", hint=f"Fill in the column {there[0]}: {PAGE} has the pictures."
        )
    return frame[["id", *there, *["weight"] * ("weight" in frame.columns)]].astype("object")


def _answers(column: "pd.Series[str]", name: str, answers: Sequence[str], path: Path) -> "pd.Series[str]":
    known = {answer.casefold(): answer for answer in answers}
    written = column.str.strip()
    found = written.str.casefold().map(known)
    strange = (found.isna() & (written != "")).to_numpy()
    if strange.any():
        line = int(strange.argmax()) + 2
        hint = f"Expected one of {', '.join(answers)}, or nothing."
        raise UsageError(f"{path}:{line}: {name}: {written[strange].iloc[0]!r} is no answer", hint=hint)
    return found.astype("object").where(found.notna(), None)
