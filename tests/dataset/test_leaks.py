"""Nothing leaks between splits: planted near-duplicates, sources, seeds, prompts and templates stay on one side."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.dataset.finalize import finalize
from synthgen.dataset.groups import SAME_FILE, SAME_HASH, SAME_LOOK, near_by_cosine
from synthgen.dataset.select import SplitRules
from synthgen.dataset.summary import DatasetSummary
from synthgen.spec import NearRule
from tests.dataset.shards import CLASSES, IMAGES, PROVENANCE, image_row, portrait

make = partial(finalize, name="workers", classes=CLASSES, provenance=PROVENANCE)
SIZES = {"train": 0.5, "test": 0.5}
PLANTED = {SAME_FILE: (1, 71), SAME_HASH: (2, 72), SAME_LOOK: (3, 73), "source": (4, 74), "seed": (5, 75)}
ASKED = {"prompt": (6, 76), "template": (7, 77)}


def rows(count: int = 80) -> list[dict[str, Any]]:
    """Images that have nothing in common but what is planted: the first of each pair, and one of another class."""
    rng = np.random.default_rng(0)
    found = []
    for place in range(count):
        vector = rng.standard_normal(64)
        found.append(
            image_row(place // 40, place % 40, place % 3)
            | {"prompt": f"prompt {place}", "embedding": vector / np.linalg.norm(vector), "source_id": f"{place}.png"}
        )
    for name, (one, other) in {**PLANTED, **ASKED}.items() if count > 77 else ():
        first, second = found[one], found[other]
        assert first["label"] != second["label"]
        if name == SAME_FILE:
            second["image"] = {**second["image"], "bytes": first["image"]["bytes"]}
            second["phash"] = first["phash"]
        elif name == SAME_HASH:
            second["phash"] = bytes([first["phash"][0] ^ 255, *first["phash"][1:]])
        elif name == SAME_LOOK:
            near = first["embedding"] + rng.standard_normal(64) * 0.01
            second["embedding"] = near / np.linalg.norm(near)
        elif name != "template":
            key = {"source": "source_id"}.get(name, name)
            second[key] = first[key]
    return found


def shards(folder: Path, found: list[dict[str, Any]]) -> dict[str, Any]:
    schema = IMAGES.append(pa.field("source_id", pa.string()))
    sources, ledgers = [], []
    for shard in range(2):
        mine = [row for row in found if row["id"].startswith(f"{shard:05d}-")]
        sources.append(folder / f"{shard}.parquet")
        pq.write_table(pa.Table.from_pylist(mine, schema=schema), sources[-1])
        ledgers.append(folder / f"{shard}-ledger.parquet")
        both = [found[place]["id"] for place in ASKED["template"] if place < len(found)]
        templates = ["a shared one" if row["id"] in both else row["id"] for row in mine]
        pq.write_table(pa.table({"id": [row["id"] for row in mine], "template": templates}), ledgers[-1])
    return {"sources": sources, "ledgers": ledgers}


def sides(folder: Path) -> dict[str, str]:
    files = sorted(folder.glob("data/*.parquet"))
    return {name: file.name.partition("-")[0] for file in files for name in pq.read_table(file)["id"].to_pylist()}


def apart(found: list[dict[str, Any]], side: Mapping[str, str]) -> set[str]:
    pairs = {**PLANTED, **ASKED}.items()
    return {name for name, (one, other) in pairs if side[found[one]["id"]] != side[found[other]["id"]]}


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], DatasetSummary]:
    """A dataset in which only what must never leak is kept together."""
    folder, found = tmp_path_factory.mktemp("leaks"), rows()
    summary = make(**shards(folder, found), folder=folder / "dataset", splits=SplitRules(SIZES, near=NearRule()))
    return folder / "dataset", found, summary


def test_what_is_planted_never_straddles_a_split(
    ordered: tuple[Path, list[dict[str, Any]], DatasetSummary], tmp_path: Path
) -> None:
    folder, found, summary = ordered
    assert apart(found, sides(folder)) <= {*ASKED}
    assert summary.grouping is not None
    assert summary.grouping.joined == {**dict.fromkeys(PLANTED, 2), SAME_HASH: 4}, "equal files have equal hashes"
    assert (summary.grouping.groups, summary.grouping.images) == (5, 10)
    assert {split.name: split.rows for split in summary.splits} == {"train": 40, "test": 40}

    rules = SplitRules(SIZES, NearRule(), ("prompt", "template"))
    more = make(**shards(tmp_path, found), folder=tmp_path / "dataset", splits=rules)
    assert apart(found, sides(tmp_path / "dataset")) == set()
    assert more.grouping is not None
    assert more.grouping.joined == {**dict.fromkeys((*PLANTED, *ASKED), 2), SAME_HASH: 4}


def test_no_order_of_images_moves_one(
    ordered: tuple[Path, list[dict[str, Any]], DatasetSummary], tmp_path: Path
) -> None:
    folder, found, _ = ordered
    mixed = shards(tmp_path, found[::-1])
    make(sources=mixed["sources"][::-1], folder=tmp_path / "dataset", splits=SplitRules(SIZES, near=NearRule()))
    assert sides(tmp_path / "dataset") == sides(folder)


def test_without_hashes_images_are_hashed_and_without_embeddings_only_hashes_are_compared(tmp_path: Path) -> None:
    found = rows(6)
    found[4]["image"] = {**found[4]["image"], "bytes": portrait(1, "JPEG")}
    sources = [tmp_path / "0.parquet"]
    pq.write_table(pa.Table.from_pylist(found, schema=IMAGES).drop_columns(["phash", "embedding"]), sources[0])
    summary = make(sources, tmp_path / "dataset", splits=SplitRules({"a": 0.5, "b": 0.5}, near=NearRule()))
    assert summary.grouping is not None
    assert summary.grouping.joined == {SAME_HASH: 2}


def test_one_prompt_for_all_is_told_with_what_to_do(tmp_path: Path) -> None:
    found = rows(40)
    for row in found:
        row["prompt"] = "a portrait"
    rules = SplitRules({"train": 0.8, "test": 8}, NearRule(), ("prompt",))
    summary = make(**shards(tmp_path, found), folder=tmp_path / "dataset", splits=rules)
    assert {split.name: split.rows for split in summary.splits} == {"train": 40, "test": 0}
    assert summary.split_notes[-1] == (
        "'train' has 40 of 32 images; 'test' has 0 of 8 images: 40 of 40 images are one group by prompt 'a portrait'; "
        "leave 'prompt' out of output.together, or write more prompts"
    )
    assert "'test' has 0 of 8 images" in (tmp_path / "dataset/README.md").read_text().replace("\\", "")


@pytest.mark.parametrize(("count", "more"), [(33, "1 more"), (31, "1 fewer")])
def test_a_small_group_is_not_blamed_for_images_that_are_too_many_or_too_few(
    count: int, more: str, tmp_path: Path
) -> None:
    found = rows(count)
    found[1]["seed"] = found[0]["seed"]
    for place, row in enumerate(found):
        row["label"] = int(place == 0)
    rules = SplitRules({"train": 24, "test": 8}, NearRule())
    notes = make(**shards(tmp_path, found), folder=tmp_path / "dataset", splits=rules).split_notes
    assert f"images: there are {count} images in all, {more} than output.splits asks for" in notes[1]
    assert "one group" not in notes[1]
    missing, _, why = notes[2].partition(": ")
    assert missing.endswith(f"has no image of the class {CLASSES[1]!r}")
    assert why == "the class has 1 image in all; ask for more of it, or make the split larger"


def test_an_index_joins_what_comparing_all_joins() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 64)).astype(np.float32)
    vectors[1500:] = vectors[:1500] + rng.standard_normal((1500, 64)).astype(np.float32) * 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    exact, index = (near_by_cosine(SAME_LOOK, vectors, 0.98, exact=many).number for many in (5000, 100))
    assert len(set(exact.tolist())) < 1600
    assert (exact == index).all()
