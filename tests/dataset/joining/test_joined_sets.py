"""`synthgen join`: a set of real images and one of synthetic images become one dataset."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.dataset.hub.contents import read_contents
from synthgen.sets import open_set
from tests.command import command_line, envelope
from tests.dataset.joining.sets import (
    SPLITS,
    by_split,
    coco_of,
    csv_of,
    folder_of,
    frame_of,
    loaded,
    parquet_of,
    rows,
    saved_of,
)
from tests.dataset.shards import CLASSES


def test_the_real_splits_stay_and_synthetic_images_are_for_training(
    real: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datasets import ClassLabel

    out = tmp_path / "joined"
    assert command_line(["join", str(real), str(synthetic), "-o", str(out), "--json"]) == 0
    found = envelope(capsys.readouterr().out)["result"]
    assert found["classes"] == sorted(CLASSES)  # the folder's order, and not the dataset's
    assert sum(found["synthetic"]["train"].values()) == 30
    assert sum(found["synthetic"]["test"].values()) == 0
    assert found["leaks"] == []

    sets = loaded(out)
    assert sets["test"]["synthetic"][:] == [False] * SPLITS["test"]
    assert sets["train"].features["label"] == ClassLabel(names=sorted(CLASSES))
    given = {f"real/{row['split']}/{row['class']}/{row['name']}": row for row in rows()}
    own = pq.ParquetDataset(synthetic / "data").read().to_pylist()
    made = {f"synthetic/{row['id']}": row for row in own}
    seen = [(split, row) for split, table in by_split(out).items() for row in table.to_pylist()]
    assert len(seen) == len(given) + len(made)
    for split, row in seen:
        assert sorted(CLASSES)[row["label"]] == row["class"]
        if row["synthetic"]:
            before = made.pop(row["id"])
            assert row["image"]["bytes"] == before["image"]["bytes"]
            assert {name: row[name] for name in ("class", "prompt", "seed", "score_clip_score")} == {
                name: before[name] for name in ("class", "prompt", "seed", "score_clip_score")
            }
        else:
            before = given.pop(row["id"])
            assert (row["image"]["bytes"], row["class"], split) == (before["picture"], before["class"], before["split"])
            assert row["prompt"] is None
    assert not given
    assert not made
    labels = [(row["class"], row["synthetic"]) for split, row in seen if split == "train"]
    assert 0 < labels[:18].count(("chef", True)) < 18  # mixed: the first half has some of each
    assert Counter(origin for _, origin in labels[:18])[False] > 0
    assert read_contents(out).left == ()
    assert len(open_set(out).table(["class"])) == 39


@pytest.mark.parametrize("make", [folder_of, csv_of, parquet_of, saved_of, frame_of, coco_of])
def test_whatever_an_audit_opens_can_be_joined(make: Callable[[Path], Any], synthetic: Path, tmp_path: Path) -> None:
    joined = synthgen.join(make(tmp_path / "real"), synthetic, tmp_path / "joined")
    assert list(joined.summary.classes) == sorted(CLASSES)
    expected = {"train": 6} if make is coco_of else SPLITS
    assert {split: sum(counts.values()) for split, counts in joined.real.items()} == expected
    pictures = {
        row["image"]["bytes"]
        for file in (tmp_path / "joined").glob("data/*.parquet")
        for row in pq.read_table(file, columns=["image", "synthetic"]).to_pylist()
        if not row["synthetic"]
    }
    assert pictures == {row["picture"] for row in rows() if row["split"] in expected}


def test_synthetic_images_stay_in_their_splits_if_asked(real: Path, synthetic: Path, tmp_path: Path) -> None:
    joined = synthgen.join(real, synthetic, tmp_path / "joined", keep_splits=True)
    assert {split: sum(counts.values()) for split, counts in joined.synthetic.items()} == {"train": 24, "test": 6}
