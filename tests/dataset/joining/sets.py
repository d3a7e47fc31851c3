"""Real sets for `synthgen join`, each in another format, and its results read back."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Pictures

from tests.dataset.shards import CLASSES

SPLITS = {"train": 6, "test": 3}
"""Real images of each."""


def picture(number: int, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Pictures.fromarray(np.full((8, 8, 3), number, np.uint8)).save(file, form)
    return file.getvalue()


def rows() -> list[dict[str, Any]]:
    """The real images: each of its own grey, with a class and a split."""
    kinds = sorted(CLASSES)
    numbers = iter(range(100))
    return [
        {"name": f"{number}.png", "class": kinds[number % 3], "split": split, "picture": picture(number)}
        for split, many in SPLITS.items()
        for number in [next(numbers) for _ in range(many)]
    ]


def folder_of(place: Path) -> Path:
    for row in rows():
        file = place / row["split"] / row["class"] / row["name"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(row["picture"])
    return place


def csv_of(place: Path) -> Path:
    place.mkdir()
    with (place / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split", "age"])
        for row in rows():
            (place / row["name"]).write_bytes(row["picture"])
            writer.writerow([row["name"], row["class"], row["split"], 3])
    return place / "list.csv"


def parquet_of(place: Path) -> Path:
    from datasets import ClassLabel, Features, Image

    place.mkdir()
    features = Features({"image": Image(), "label": ClassLabel(names=sorted(CLASSES))})
    for split in SPLITS:
        there = [row for row in rows() if row["split"] == split]
        columns = {
            "image": [{"bytes": row["picture"], "path": row["name"]} for row in there],
            "label": [sorted(CLASSES).index(row["class"]) for row in there],
        }
        pq.write_table(pa.table(columns, schema=features.arrow_schema), place / f"{split}-00000-of-00001.parquet")
    return place


def saved_of(place: Path) -> Path:
    from datasets import load_dataset

    source = parquet_of(place.with_name("source"))
    load_dataset(str(source), cache_dir=str(place.with_name("cache"))).save_to_disk(place)
    return place


def frame_of(place: Path) -> pd.DataFrame:
    return pd.DataFrame([{"image": row["picture"], "label": row["class"], "split": row["split"]} for row in rows()])


def coco_of(place: Path) -> Path:
    """Two sets, each with its own annotations, as COCO has them: here the one for training alone."""
    place.mkdir()
    there = [row for row in rows() if row["split"] == "train"]
    for row in there:
        (place / row["name"]).write_bytes(row["picture"])
    found = {
        "images": [{"id": number, "file_name": row["name"]} for number, row in enumerate(there)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(sorted(CLASSES))],
        "annotations": [
            {"id": n, "image_id": n, "category_id": sorted(CLASSES).index(row["class"]), "bbox": [1, 1, 4, 4]}
            for n, row in enumerate(there)
        ],
    }
    (place / "annotations.json").write_text(json.dumps(found))
    return place


def loaded(folder: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), cache_dir=str(folder.parent / f"cache of {folder.name}"))


def by_split(folder: Path) -> dict[str, pa.Table]:
    return {
        split: pa.concat_tables(pq.read_table(file) for file in sorted(folder.glob(f"data/{split}-*.parquet")))
        for split in SPLITS
    }
