"""Parquet as the Hub wants it, and as readers that this project did not write see it."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image

from synthgen.dataset.columns import features_of
from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats import parquet
from synthgen.dataset.formats.parquet import FILE_BYTES, GROUP_BYTES, ParquetFormat, SplitWriter
from synthgen.dataset.summary import DatasetSummary
from synthgen.ledger.columns import BOXES, MASK, MASKS, attribute, posteriors, score
from tests.dataset.shards import CLASSES, PROVENANCE, portrait

_PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
STORED = pa.schema(
    {
        "id": pa.string(),
        "image": _PICTURE,
        "label": pa.int64(),
        "prompt": pa.string(),
        "negative_prompt": pa.string(),
        "variables": pa.string(),
        "seed": pa.int64(),
        BOXES: pa.list_(pa.list_(pa.float32())),
        MASKS: pa.list_(_PICTURE),
        score("clip_score"): pa.float32(),
        attribute("skin_tone"): pa.string(),
        posteriors("skin_tone"): pa.struct({"dark": pa.float32(), "light": pa.float32()}),
        "phash": pa.binary(),
    }
)
PER_SHARD = 90


def stored(shard: int, attempt: int) -> dict[str, Any]:
    name, png = f"{shard:05d}-{attempt:06d}", portrait(attempt % 7)
    return {
        "id": name,
        "image": {"bytes": png, "path": f"{name}.png"},
        "label": attempt % 3,
        "prompt": f"a portrait of a {CLASSES[attempt % 3]}",
        "negative_prompt": "",
        "variables": "{}",
        "seed": 2**53 + attempt,
        BOXES: [[1.0, 2.0, 30.0, 40.0]] * (attempt % 3),
        MASKS: [{"bytes": portrait(5), "path": f"{name}-{box}.png"} for box in range(attempt % 3)],
        score("clip_score"): attempt / 8,
        attribute("skin_tone"): "dark",
        posteriors("skin_tone"): {"dark": 0.75, "light": 0.25},
        "phash": f"{shard}-{attempt % 7}".encode(),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DatasetSummary]:
    """A dataset of three shards and of several files, with boxes and masks."""
    place = tmp_path_factory.mktemp("parquet")
    sources = [place / f"{shard:05d}-abcdef.parquet" for shard in range(3)]
    for shard, source in enumerate(sources):
        rows = [stored(shard, attempt) for attempt in range(PER_SHARD)]
        pq.write_table(pa.Table.from_pylist(rows, schema=STORED), source)
    summary = finalize(
        sources,
        place / "dataset",
        name="workers",
        classes=CLASSES,
        splits={"train": 0.8, "test": 0.2},
        provenance=PROVENANCE,
        writer=ParquetFormat(file_bytes=300_000),
        labels=sorted(CLASSES),
        seed=7,
    )
    return place / "dataset", summary


@pytest.fixture(scope="module")
def rows(made: tuple[Path, DatasetSummary]) -> list[dict[str, Any]]:
    """The rows of train as pyarrow reads them."""
    files = sorted((made[0] / "data").glob("train-*"))
    assert len(files) > 2
    found: list[dict[str, Any]] = [row for file in files for row in pq.read_table(file).to_pylist()]
    return found


def test_the_rows_are_those_of_the_shards_and_mixed(
    rows: list[dict[str, Any]], made: tuple[Path, DatasetSummary]
) -> None:
    kept = (BOXES, MASKS, score("clip_score"), posteriors("skin_tone"), "seed", "image", "prompt")
    for row in rows:
        was = stored(row["shard"], row["attempt"])
        assert {name: row[name] for name in kept} == {name: was[name] for name in kept}
        assert row["class"] == CLASSES[was["label"]] == sorted(CLASSES)[row["label"]]
    assert {row["shard"] for row in rows[:30]} == {0, 1, 2}
    told = made[1].splits[0].label_runs
    assert told is not None
    runs = (len([*run]) for _, run in groupby(rows, lambda row: row["label"]))
    assert max(runs) == told.longest <= told.bound == 3
    card = (made[0] / "README.md").read_text()
    assert f"{told.longest} in train (no seed makes one longer than 3)" in card
    assert json.loads((made[0] / "synthgen.json").read_text())["splits"][0]["label_runs"] == asdict(told)


def _map_style(folder: Path, _: list[Path]) -> Iterator[tuple[str, int, bytes, int]]:
    data = load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache"))
    assert data.features["label"].names == sorted(CLASSES)
    for row in data:
        pixels = np.asarray(row["image"]), np.asarray(Image.open(io.BytesIO(portrait(row["attempt"] % 7))))
        assert np.array_equal(*pixels)
        yield row["id"], row["label"], portrait(row["attempt"] % 7), len(row[MASKS])


def _pandas(_: Path, files: list[Path]) -> Iterator[tuple[str, int, bytes, int]]:
    data = pd.concat(map(pd.read_parquet, files))
    for row in data.to_dict("records"):
        yield row["id"], row["label"], row["image"]["bytes"], len(row[MASKS])


def _polars(folder: Path, _: list[Path]) -> Iterator[tuple[str, int, bytes, int]]:
    data = pl.scan_parquet(folder / "data/train-*.parquet").collect()
    for row in data.iter_rows(named=True):
        yield row["id"], row["label"], row["image"]["bytes"], len(row[MASKS])


def _duckdb(folder: Path, _: list[Path]) -> Iterator[tuple[str, int, bytes, int]]:
    query = f"SELECT id, label, image.bytes, len({MASKS}) FROM '{folder}/data/train-*.parquet'"
    yield from duckdb.sql(query).fetchall()


def _arrow(_: Path, files: list[Path]) -> Iterator[tuple[str, int, bytes, int]]:
    for batch in pads.dataset(files).to_batches(batch_size=10):
        for row in batch.to_pylist():
            yield row["id"], row["label"], row["image"]["bytes"], len(row[MASKS])


@pytest.mark.parametrize("read", [_map_style, _pandas, _polars, _duckdb, _arrow])
def test_others_read_the_same_rows_in_the_same_order(
    read: Callable[[Path, list[Path]], Iterator[tuple[str, int, bytes, int]]],
    made: tuple[Path, DatasetSummary],
    rows: list[dict[str, Any]],
) -> None:
    files = sorted((made[0] / "data").glob("train-*"))
    wanted = [(row["id"], row["label"], row["image"]["bytes"], len(row[MASKS])) for row in rows]
    assert [*read(made[0], files)] == wanted


@pytest.mark.slow
def test_two_workers_stream_every_row_once(made: tuple[Path, DatasetSummary], rows: list[dict[str, Any]]) -> None:
    from torch.utils.data import DataLoader

    data = load_dataset(str(made[0]), split="train", streaming=True)
    loader = DataLoader(data.select_columns(["id"]), num_workers=2, batch_size=8)  # type: ignore[arg-type]
    assert sorted(one for batch in loader for one in batch["id"]) == sorted(row["id"] for row in rows)


def test_pictures_are_left_as_they_are_and_the_rest_is_compressed(made: tuple[Path, DatasetSummary]) -> None:
    metadata = pq.read_metadata(next((made[0] / "data").glob("train-*")))
    columns = [metadata.row_group(0).column(number) for number in range(metadata.num_columns)]
    for column in columns:
        is_picture = column.path_in_schema in ("image.bytes", f"{MASKS}.list.element.bytes")
        assert (column.compression == "UNCOMPRESSED") == is_picture, column.path_in_schema
        assert column.has_offset_index
        if is_picture:
            assert not column.has_dictionary_page
    assert {column.path_in_schema for column in columns if column.has_dictionary_page} >= {"class", "prompt", "model"}


class Files(list[tuple[int, int]]):
    """The rows and bytes of each group of some files."""

    def __init__(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.parquet")):
            metadata = pq.read_metadata(file)
            groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
            self.extend((group.num_rows, group.total_byte_size) for group in groups)


@pytest.mark.parametrize(
    ("pictures", "groups", "cap"),
    [
        pytest.param([5_600_000] * 58, [17, 17, 17, 7], GROUP_BYTES, marks=pytest.mark.slow),
        ([56_000] * 58, [17, 17, 17, 7], 1_000_000),
        ([60_000] * 250, [100, 100, 50], GROUP_BYTES),
        ([30_000] * 250, [140, 110], GROUP_BYTES),
        ([10] * 2500, [1000, 1000, 500], GROUP_BYTES),
        ([1_500_000, 10], [1, 1], 1_000_000),
    ],
    ids=["2048 px", "large", "pages", "small", "tiny", "larger than a group"],
)
def test_row_groups_are_capped_by_rows_and_by_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: list[int], groups: list[int], cap: int
) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", cap)
    schema = features_of(pa.schema({"id": pa.string(), "image": _PICTURE, MASK: _PICTURE}), []).arrow_schema
    writer = SplitWriter(tmp_path, "train", schema)
    for start in range(0, len(pictures), 64):
        some = [
            {"id": str(row), "image": {"bytes": bytes(size), "path": "x"}, MASK: None}
            for row, size in enumerate(pictures[start : start + 64])
        ]
        writer.add(pa.RecordBatch.from_pylist(some, schema))
    writer.close()
    found = Files(tmp_path)
    assert [rows for rows, _ in found] == groups
    assert sum(rows for rows, _ in found) == len(pictures) == writer.rows
    assert all(size <= cap * 1.01 or rows == 1 for rows, size in found)
    assert FILE_BYTES <= 500_000_000


def test_how_rows_come_in_batches_changes_no_byte(tmp_path: Path) -> None:
    schema = features_of(STORED, CLASSES).arrow_schema
    whole = pa.RecordBatch.from_pylist([stored(0, attempt) for attempt in range(250)], schema)
    for folder, size in (("a", 1), ("b", 37), ("c", 250)):
        (tmp_path / folder).mkdir()
        writer = SplitWriter(tmp_path / folder, "train", schema, file_bytes=1_000_000)
        for start in range(0, 250, size):
            writer.add(whole.slice(start, size))
        writer.close()
    a, b, c = ([file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in "abc")
    assert a == b == c
    assert len(a) > 1
