"""`synthgen export`: a run, a dataset or any labelled set, in another format."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.spec import OWN_FORMATS
from tests.command import command_line, result
from tests.exporting.sets import content, painted, picture, rows_of, without_pictures
from tests.running.noise import make_run, noise_plan


def test_a_run_is_exported_as_its_dataset_is_with_other_pictures(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "jpeg"
    arguments = ["export", str(finished), "--to", "parquet", "-o", str(target), "--image", "jpeg", "--quality", "90"]
    assert command_line([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    found = result(printed.out)
    assert found["written"]
    assert found["image"] == {"format": "jpeg", "quality": 90, "encoded": 9}
    assert [json.loads(line)["step"] for line in printed.err.splitlines()][-1] == "writing the dataset"
    assert json.loads(printed.err.splitlines()[-1])["done"] == found["images"] == 9

    mine, before = rows_of(target), rows_of(finished / "dataset")
    assert repr(without_pictures(mine)) == repr(without_pictures(before))  # nan too
    for row, other in zip(mine, before, strict=True):
        image = picture(row["image"]["bytes"])
        assert (image.format, row["image"]["path"]) == ("JPEG", f"{row['id']}.jpg")
        assert getattr(image, "layer")[0][1:3] == (1, 1)  # noqa: B009 - 4:4:4
        difference = np.asarray(image, int) - np.asarray(picture(other["image"]["bytes"]), int)
        assert 0 < np.abs(difference).mean() < 20
    assert "jpeg, quality 90, 4:4:4" in (target / "README.md").read_text()

    before_that = content(target)
    assert command_line(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert content(target) == before_that
    again = synthgen.export(finished, "parquet", target, image="webp")
    assert again.rebuilt
    assert {picture(row["image"]["bytes"]).format for row in rows_of(target)} == {"WEBP"}
    for row, was in zip(rows_of(target), before, strict=True):
        assert np.array_equal(np.asarray(picture(row["image"]["bytes"])), np.asarray(picture(was["image"]["bytes"])))


def test_the_dataset_of_a_run_may_have_other_pictures_than_its_shards(tmp_path: Path) -> None:
    plan = noise_plan("classes={doctor: 3}", "output.image={format: jpeg}")
    make_run(tmp_path / "run", plan)
    synthgen.finalize(tmp_path / "run")
    assert {picture(row["image"]["bytes"]).format for row in rows_of(tmp_path / "run/dataset")} == {"JPEG"}
    shards = (tmp_path / "run/shards").glob("*.parquet")
    kept = [row["image"]["bytes"] for shard in shards for row in pq.read_table(shard).to_pylist()]
    assert {picture(data).format for data in kept} == {"PNG"}
    assert synthgen.verify(tmp_path / "run") == []
    synthgen.export(tmp_path / "run", "parquet", tmp_path / "png", image="png")
    assert Counter(picture(row["image"]["bytes"]).format for row in rows_of(tmp_path / "png")) == {"PNG": 3}


@pytest.mark.parametrize("form", [name for name in OWN_FORMATS if name not in ("parquet", "coco")])
def test_a_dataset_survives_the_way_there_and_back(finished: Path, tmp_path: Path, form: str) -> None:
    dataset = finished / "dataset"
    there = synthgen.export(dataset, form, tmp_path / "there")
    assert there.summary.encoded == 0
    synthgen.export(tmp_path / "there", "parquet", tmp_path / "back")
    back = {row["id"].rpartition("/")[2].partition(".")[0]: row for row in rows_of(tmp_path / "back")}
    before = {row["id"]: row for row in rows_of(dataset)}
    assert back.keys() == before.keys()
    for name, row in back.items():
        other = before[name]
        assert (row["split"], row["class"], row["label"]) == (other["split"], other["class"], other["label"])
        assert row["image"]["bytes"] == other["image"]["bytes"]
        assert row["prompt"] == other["prompt"]
    card = (tmp_path / "back/README.md").read_text()
    assert "the card of the dataset that was exported" in card
    assert (tmp_path / "back/provenance.json").read_bytes() == (dataset / "provenance.json").read_bytes()


def test_any_labelled_set_is_exported_with_its_splits_and_its_pictures_as_they_are(tmp_path: Path) -> None:
    from datasets import load_dataset

    source = painted(tmp_path / "pets")
    made = synthgen.export(source, "parquet", tmp_path / "out")
    assert {split.name: split.rows for split in made.summary.splits} == {"train": 2, "test": 1}
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].features["label"].names == ["cat", "dog"]
    rows = {row["id"]: row for row in rows_of(tmp_path / "out")}
    assert rows["train/dog/1.jpg"]["image"]["bytes"] == (source / "train/dog/1.jpg").read_bytes()
    assert synthgen.export(source, "parquet", tmp_path / "out").rebuilt is False
    Image.new("RGB", (8, 6)).save(source / "train/dog/1.jpg")
    assert synthgen.export(source, "parquet", tmp_path / "out").rebuilt is True


def test_columns_are_carried_over_where_their_types_allow(tmp_path: Path) -> None:
    source = painted(tmp_path / "pets", "png")
    frame = pd.DataFrame(
        {
            "image": ["train/cat/0.png", "train/dog/1.png", "test/cat/2.png"],
            "label": ["b", "a", "b"],
            "age": pd.array([2**60 + 1, None, 3], "Int64"),
            "tags": [["x"], [], ["y", "z"]],
            "file_names": ["../../a", "b", "c"],
        }
    )
    made = synthgen.export(frame, "parquet", tmp_path / "out", images_from=source)
    rows = rows_of(tmp_path / "out")
    assert [row["age"] for row in rows] == [2**60 + 1, None, 3]
    assert [list(row["tags"]) for row in rows] == [["x"], [], ["y", "z"]]
    assert [(row["label"], row["class"]) for row in rows] == [(1, "b"), (0, "a"), (1, "b")]
    assert list(made.left_out) == ["file_names"]


def test_a_profile_and_xmp_go_along_and_pictures_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    source = painted(tmp_path / "pets", exif=exif, xmp=xmp)
    for form in ("png", "webp", "jpeg"):
        quality = 80 if form == "jpeg" else None
        synthgen.export(source, "parquet", tmp_path / form, image=form, quality=quality)
        image = picture(rows_of(tmp_path / form)[0]["image"]["bytes"])
        assert (image.size, image.info["xmp"]) == ((6, 8), xmp)
