"""Renders of the bundled world are a labelled set whose labels, boxes and masks are true; `specs/sources` is one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from numpy.typing import NDArray
from PIL import Image

import synthgen
from synthgen.errors import Interrupted, StorageError, UsageError
from synthgen.events import Event, StepProgress
from synthgen.sets import aside_of, open_set, read_frame
from tests.command import command_line, envelope, result

SOURCES = Path(__file__).parents[2] / "specs/sources"


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def pixels(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_sources_are_what_the_command_makes_and_are_small(tmp_path: Path) -> None:
    assert command_line(["render", "-n", "24", "-o", str(tmp_path / "made"), "--even", "-q"]) == 0
    made, there = contents(tmp_path / "made"), contents(SOURCES)
    assert made.keys() == there.keys()
    assert len(made) == 24 + 24 + 1
    assert made["metadata.jsonl"] == there["metadata.jsonl"]
    for name in made:
        if name.endswith(".png"):  # another zlib may pack the same pixels otherwise
            assert np.array_equal(pixels(tmp_path / "made" / name), pixels(SOURCES / name)), name
    assert sum(map(len, there.values())) < 400_000


def test_the_boxes_of_a_row_bound_its_mask_and_the_head_in_it() -> None:
    for row in rows(SOURCES):
        mask, image = pixels(SOURCES / row["mask_file_name"]), pixels(SOURCES / row["file_name"])
        assert image.shape == (64, 64, 3)
        assert mask.shape == (64, 64)
        assert {*np.unique(mask)} == {0, 255}
        ((left, top, right, bottom),) = row["boxes"]
        assert not np.delete(mask, np.s_[top:bottom], 0).any()
        assert not np.delete(mask, np.s_[left:right], 1).any()
        assert mask[top].any()
        assert mask[bottom - 1].any()
        assert mask[:, left].any()
        assert mask[:, right - 1].any()
        ((*start, end, below),) = row["head_boxes"]
        assert left <= start[0] < end <= right
        assert top <= start[1] < below <= bottom


def test_an_audit_and_datasets_open_it_with_masks_and_boxes() -> None:
    found = open_set(SOURCES)
    frame = read_frame(found, known={"tone": "skin_tone", "glasses": "glasses"})
    assert found.notes == ()
    assert aside_of(found) == {}
    assert [*frame["label"].value_counts()] == [4] * 6
    assert [*frame["tone"].value_counts()] == [8] * 3
    assert {*frame["glasses"]} == {"yes", "no"}

    loaded = load_dataset(str(SOURCES), split="train")
    assert loaded["boxes"][:] == [row["boxes"] for row in rows(SOURCES)]
    assert np.array_equal(np.asarray(loaded[3]["image"]), pixels(SOURCES / "images/000003.png"))
    assert np.array_equal(np.asarray(loaded[3]["mask"]), pixels(SOURCES / "masks/000003.png"))


@pytest.mark.parametrize("even", [False, True])
def test_a_larger_set_begins_with_a_smaller_one_of_the_same_seed(even: bool, tmp_path: Path) -> None:
    few, more, other = (
        synthgen.render(tmp_path / name, count, seed=seed, even=even).folder
        for name, count, seed in (("few", 4, 7), ("more", 6, 7), ("other", 4, 8))
    )
    assert rows(more)[:4] == rows(few)
    assert rows(other) != rows(few)
    for row in rows(few):
        for name in (row["file_name"], row["mask_file_name"]):
            assert (few / name).read_bytes() == (more / name).read_bytes()


def test_the_result_counts_every_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["render", "-n", "7", "-o", str(tmp_path / "made"), "--even", "--json"]) == 0
    found = result(capsys.readouterr().out)
    assert found["images"] == sum(found["classes"].values()) == 7
    assert sorted(found["classes"].values()) == [1, 1, 1, 1, 1, 2]
    assert (found["seed"], found["even"]) == (0, True)


def test_a_folder_that_is_not_empty_is_refused_by_name_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert command_line(["render", "-n", "2", "-o", str(tmp_path), "--json"]) == 2
    (error,) = envelope(capsys.readouterr().out)["errors"]
    assert (error["argument"], error["code"]) == ("--output", "usage")
    assert f"{tmp_path} is not empty: it has mine.txt" in error["message"]
    assert contents(tmp_path) == {"mine.txt": b"mine"}

    with pytest.raises(StorageError, match="is a file and not a folder"):
        synthgen.render(tmp_path / "mine.txt", 2)
    with pytest.raises(UsageError, match="expected at least 1, found 0"):
        synthgen.render(tmp_path / "new", 0)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_call_that_stops_leaves_nothing_so_that_it_can_be_repeated(is_there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    if is_there:
        folder.mkdir()
    steps: list[StepProgress] = []

    def hear(event: Event) -> None:
        assert isinstance(event, StepProgress)
        steps.append(event)
        with pytest.raises(UsageError):  # what a kill would leave is no set
            open_set(folder)

    with pytest.raises(Interrupted):
        synthgen.render(folder, 10**9, on_progress=hear, stop=lambda: len(steps) == 3)
    assert [(step.done, step.total) for step in steps] == [(0, 10**9), (1, 10**9), (2, 10**9)]
    assert folder.exists() == is_there
    assert not is_there or not any(folder.iterdir())
    assert synthgen.render(folder, 2).count == 2
