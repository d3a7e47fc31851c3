"""Sets to export, and what an export has."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from tests.running.noise import noise_plan

PLAN = noise_plan("classes={doctor: 5, chef: 4}", "output.shard_size=4", "output.splits={train: 0.5, test: 0.5}")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of a dataset of Parquet, split by split, with the split of each."""
    summary = json.loads((folder / "synthgen.json").read_text())
    return [
        {"split": split["name"], **row}
        for split in summary["splits"]
        for name in split["files"]
        for row in pq.read_table(folder / name).to_pylist()
    ]


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def without_pictures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: cell for name, cell in row.items() if name != "image"} for row in rows]


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def painted(folder: Path, ending: str = "jpg", **options: Any) -> Path:
    """An image folder of two classes in two splits."""
    for number, name in enumerate(("train/cat", "train/dog", "test/cat")):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 6), (40 * number, 90, 200)).save(folder / name / f"{number}.{ending}", **options)
    return folder
