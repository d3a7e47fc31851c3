"""The formats that are part of synthgen, opened by tools that others wrote: each gives back what was written."""

import gc
import io
import json
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import datasets
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as arrow
import pytest
import webdataset
import yaml
from PIL import Image
from pycocotools.coco import COCO
from torch.utils.data import DataLoader
from torchvision.datasets import CocoDetection, ImageFolder

from synthgen.dataset.formats.opening import open_formats
from synthgen.dataset.formats.saved import SavedFormat
from synthgen.dataset.formats.web_dataset import WebDatasetFormat
from synthgen.sets import open_set, read_frame
from synthgen.spec import OWN_FORMATS
from synthgen.testing import check_format
from tests.dataset.hostile import NAMES
from tests.dataset.written import SPLITS, noise, row, write

PER_CLASS = 4
FORMATS = [*OWN_FORMATS]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `datasets` keeps of what it has read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        datasets.disable_progress_bars()
        yield


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    """Hostile classes and prompts, by id."""
    count = PER_CLASS * len(NAMES)
    made = [row(place, place % len(NAMES), prompt=NAMES[place * 7 % len(NAMES)]) for place in range(count)]
    return {one["id"]: one for one in made}


@pytest.fixture(scope="module")
def hostile(rows: Mapping[str, Mapping[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dataset of them in each format."""
    place = tmp_path_factory.mktemp("hostile")
    for name in FORMATS:
        write(place / name, [name], list(rows.values()), NAMES)
    assert {path.name.partition("-")[0] for path in place.iterdir()} == {*FORMATS}, "something was written outside"
    return {name: place / name for name in FORMATS}


def same(found: Iterable[tuple[Any, ...]], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Check the id, class, prompt and picture of every image."""
    found = list(found)
    assert len(found) == len(rows)
    for image_id, kind, prompt, picture in found:
        wanted = rows[image_id]
        assert (kind, prompt) == (NAMES[wanted["label"]], wanted["prompt"])
        assert picture == wanted["image"]["bytes"]


def samples(shard: Path) -> list[dict[str, Any]]:
    """Read a shard; webdataset leaves files open until they are collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = list(webdataset.WebDataset(str(shard), shardshuffle=False))
        gc.collect()
    return found


def bytes_of(data: datasets.Dataset) -> list[bytes]:
    raw = data.cast_column("image", datasets.Image(decode=False))["image"]
    return [one["bytes"] or Path(one["path"]).read_bytes() for one in raw]


@pytest.mark.parametrize("name", ["parquet", "hf", "imagefolder", "yolo"])
def test_datasets_gives_all_columns_back(
    name: str, hostile: Mapping[str, Path], rows: Mapping[str, Mapping[str, Any]]
) -> None:
    opened = datasets.load_from_disk(str(hostile[name])) if name == "hf" else datasets.load_dataset(str(hostile[name]))
    assert {split: len(part) for split, part in opened.items()} == {"train": 60, "validation": 30, "test": 30}
    found: list[tuple[Any, ...]] = []
    for part in opened.values():
        names = part.features["label"].names
        assert names == [*NAMES]
        assert part["class"] == [names[label] for label in part["label"]]
        found += zip(part["id"], part["class"], part["prompt"], bytes_of(part), strict=True)
    same(found, rows)
    one = opened["train"].features
    assert one["seed"] == datasets.Value("int64")
    assert one["score_clip_score"] == datasets.Value("float32")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["parquet", "imagefolder", "webdataset"])
def test_datasets_streams_it_with_workers(name: str, hostile: Mapping[str, Path]) -> None:
    streamed = datasets.load_dataset(str(hostile[name]), split="train", streaming=True)
    key = "__key__" if name == "webdataset" else "id"
    loader = DataLoader(streamed.select_columns([key]), batch_size=None, num_workers=2)
    assert len({one[key] for one in loader}) == 60


def test_webdataset_gives_every_sample_back(hostile: Mapping[str, Path], rows: Mapping[str, Mapping[str, Any]]) -> None:
    found = []
    for shard in sorted(hostile["webdataset"].glob("*.tar")):
        for sample in samples(shard):
            told = json.loads(sample["json"])
            assert int(sample["cls"]) == told["label"] == rows[told["id"]]["label"]
            found.append((told["id"], told["class"], told["prompt"], sample["png"]))
    same(found, rows)
    pipeline = webdataset.WebDataset(f"{hostile['webdataset']}/train-00000.tar", shardshuffle=False, empty_check=False)
    decoded = pipeline.decode("torchrgb").to_tuple("png", "cls").batched(10)
    batches = list(DataLoader(decoded, batch_size=None, num_workers=2))
    assert sum(len(labels) for _, labels in batches) == 60
    assert batches[0][0].shape == (10, 3, 20, 24)


def test_the_classes_of_torchvisions_image_folder_are_the_labels(
    hostile: Mapping[str, Path], rows: Mapping[str, Mapping[str, Any]]
) -> None:
    for name in ("imagefolder", "yolo"):
        found = []
        for split in SPLITS:
            opened = ImageFolder(str(hostile[name] / split))
            assert len(opened.classes) == len(NAMES)
            lines = map(json.loads, (hostile[name] / split / "metadata.jsonl").read_text("ascii").splitlines())
            told = {os.path.join(hostile[name], split, line["file_name"]): line for line in lines}
            assert len(told) == len(opened)
            for path, label in opened.samples:
                line = told[path]
                assert label == line["label"] == rows[line["id"]]["label"]
                found.append((line["id"], line["class"], line["prompt"], Path(path).read_bytes()))
        same(found, rows)


def test_coco_gives_every_image_back(hostile: Mapping[str, Path], rows: Mapping[str, Mapping[str, Any]]) -> None:
    found = []
    for split in SPLITS:
        opened = COCO(str(hostile["coco"] / split / "_annotations.coco.json"))
        names = {each["id"]: each["name"] for each in opened.loadCats(opened.getCatIds())}
        assert [*names.values()] == [*NAMES]
        for image in opened.loadImgs(opened.getImgIds()):
            (only,) = opened.loadAnns(opened.getAnnIds(image["id"]))
            assert "bbox" not in only
            told, picture = image["row"], (hostile["coco"] / split / image["file_name"]).read_bytes()
            assert (image["width"], image["height"]) == (24, 20)
            assert told["label"] == only["category_id"] - 1
            found.append((told["id"], names[only["category_id"]], told["prompt"], picture))
    same(found, rows)
    root = hostile["coco"] / "train"
    picture, targets = CocoDetection(str(root), str(root / "_annotations.coco.json"))[0]
    assert picture.size == (24, 20)
    assert len(targets) == 1


def test_tables_read_parquet(hostile: Mapping[str, Path], rows: Mapping[str, Mapping[str, Any]]) -> None:
    files = f"{hostile['parquet']}/data/*.parquet"
    of_pandas = pd.concat(map(pd.read_parquet, sorted((hostile["parquet"] / "data").iterdir())))
    pictures = [one["bytes"] for one in of_pandas["image"]]
    same(zip(of_pandas["id"], of_pandas["class"], of_pandas["prompt"], pictures, strict=True), rows)
    of_polars = pl.read_parquet(files)
    same(zip(*of_polars["id", "class", "prompt"], of_polars["image"].struct.field("bytes"), strict=True), rows)
    same(duckdb.connect().execute(f"select id, class, prompt, image.bytes from '{files}'").fetchall(), rows)
    of_arrow = arrow.dataset(hostile["parquet"] / "data").to_table(["id", "class", "prompt", "image"]).to_pylist()
    same([(one["id"], one["class"], one["prompt"], one["image"]["bytes"]) for one in of_arrow], rows)


@pytest.mark.parametrize("name", FORMATS)
def test_an_audit_opens_it_with_the_same_labels(name: str, tmp_path: Path) -> None:
    classes = ("doctor", "chef", "7")
    rows = {one["id"]: one for one in (row(place, place % 3) for place in range(24))}
    write(tmp_path / "set", [name], list(rows.values()), classes)
    for split, count in {None: 24, "train": 12, "test": 6}.items():
        found = open_set(tmp_path / "set", split)
        frame, ids = read_frame(found), found.table(["id"])["id"]
        assert len(frame) == count
        assert list(frame["label"]) == [classes[rows[one]["label"]] for one in ids]
        pictures = [one for batch in found.images() for one in batch]
        assert pictures == [rows[one]["image"]["bytes"] for one in ids]
        assert found.notes == ()


def test_shards_are_bounded_and_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wids

    rows = [row(place, place % 2) for place in range(40)]
    bounded = WebDatasetFormat(shard_bytes=10 * 4096, shard_rows=7)
    summary = write(tmp_path / "web", ["webdataset"], rows, ("a", "b"), {"train": 0.9, "test": 0.1}, writer=bounded)
    sizes = [size for name, size in summary.splits[0].files.items() if name.endswith(".tar")]
    assert len(sizes) > 5
    assert max(sizes) <= 10 * 4096 + 10240
    monkeypatch.setenv("WIDS_CACHE", str(tmp_path / "wids"))
    with pytest.warns(UserWarning, match="deprecated"):
        indexed = wids.ShardListDataset(str(tmp_path / "web/train-index.json"), keep=True)
    assert len(indexed) == 36
    assert {one["__key__"] for one in indexed} < {one["id"] for one in rows}
    one = indexed[20]
    assert one[".png"].size == (24, 20)
    assert one[".json"]["label"] == one[".cls"]

    summary = write(tmp_path / "hf", ["hf"], rows, ("a", "b"), {"train": 1.0}, writer=SavedFormat(file_bytes=20_000))
    assert sum(name.endswith(".arrow") for name in summary.splits[0].files) > 1
    opened = datasets.load_from_disk(str(tmp_path / "hf"))["train"]
    assert sorted(opened["id"]) == [one["id"] for one in rows]
    fewer = write(tmp_path / "other", ["hf"], rows[1:], ("a", "b"), {"train": 1.0})
    assert fewer.rows == 39
    assert datasets.load_from_disk(str(tmp_path / "other"))["train"]._fingerprint != opened._fingerprint


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_it_keeps_the_contract_of_formats(name: str) -> None:
    check_format(lambda: open_formats([name], {})[0])


def test_pictures_of_several_formats_keep_their_endings(tmp_path: Path) -> None:
    def encoded(form: str) -> bytes:
        file = io.BytesIO()
        Image.open(io.BytesIO(noise(0))).save(file, form)
        return file.getvalue()

    rows = [row(place, place % 2) for place in range(4)]
    for one, form in zip(rows, ("PNG", "JPEG", "WEBP", "TIFF"), strict=True):
        one["image"]["bytes"] = encoded(form)
    for name in ("webdataset", "imagefolder", "coco"):
        write(tmp_path / name, [name], rows, ("a", "b"), {"train": 1.0})
    names = {path.name for path in (tmp_path / "coco/train").iterdir()}
    assert {name.rpartition(".")[2] for name in names} == {"png", "jpg", "webp", "tif", "json"}
    assert len(ImageFolder(str(tmp_path / "imagefolder/train"))) == 4
    opened = datasets.load_dataset(str(tmp_path / "webdataset"), split="train")
    assert [sum(cell is not None for cell in opened[kind]) for kind in ("png", "jpg", "webp", "tif")] == [1, 1, 1, 1]


def test_every_split_has_the_folders_of_all_classes(tmp_path: Path) -> None:
    rows = [row(place, int(place == 0)) for place in range(8)]
    write(tmp_path / "set", ["imagefolder"], rows, ("a", "b"), {"train": 0.75, "test": 0.25})
    assert ImageFolder(str(tmp_path / "set/test"), allow_empty=True).class_to_idx == {"a": 0, "b": 1}
    with pytest.raises(FileNotFoundError, match="class"):
        ImageFolder(str(tmp_path / "set/test"))


def test_columns_that_are_empty_in_a_split_do_not_break_a_folder(tmp_path: Path) -> None:
    rows = [row(place, 0) for place in range(8)]
    write(tmp_path / "whole", ["imagefolder"], rows, ("a",), {"train": 0.5, "test": 0.5})
    lines = [json.loads(line) for line in (tmp_path / "whole/test/metadata.jsonl").read_text().splitlines()]
    there = {line["id"] for line in lines}
    for one in rows:
        one["attribute_skin_tone"] = None if one["id"] in there else "dark"
    write(tmp_path / "set", ["imagefolder"], rows, ("a",), {"train": 0.5, "test": 0.5})
    head = yaml.safe_load((tmp_path / "set/README.md").read_text().split("---")[1])
    assert "configs" not in head, "`datasets` cannot read both splits together"
    alone = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "set/test"), split="train")
    assert len(alone) == 4


def test_pixels_and_numbers_that_are_none_are_written(tmp_path: Path) -> None:
    rows = [row(place, 0, score_clip_score=float("nan") if place else 0.5) for place in range(2)]
    write(tmp_path / "set", ["webdataset"], rows, ("a",), {"train": 1.0})
    scores = [json.loads(one["json"])["score_clip_score"] for one in samples(tmp_path / "set/train-00000.tar")]
    assert scores == [0.5, None]
    assert np.isnan(rows[1]["score_clip_score"])
