"""Small labelled sets of the bundled world's portraits, in every form that an audit reads."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from synthgen.bundled.mixture import even
from synthgen.bundled.world import SKINS, render

CLASSES = ("chef", "doctor")
ATTRIBUTES = """\
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
    variable: skin
"""


@cache
def portrait(occupation: str, skin: str, seed: int) -> bytes:
    rng = Random(seed)
    person = replace(even(rng), occupation=occupation, skin=skin)
    file = io.BytesIO()
    render(person, rng).image.save(file, "PNG")
    return file.getvalue()


@cache
def table(per_class: int = 6) -> tuple[Mapping[str, object], ...]:
    """Rows of id, class, skin and the image's bytes; the ids sort as the rows stand."""
    return tuple(
        {"id": f"{kind}/{row:03d}.png", "label": kind, "skin": skin, "image": portrait(kind, skin, row)}
        for kind in CLASSES
        for row in range(per_class)
        for skin in [SKINS[row % 3]]
    )


Rows = Sequence[Mapping[str, object]]


def as_folder(folder: Path, rows: Rows) -> Path:
    for row in rows:
        path = folder / str(row["id"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_bytes(row))
    return folder


def as_csv(folder: Path, rows: Rows) -> Path:
    as_folder(folder, rows)
    listing = pd.DataFrame([{"path": row["id"], "label": row["label"], "skin": row["skin"]} for row in rows])
    listing.to_csv(folder / "list.csv", index=False)
    return folder / "list.csv"


def as_dataset(rows: Rows) -> Dataset:
    features = Features(
        {"id": Value("string"), "image": Image(), "label": ClassLabel(names=list(CLASSES)), "skin": Value("string")}
    )
    columns = {
        "id": [row["id"] for row in rows],
        "image": [{"bytes": _bytes(row), "path": None} for row in rows],
        "label": [CLASSES.index(str(row["label"])) for row in rows],
        "skin": [row["skin"] for row in rows],
    }
    return Dataset.from_dict(columns, features=features)


def as_saved(folder: Path, rows: Rows) -> Path:
    as_dataset(rows).save_to_disk(str(folder))
    return folder


def as_saved_splits(folder: Path, rows: Rows) -> Path:
    half = len(rows) // 2
    DatasetDict({"train": as_dataset(rows[:half]), "test": as_dataset(rows[half:])}).save_to_disk(str(folder))
    return folder


def as_parquet(folder: Path, rows: Rows) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    as_dataset(rows).to_parquet(folder / "all.parquet")
    return folder / "all.parquet"


def as_parquet_folder(folder: Path, rows: Rows) -> Path:
    (folder / "data").mkdir(parents=True)
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        as_dataset(part).to_parquet(folder / "data" / f"train-{number:05d}-of-00002.parquet", batch_size=2)
    return folder


KINDS: Mapping[str, Callable[[Path, Rows], Path]] = {
    "folder": as_folder,
    "csv": as_csv,
    "saved": as_saved,
    "saved splits": as_saved_splits,
    "parquet": as_parquet,
    "parquet folder": as_parquet_folder,
}


def _bytes(row: Mapping[str, object]) -> bytes:
    data = row["image"]
    assert isinstance(data, bytes)
    return data
