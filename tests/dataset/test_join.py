"""`synthgen join`: a set of real images and one of synthetic images become one dataset."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures

import synthgen
from synthgen.dataset.finalize import finalize
from synthgen.dataset.hub.contents import read_contents
from synthgen.errors import Interrupted, StorageError, UsageError
from synthgen.sets import open_set
from synthgen.spec import folded
from synthgen.store.faults import VARIABLE
from synthgen.store.layout import CONTACT, SUMMARY
from tests.command import command_line, envelope
from tests.dataset.hostile import NAMES
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard

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


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 30 images, with splits of its own and another order of the classes."""
    place = tmp_path_factory.mktemp("synthetic")
    make = partial(finalize, name="workers", classes=CLASSES, splits={"train": 0.8, "test": 0.2})
    make([write_shard(place, 0)], place / "dataset", provenance=PROVENANCE)
    return place / "dataset"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "real")


def loaded(folder: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), cache_dir=str(folder.parent / f"cache of {folder.name}"))


def by_split(folder: Path) -> dict[str, pa.Table]:
    return {
        split: pa.concat_tables(pq.read_table(file) for file in sorted(folder.glob(f"data/{split}-*.parquet")))
        for split in SPLITS
    }


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


def test_the_same_again_is_left_as_it_is_and_another_set_replaces_it(
    real: Path, synthetic: Path, tmp_path: Path
) -> None:
    out = tmp_path / "joined"
    first = synthgen.join(real, synthetic, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = synthgen.join(real, synthetic, out)
    assert (first.rebuilt, again.rebuilt) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert again.real == first.real

    (real / "train/chef/1.png").write_bytes(picture(200))  # as long as before, and as old as you like
    assert synthgen.join(real, synthetic, out).rebuilt
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="synthgen did not make it"):
        synthgen.join(real, synthetic, tmp_path / "mine")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"synthgen did not write notes\.txt there"):
        synthgen.join(real, synthetic, out, leave_out=["seed"])
    assert (out / "notes.txt").read_text() == "mine"
    (tmp_path / "run/dataset").mkdir(parents=True)
    (tmp_path / "run/spec.resolved.yaml").touch()
    with pytest.raises(UsageError, match="in the folder of a run"):
        synthgen.join(real, synthetic, tmp_path / "run/dataset")
    (tmp_path / ".new.newest").write_text("mine")
    with pytest.raises(Interrupted):
        synthgen.join(real, synthetic, tmp_path / "new", stop=lambda: True)
    assert (tmp_path / ".new.newest").read_text() == "mine"
    (tmp_path / ".new.newest").unlink()
    assert sorted(path.name for path in tmp_path.iterdir() if "new" in path.name) == []


def test_classes_of_only_one_set_are_refused_by_name_or_follow_the_real_ones(
    real: Path, synthetic: Path, tmp_path: Path
) -> None:
    for split in SPLITS:
        (real / split / "builder").rename(real / split / "bilder")
    with pytest.raises(
        UsageError, match="the real set does not have the class 'builder' of the synthetic set"
    ) as refused:
        synthgen.join(real, synthetic, tmp_path / "joined")
    assert refused.value.hint is not None
    assert "called 'bilder'" in refused.value.hint
    assert "`unshared_classes=True`" in refused.value.hint
    assert "does not have the class 'bilder' of the real set" in refused.value.message  # both at once
    assert refused.value.argument is None  # which was not given, and is no place of the fault
    joined = synthgen.join(real, synthetic, tmp_path / "joined", unshared_classes=True)
    assert list(joined.summary.classes) == ["bilder", "chef", "doctor", "builder"]

    for split in SPLITS:
        (real / split / "bilder").rename(real / split / "Builder")
    with pytest.raises(UsageError, match="differ only in case"):
        synthgen.join(real, synthetic, tmp_path / "joined", unshared_classes=True)


def test_columns_of_both_sets_get_one_type_or_are_refused_by_name(synthetic: Path, tmp_path: Path) -> None:
    frame = frame_of(tmp_path)
    frame["score_clip_score"] = [1, None, *range(7)]
    joined = synthgen.join(frame, synthetic, tmp_path / "joined")
    assert joined.rebuilt
    kind = pq.read_schema(next((tmp_path / "joined/data").glob("train-*"))).field("score_clip_score").type
    assert pa.types.is_floating(kind)

    frame["seed"] = "one"
    with pytest.raises(UsageError, match="column 'seed' holds string in the real set, and int64 in") as refused:
        synthgen.join(frame, synthetic, tmp_path / "joined")
    assert refused.value.hint is not None
    assert "leave_out" in refused.value.hint
    synthgen.join(frame, synthetic, tmp_path / "joined", leave_out=["seed"])
    assert "seed" not in pq.read_schema(next((tmp_path / "joined/data").glob("train-*"))).names
    with pytest.raises(UsageError, match="neither set has a column 'sed'"):
        synthgen.join(frame, synthetic, tmp_path / "joined", leave_out=["sed"])


def test_all_that_does_not_go_together_is_told_at_once(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = frame_of(tmp_path).assign(seed="one", prompt=1, synthetic="no")
    frame["label"] = frame["label"].replace("builder", "smith")
    frame["image"] = [row["picture"] for row in rows()]
    frame.to_parquet(tmp_path / "real.parquet")
    arguments = ["join", str(tmp_path / "real.parquet"), str(synthetic), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--json"]) == 2
    (error,) = envelope(capsys.readouterr().out)["errors"]
    head, *lines = error["message"].splitlines()
    assert head == "5 reasons why the two sets do not go together:"
    parts = ["'builder'", "'smith'", "column 'seed'", "column 'prompt'", "'synthetic'"]
    for line, part in zip(lines, parts, strict=True):
        assert part in line
    assert "--leave-out seed --leave-out prompt --leave-out synthetic leaves them out" in error["hint"]
    assert "--" not in error["message"]


def test_what_would_leak_is_told(
    real: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pq.ParquetDataset(synthetic / "data").read().to_pandas()[["id", "image", "class", "seed"]]
    names = [path.relative_to(real).as_posix() for path in sorted(real.rglob("test/*/*.png"))]
    frame["source_id"] = [names[0], "train/chef/1.png", *[None] * 28]
    frame.at[5, "image"] = {"bytes": (real / names[1]).read_bytes(), "path": None}
    frame.to_parquet(tmp_path / "made.parquet")
    arguments = ["join", str(real), str(tmp_path / "made.parquet"), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--synthetic-label", "class", "--json"]) == 0
    found = envelope(capsys.readouterr().out)
    ids = [f"synthetic/{frame['id'][row]}" for row in (0, 5)]
    assert {(leak["synthetic"], leak["how"], leak["real"]) for leak in found["result"]["leaks"]} == {
        (ids[0], "was made from", f"real/{names[0]}"),
        (ids[1], "is a copy of", f"real/{names[1]}"),
    }
    assert "what is in another split leaks" in found["warnings"][0]
    assert "2 images show" in (tmp_path / "joined/README.md").read_text()


def test_synthetic_images_stay_in_their_splits_if_asked(real: Path, synthetic: Path, tmp_path: Path) -> None:
    joined = synthgen.join(real, synthetic, tmp_path / "joined", keep_splits=True)
    assert {split: sum(counts.values()) for split, counts in joined.synthetic.items()} == {"train": 24, "test": 6}


def test_pictures_that_metadata_names_come_along(synthetic: Path, tmp_path: Path) -> None:
    synthgen.render(tmp_path / "renders", 6, even=True)
    synthgen.join(tmp_path / "renders", synthetic, tmp_path / "joined", unshared_classes=True)
    sets = loaded(tmp_path / "joined")["train"]
    masks = {row["id"]: row["mask"] for row in sets if not row["synthetic"]}
    assert len(masks) == 6
    for name, mask in masks.items():
        file = tmp_path / "renders/masks" / Path(name).name
        assert np.array_equal(np.asarray(mask), np.asarray(Pictures.open(file)))
    assert all(row["mask"] is None for row in sets if row["synthetic"])


def test_masks_come_along_and_what_nothing_reads_is_named(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    outline = {"segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]], "keypoints": [1, 2, 2]}
    for number, each in enumerate(found["annotations"]):
        each.update(outline if number else {})
    found["annotations"].append(found["annotations"][1] | {"id": 99, "iscrowd": 1})
    found["images"][0]["weather"] = "sunny"
    found["annotations"][0]["score"] = found["annotations"][2]["score"] = 0.5
    found["categories"][0]["supercategory"] = "none"
    found["annotations"].append(found["annotations"][2] | {"id": 98, "segmentation": []})
    (real / "annotations.json").write_text(json.dumps(found))
    made = pq.read_table(synthetic / "data")
    table = pa.table(
        {
            "image": made["image"],
            "label": made["class"],
            "masks": [[{"bytes": picture(255), "path": None}]] * len(made),
            "days": pa.array([[("monday", 1)]] * len(made), pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, tmp_path / "made.parquet")
    out = tmp_path / "joined"
    arguments = ["join", str(real), str(tmp_path / "made.parquet"), "-o", str(out)]
    assert command_line([*arguments, "--json"]) == 0
    said = envelope(capsys.readouterr().out)["result"]["left_out"]
    assert said == {
        "keypoints": "the real set: the keypoints of COCO sets are not read",
        "iscrowd": "the real set: 1 annotation is a crowd, whose boxes and masks are not read",
        "images.weather": "the real set: the key, which 1 has, is not read",
        "annotations.score": "the real set: the key, which 3 have, is not read",
        "some masks": "the real set: 1 image has no mask for some object or no box for some mask, and so none at all",
        "days": "the synthetic set: its type is map<string, int64 ('days')>",
    }
    rows = [row for split in loaded(out).values() for row in split]
    masks = {row["id"]: row["masks"] for row in rows if not row["synthetic"]}
    assert [len(masks[f"real/{number}.png"]) for number in range(6)] == [0, 1, 0, 1, 1, 1]
    shown = np.zeros((8, 8), np.uint8)
    shown[1:5, 1:5] = 255
    assert (np.asarray(masks["real/5.png"][0]) == shown).all()
    assert {len(row["masks"]) for row in rows if row["synthetic"]} == {1}
    assert command_line(arguments) == 0
    printed = capsys.readouterr().out
    for name, why in said.items():
        assert f"left out  {name!r} of {why}" in " ".join(printed.split()).replace("left out ", "left out  ")
        assert f"- {name}: the" in (out / "README.md").read_text()
    synthgen.join(real, tmp_path / "made.parquet", out, leave_out=["masks"])
    assert "masks" not in loaded(out)["train"].features


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([[40, 10, 30, 40]], [[40, 10, 70, 50]]),
        ([[0.5, 0.5, 0.2, 0.3]], None),
        ([[10, 10, 31, 41]], None),
        ([[10, 50, 70, 55]], [[10, 50, 70, 55]]),
        ("in a cardboard box", None),
    ],
    ids=["width and height", "unclear shares", "unclear pixels", "corners", "a text"],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["real", "synthetic"])
def test_boxes_of_both_sets_become_corners_in_pixels_or_are_left_out_by_name(
    tmp_path: Path, written: object, expected: list[list[float]] | None, swapped: bool
) -> None:
    kinds = sorted(CLASSES)
    sets = {}
    for name, boxes in (("unknown", written), ("coco", None)):
        place = tmp_path / name
        place.mkdir()
        for number in range(3):
            Pictures.new("RGB", (80, 60), (number, 9, swapped)).save(place / f"{number}.png")
        sets[name] = place
        if boxes is not None:
            lines = [{"file_name": f"{n}.png", "label": kinds[n], "boxes": boxes} for n in range(3)]
            (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 60} for n in range(3)],
        "categories": [{"id": n, "name": kind} for n, kind in enumerate(kinds)],
        "annotations": [{"id": n, "image_id": n, "category_id": n, "bbox": [10, 10, 20, 30]} for n in range(3)],
    }
    (sets["coco"] / "annotations.json").write_text(json.dumps(found))
    first, second = ("coco", "unknown") if swapped else ("unknown", "coco")
    joined = synthgen.join(sets[first], sets[second], tmp_path / "joined")
    rows = pq.read_table(tmp_path / "joined/data").to_pylist()
    assert {str(row["boxes"]) for row in rows if row["synthetic"] != swapped} == {str([[10.0, 10.0, 30.0, 40.0]])}
    of_unknown = [row["boxes"] for row in rows if row["synthetic"] == swapped]
    assert of_unknown == [expected] * 3
    assert list(joined.left_out) == ([] if expected else ["boxes"])
    assert not synthgen.join(sets[first], sets[second], tmp_path / "joined").rebuilt
    synthgen.export(tmp_path / "joined", "coco", tmp_path / "out")
    annotations = json.loads((tmp_path / "out/train/_annotations.coco.json").read_text())["annotations"]
    assert len(annotations) == (6 if expected else 3)
    assert all(min(each["bbox"]) > 0 for each in annotations)


def test_a_box_that_does_not_fit_its_image_is_named(synthetic: Path, tmp_path: Path) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    found["annotations"][3]["bbox"] = [1, 1, 40, 4]
    found["annotations"][4]["bbox"] = []  # an object without a box, as some tools write it
    (real / "annotations.json").write_text(json.dumps(found))
    with pytest.raises(UsageError, match=r"the real set: 3\.png: the box \(1, 1, 40, 4\)") as refused:
        synthgen.join(real, synthetic, tmp_path / "joined")
    assert 'leave_out="boxes"' in (refused.value.hint or "")
    synthgen.join(real, synthetic, tmp_path / "joined", leave_out=["boxes"])


def test_all_images_that_cannot_be_used_are_told_at_once(synthetic: Path, tmp_path: Path) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    for number, box in enumerate(([1, 1, 0, 4], [1, 2, 3], "x")):
        found["annotations"][number]["bbox"] = box
    (real / "annotations.json").write_text(json.dumps(found))
    (real / "4.png").write_bytes(b"a text")
    (real / "5.png").unlink()
    for make in (
        lambda: synthgen.join(real, synthetic, tmp_path / "new"),
        lambda: synthgen.export(real, "coco", tmp_path / "new"),
    ):
        with pytest.raises(UsageError, match="5 images cannot be used:") as refused:
            make()
        assert sorted(re.findall(r"(\d)\.png", refused.value.message)) == ["0", "1", "2", "4", "5"]
        assert not (tmp_path / "new").exists()


def test_images_of_another_folder_are_joined_only_where_it_is_named(synthetic: Path, tmp_path: Path) -> None:
    there = folder_of(tmp_path / "elsewhere")
    (tmp_path / "real").mkdir()
    names = [path.relative_to(there) for path in sorted(there.rglob("train/*/*.png"))]
    listed = [f"../elsewhere/{name.as_posix()},{name.parts[1]}" for name in names]
    (tmp_path / "real/set.csv").write_text("\n".join(["path,label", *listed]))
    arguments = ["join", str(tmp_path / "real/set.csv"), str(synthetic), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--json"]) == 2
    assert command_line([*arguments, "--images-from", str(there)]) == 0
    assert synthgen.join(tmp_path / "real/set.csv", synthetic, tmp_path / "joined", images_from=there).rebuilt is False


def test_swapped_sets_are_refused_and_a_set_that_is_there_already_is_told(
    real: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthgen.export(synthetic, "imagefolder", tmp_path / "folder")
    for swapped in (synthetic, tmp_path / "folder"):
        with pytest.raises(UsageError, match="is made of images that synthgen generated") as refused:
            synthgen.join(swapped, real, tmp_path / "joined")
        assert "swap them" in (refused.value.hint or "")
    assert synthgen.join(real, synthetic, tmp_path / "once").copies == 0
    arguments = ["join", str(tmp_path / "once"), str(synthetic), "-o", str(tmp_path / "twice"), "--json"]
    assert command_line(arguments) == 0
    found = envelope(capsys.readouterr().out)
    assert found["result"]["copies"] == 30
    assert any("30 synthetic images are in the real set already" in each for each in found["warnings"])
    assert (
        "30 synthetic images are, byte for byte, in the real set already" in (tmp_path / "twice/README.md").read_text()
    )
    assert "byte for byte, in the real set already" not in (tmp_path / "once/README.md").read_text()


def test_hostile_names_come_out_as_they_went_in(tmp_path: Path) -> None:
    names = list({folded(name): name.strip() for name in NAMES}.values())
    columns = {"image": [picture(number) for number in range(len(names))], "label": names}
    real = pd.DataFrame(columns | {"note": names})
    joined = synthgen.join(real, pd.DataFrame(columns), tmp_path / "joined")
    assert set(joined.summary.classes) == set(names)
    train = loaded(tmp_path / "joined")["train"]
    assert set(train.features["label"].names) == set(names)
    assert Counter(train["class"]) == Counter(dict.fromkeys(names, 2))
    assert {row["note"] for row in train if not row["synthetic"]} == set(names)
    assert {path.name for path in tmp_path.iterdir()} == {"joined", "cache of joined"}


def test_the_sheet_of_a_datasets_card_is_no_image_of_it(real: Path, tmp_path: Path) -> None:
    (real / CONTACT).write_bytes(picture(99))
    with pytest.raises(UsageError, match=r"contact-sheet\.jpg lies in no subfolder"):
        open_set(real)  # anybody's picture may have that name
    (real / SUMMARY).write_text("{}")
    assert len(open_set(real).table(["label"])) == 9


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", r"chef/7\.png is among images"), (b"a text", r"chef/7\.png is among images that")],
)
def test_an_image_that_cannot_be_opened_is_named(
    real: Path, synthetic: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    (real / "test/chef/7.png").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        synthgen.join(real, synthetic, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_what_cannot_be_joined_is_refused(real: Path, synthetic: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/plan.json").write_text("{}")
    frame = frame_of(tmp_path)
    frame.loc[3, "label"] = None
    for place, said in (
        (tmp_path / "nothing", "there is no such file or folder"),
        (tmp_path / "run", "has no dataset yet"),
        (frame, "the real set: 1 of 9 images have no class"),
        (frame_of(tmp_path).drop(columns="image"), "has no images"),
        (frame_of(tmp_path).drop(columns="label"), "no column that looks like labels"),
        (frame_of(tmp_path).replace({"split": {"test": "Prüfung"}}), "cannot be the name of a split"),
    ):
        with pytest.raises(UsageError, match=said):
            synthgen.join(place, synthetic, tmp_path / "joined")
    for place in (synthetic, synthetic.parent, real / "joined"):
        with pytest.raises(UsageError, match="is where one of the sets is"):
            synthgen.join(real, synthetic, place)
    assert not (tmp_path / "joined").exists()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["dataset-half-written", "dataset-written", "dataset-in-place"])
def test_killed_it_leaves_the_old_set_or_the_new_one_and_the_next_call_finishes(
    real: Path, synthetic: Path, tmp_path: Path, point: str
) -> None:
    out = tmp_path / "joined"
    synthgen.join(real, synthetic, out)
    old = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    shutil.copytree(real / "train/chef", real / "train/doctor", dirs_exist_ok=True)
    command = [sys.executable, "-m", "synthgen", "join", str(real), str(synthetic), "-o", str(out), "-q"]
    killed = subprocess.run(command, env={**os.environ, VARIABLE: point}, timeout=60, check=False)
    assert killed.returncode == -9
    seen = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert (seen == old) == (point != "dataset-in-place")
    joined = synthgen.join(real, synthetic, out)
    assert joined.summary.rows == 41
    assert read_contents(out).left == ()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
