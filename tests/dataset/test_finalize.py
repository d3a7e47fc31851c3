"""From committed shards to what `datasets.load_dataset` opens."""

import gc
import io
from collections import Counter
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures

from synthgen.dataset import build as build_module
from synthgen.dataset import finalize as finalize_module
from synthgen.dataset import replace as folder_module
from synthgen.dataset.duplicates import Duplicate
from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats import parquet as parquet_module
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.mixing import IN_MEMORY
from synthgen.dataset.replace import leftovers
from synthgen.dataset.summary import read_summary
from synthgen.errors import QuotaNotMet, StorageError
from synthgen.leftovers import clear
from synthgen.spec import DuplicateFilter
from synthgen.store.layout import SUMMARY
from tests.dataset.shards import CLASSES, IMAGES, PROVENANCE, image_row, portrait, write_images, write_shard

make = partial(finalize, name="workers", classes=CLASSES, splits={"train": 0.9, "test": 0.1}, provenance=PROVENANCE)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def load(folder: Path, **options: Any) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), cache_dir=str(folder.parent / "cache"), **options)


def test_a_source_that_is_not_what_was_committed_becomes_no_dataset(tmp_path: Path) -> None:
    source = write_shard(tmp_path, 0)
    digest = sha256(source.read_bytes()).hexdigest()
    damaged = bytearray(source.read_bytes())
    damaged[damaged.find(b"IDAT") + 50] ^= 255  # the footer stays what it was
    source.write_bytes(damaged)
    with pytest.raises(StorageError, match="is damaged: its sha256 is not the one that it was committed with"):
        make([source], tmp_path / "dataset", digests=[digest])
    assert not (tmp_path / "dataset").exists()


def test_datasets_opens_what_was_written(tmp_path: Path) -> None:
    from datasets import ClassLabel, Image

    summary = make([write_shard(tmp_path, 1), write_shard(tmp_path, 0)], tmp_path / "dataset")
    loaded = load(tmp_path / "dataset")
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 54, "test": 6}
    train = loaded["train"]
    assert isinstance(train.features["image"], Image)
    assert train.features["label"] == ClassLabel(names=list(CLASSES))
    head = ["id", "image", "label", "class", "prompt", "negative_prompt", "seed", "variables"]
    measured = ["score_clip_score", "score_label_posterior", "attribute_skin_tone"]
    assert train.column_names == [*head, *measured, "model", "attempt", "shard"]
    assert train["class"] == [CLASSES[label] for label in train["label"]]
    assert sorted(Counter(loaded["test"]["label"]).values()) == [2, 2, 2]
    row = train[0]
    assert row["prompt"] == f"a portrait of a {CLASSES[row['label']]}"
    assert (row["model"], row["seed"]) == ("bundled:workers", row["shard"] * 1000 + row["attempt"])
    assert row["id"] == f"{row['shard']:05d}-{row['attempt']:06d}"
    original = Pictures.open(io.BytesIO(portrait(row["seed"])))
    assert row["image"].size == (64, 64)
    assert np.array_equal(np.asarray(row["image"]), np.asarray(original))
    assert sorted(chain.from_iterable(loaded[split]["id"] for split in loaded)) == [
        f"{shard:05d}-{attempt:06d}" for shard in range(2) for attempt in range(30)
    ]
    assert summary.classes == {"doctor": 20, "chef": 20, "builder": 20}
    assert summary == read_summary(tmp_path / "dataset")


def test_the_files_alone_carry_the_types(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Image

    make([write_shard(tmp_path, 0)], tmp_path / "dataset")
    rows = Dataset.from_parquet(
        str(tmp_path / "dataset/data/test-00000-of-00001.parquet"), cache_dir=str(tmp_path / "cache")
    )
    assert isinstance(rows.features["image"], Image)
    assert isinstance(rows.features["label"], ClassLabel)


def test_every_reader_sees_the_name_of_a_label(tmp_path: Path) -> None:
    make([write_shard(tmp_path, 0)], tmp_path / "dataset")
    file = tmp_path / "dataset/data/test-00000-of-00001.parquet"
    by_arrow = pq.read_table(file).select(["label", "class"]).to_pylist()
    by_pandas = pd.read_parquet(file)[["label", "class"]].to_dict("records")
    assert by_arrow == by_pandas
    assert {row["label"]: row["class"] for row in by_arrow} == dict(enumerate(CLASSES))


def test_a_dataset_from_before_there_were_class_names_is_written_again(tmp_path: Path) -> None:
    sources, folder = [write_shard(tmp_path, 0)], tmp_path / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalize_module, "COLUMNS_VERSION", 1)
        before = make(sources, folder)
    assert make(sources, folder).inputs != before.inputs


def test_other_labels_number_the_same_images_in_the_same_order(tmp_path: Path) -> None:
    sources, names = [write_shard(tmp_path, shard) for shard in range(2)], ["chef", "builder", "doctor"]
    before = make(sources, tmp_path / "dataset").inputs
    as_written = load(tmp_path / "dataset")
    summary = make(sources, tmp_path / "dataset", labels=names)
    renumbered = load(tmp_path / "dataset")
    assert summary.inputs != before
    assert [*summary.classes] == names
    for split, rows in renumbered.items():
        assert rows.features["label"].names == names
        assert rows["class"] == as_written[split]["class"] == [names[label] for label in rows["label"]]
        assert rows["id"] == as_written[split]["id"]


def test_the_seed_decides_the_order_of_rows_and_nothing_else(tmp_path: Path) -> None:
    sources = [write_shard(tmp_path, shard) for shard in range(2)]
    orders = []
    for seed in (1, 2):
        make(sources, tmp_path / str(seed), seed=seed)
        orders.append({split: [*rows["id"]] for split, rows in load(tmp_path / str(seed)).items()})
    assert orders[0]["train"] != orders[1]["train"]
    assert {split: sorted(ids) for split, ids in orders[0].items()} == {
        split: sorted(ids) for split, ids in orders[1].items()
    }


def test_small_row_groups_with_a_page_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "SMALL_GROUP", 100_000)
    make([write_shard(tmp_path, 0, per_class=80)], tmp_path / "dataset")
    metadata = pq.read_metadata(tmp_path / "dataset/data/train-00000-of-00001.parquet")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert max(group.num_rows for group in groups) <= 100
    assert sum(group.num_rows for group in groups) == 216
    assert groups[0].column(0).has_offset_index
    assert groups[0].column(0).compression == "ZSTD"


def test_big_splits_are_cut_into_files(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    sources = [write_shard(tmp_path, shard, per_class=70) for shard in range(2)]
    summary = make(sources, folder, splits={"train": 1.0}, writer=ParquetFormat(file_bytes=200_000))
    names = list(summary.splits[0].files)
    assert len(names) > 1
    assert names[-1] == f"data/train-{len(names) - 1:05d}-of-{len(names):05d}.parquet"
    assert len(load(folder, split="train")) == 420


class InMemory(bytes):
    """A source that is no path."""

    def open(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self)


def test_neither_the_order_of_sources_nor_a_second_time_changes_a_byte(tmp_path: Path) -> None:
    sources = [write_shard(tmp_path, shard, per_class=3) for shard in range(3)]
    make(sources, tmp_path / "a")
    make([InMemory(path.read_bytes()) for path in reversed(sources)], tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    before = (tmp_path / "a/README.md").stat().st_ino
    make(sources, tmp_path / "a")
    assert (tmp_path / "a/README.md").stat().st_ino == before, "was made again for nothing"


def test_a_damaged_dataset_is_made_again(tmp_path: Path) -> None:
    sources = [write_shard(tmp_path, 0)]
    make(sources, tmp_path / "dataset")
    whole = content(tmp_path / "dataset")
    (tmp_path / "dataset/data/test-00000-of-00001.parquet").write_bytes(b"")
    make(sources, tmp_path / "dataset")
    assert content(tmp_path / "dataset") == whole


@pytest.mark.parametrize("can_exchange", [True, False])
def test_more_shards_replace_the_older_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(folder_module, "_exchange", lambda *_: False)
    make([write_shard(tmp_path, 0)], tmp_path / "dataset")
    make([write_shard(tmp_path, 0), write_shard(tmp_path, 1)], tmp_path / "dataset")
    assert len(load(tmp_path / "dataset", split="train")) == 54
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


class Killed(BaseException):
    """As sudden as a signal, but it leaves the test alive."""


@pytest.mark.parametrize("moment", ["write_card", "write_summary"])
def test_a_crash_while_building_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    make([write_shard(tmp_path, 0)], tmp_path / "dataset")
    old = content(tmp_path / "dataset")

    def die(*_: object) -> None:
        raise Killed

    # A killed process does not tidy up either.
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(finalize_module if moment == "write_card" else build_module, moment, die)
    with pytest.raises(Killed):
        make([write_shard(tmp_path, 0), write_shard(tmp_path, 1)], tmp_path / "dataset")
    assert content(tmp_path / "dataset") == old
    left = leftovers(tmp_path / "dataset")
    assert len(left) == 2, "the new dataset, and the scratch folder for its rows"
    monkeypatch.undo()
    assert all(map(clear, left))


def test_a_crash_between_the_two_renames_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [write_shard(tmp_path, 0)]
    make(sources, tmp_path / "dataset")
    old = content(tmp_path / "dataset")
    (tmp_path / "dataset").rename(tmp_path / ".dataset.old")
    monkeypatch.setattr(build_module, "building", lambda *_: pytest.fail("built again"))
    make(sources, tmp_path / "dataset")
    assert content(tmp_path / "dataset") == old


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/thesis.txt").write_text("ten years of work")
    with pytest.raises(StorageError, match="in the way"):
        make([write_shard(tmp_path, 0)], tmp_path / "dataset")
    assert content(tmp_path / "dataset") == {"thesis.txt": b"ten years of work"}


@pytest.mark.parametrize("damaged", [False, True])
def test_a_file_that_somebody_put_into_a_dataset_is_never_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    sources, folder = [write_shard(tmp_path, 0)], tmp_path / "dataset"
    make(sources, folder)
    if damaged:
        (folder / SUMMARY).write_text("{")
    (folder / "data/notes").mkdir()
    (folder / "data/notes/.DS_Store").touch()  # a file manager makes it again
    more = write_shard(tmp_path, 1)
    before = content(folder)
    (folder / "data/notes/thesis.txt").write_text("ten years of work")
    with pytest.raises(StorageError, match=r"did not write data/notes/thesis\.txt there") as refused:
        make([*sources, more], folder)
    assert ("damaged" in refused.value.message) == damaged
    assert content(folder) == before | {"data/notes/thesis.txt": b"ten years of work"}

    (folder / "data/notes/thesis.txt").unlink()
    monkeypatch.setattr(folder_module, "sync", lambda path: (folder / "late.txt").touch())
    with pytest.raises(StorageError, match=r"late\.txt"):
        make([*sources, more], folder)
    monkeypatch.undo()
    (folder / "late.txt").unlink()
    assert make([*sources, more], folder).rows > 30


@pytest.mark.parametrize(
    ("scope", "left"), [(None, 4), ("dataset", 2), ("class", 3)], ids=["reported", "dataset", "class"]
)
def test_equal_images_are_found_across_shards_and_the_lowest_id_stays(tmp_path: Path, scope: Any, left: int) -> None:
    same = portrait(7)
    one = write_images(tmp_path / "1.parquet", [image_row(1, 0, 0, same), image_row(1, 1, 1, same)])
    other = write_images(tmp_path / "0.parquet", [image_row(0, 3, 0, same), image_row(0, 4, 1)])
    rule = scope and DuplicateFilter(within=scope)
    summary = make([one, other], tmp_path / "dataset", splits={"train": 1.0}, drop=rule)
    assert summary.rows == left == 4 - summary.dropped
    assert Duplicate("00001-000000", same_as="00000-000003") in summary.duplicates
    assert "00000-000003" in load(tmp_path / "dataset", split="train")["id"]


def test_a_split_without_images_is_left_out(tmp_path: Path) -> None:
    summary = make([write_images(tmp_path / "0.parquet", [image_row(0, 0, 0)])], tmp_path / "dataset")
    loaded = load(tmp_path / "dataset")
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 1}
    assert {split.name: split.rows for split in summary.splits} == {"train": 1, "test": 0}


def test_without_a_single_image_there_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(QuotaNotMet):
        make([write_images(tmp_path / "0.parquet", [])], tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def without(rows: list[dict[str, Any]], column: str) -> Callable[[Path], object]:
    return lambda path: pq.write_table(pa.Table.from_pylist(rows, schema=IMAGES).drop_columns([column]), path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"PAR1 nothing PAR1"), "cannot read"),
        (lambda path: None, "cannot read"),
        (without([image_row(0, 0, 0)], "image"), "no column image"),
        (lambda path: write_images(path, [image_row(0, 0, 0) | {"label": 3}]), "label 3"),
        (lambda path: write_images(path, [image_row(0, 0, 0) | {"image": None}]), "0 bytes of image"),
        (lambda path: write_images(path, [image_row(0, 0, 0)] * 2), "00000-000000 occurs twice"),
    ],
    ids=["not parquet", "missing", "no image column", "unknown label", "no image", "doubled id"],
)
def test_a_source_that_cannot_be_used_is_named(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    write(tmp_path / "0.parquet")
    with pytest.raises(StorageError, match=message):
        make([tmp_path / "0.parquet"], tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def noise(rng: np.random.Generator) -> bytes:
    """A picture of 400 kB."""
    file = io.BytesIO()
    Pictures.fromarray(rng.integers(256, size=(365, 365, 3), dtype=np.uint8)).save(file, "PNG", compress_level=0)
    return file.getvalue()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    """640 MB of images pass through less memory, as Arrow counts it: what is kept, some pieces, and what it reads."""
    rng = np.random.default_rng(0)
    sources = []
    for shard in range(16):
        pictures = [noise(rng) for _ in range(100)]
        rows = [image_row(shard, attempt, attempt % 3, png) for attempt, png in enumerate(pictures)]
        sources.append(tmp_path / f"{shard}.parquet")
        table = pa.Table.from_pylist(rows, schema=IMAGES)
        pq.write_table(table, sources[-1], row_group_size=50, compression="none", use_dictionary=False)
    del table, rows, pictures
    gc.collect()
    previous = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(previous)
    pa.set_memory_pool(pool)
    try:
        summary = make(sources, tmp_path / "dataset")
    finally:
        pa.set_memory_pool(previous)
    assert summary.rows == 1600
    assert pool.max_memory() < IN_MEMORY + 200 * 2**20
