"""The guide to merging: its recipes run as they stand, and give every image the label of its class."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthgen.dataset.finalize import finalize
from tests.dataset.shards import PROVENANCE, write_shard

PAGE = Path(__file__).parents[1] / "docs" / "merging.md"
CLASSES = ("doctor", "chef", "builder")
"""Not in the order of the alphabet, which is the real folder's."""
REAL, SYNTHETIC = 2, 10
"""Images of a class."""
TOOLS = ("datasets", "torchvision", "pandas")


def recipe(tool: str) -> str:
    found = re.search(rf"^## {tool}\n\n```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with real images in `real/`, each class of its own shade, and a synthetic dataset."""
    for name in CLASSES:
        folder = tmp_path / "real/train" / name
        folder.mkdir(parents=True)
        for number in range(REAL):
            Image.new("RGB", (64, 64), shade(name)).save(folder / f"{number}.jpg")
    dataset = tmp_path / "outputs/mine/dataset"
    dataset.parent.mkdir(parents=True)
    finalize(
        [write_shard(tmp_path, 0)],
        dataset,
        name="mine",
        classes=CLASSES,
        splits={"train": 1.0},
        provenance=PROVENANCE,
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path


def shade(name: str) -> tuple[int, int, int]:
    return (250, 0, CLASSES.index(name) * 100)


def class_shown(picture: Any) -> str | None:
    """The class whose shade a real picture has; None for a synthetic one, whose colours are others."""
    red, green, blue = np.asarray(picture, dtype=float).reshape(-1, 3).mean(0)
    close = [name for name in CLASSES if abs(np.array([red, green, blue]) - shade(name)).max() < 12]
    return close[0] if close else None


def rows(tool: str, merged: Any) -> Iterator[tuple[str | None, str]]:
    """What each row of the merged set shows, where that can be seen, and the class that its label means."""
    names = sorted(CLASSES)
    if tool == "datasets":
        for row in merged:
            yield class_shown(row["image"]), merged.features["label"].names[row["label"]]
    elif tool == "torchvision":
        for image, label in merged:
            yield class_shown(image.permute(1, 2, 0)), names[label]
    else:
        for row in merged.to_dict("records"):
            yield class_shown(Image.open(io.BytesIO(row["image"])).convert("RGB")), names[row["label"]]
            assert names[row["label"]] == row["class"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_recipe_gives_real_and_synthetic_images_the_labels_of_their_classes(work: Path, tool: str) -> None:
    namespace: dict[str, Any] = {}
    exec(recipe(tool), namespace)
    found = list(rows(tool, namespace["merged"]))
    assert Counter(meant for shown, meant in found if shown) == dict.fromkeys(CLASSES, REAL)
    assert all(meant == shown for shown, meant in found if shown), "a real image has the label of another class"
    # Of the synthetic ones the dataset itself says the class of each, in their order.
    synthetic = [meant for shown, meant in found if not shown]
    assert synthetic == pd.read_parquet(work / "outputs/mine/dataset/data")["class"].tolist()
    assert Counter(synthetic) == dict.fromkeys(CLASSES, SYNTHETIC)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_recipe_stops_where_the_real_images_lack_a_class(work: Path, tool: str) -> None:
    for file in (work / "real/train/doctor").iterdir():
        file.unlink()
    (work / "real/train/doctor").rmdir()
    with pytest.raises((ValueError, KeyError), match="doctor"):
        exec(recipe(tool), {})


def test_the_pandas_recipe_reads_images_of_other_formats_and_says_where_there_are_none(work: Path) -> None:
    for file in work.glob("real/train/*/*.jpg"):
        Image.open(file).save(file.with_suffix(".PNG"))
        file.unlink()
    namespace: dict[str, Any] = {}
    exec(recipe("pandas"), namespace)
    assert Counter(meant for shown, meant in rows("pandas", namespace["merged"]) if shown) == dict.fromkeys(
        CLASSES, REAL
    )

    for file in work.glob("real/train/*/*.PNG"):
        file.unlink()
    with pytest.raises(ValueError, match="no images in real/train"):
        exec(recipe("pandas"), {})
