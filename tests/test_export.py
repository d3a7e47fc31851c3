"""`synthgen export`: a run, a dataset or any labelled set, in another format."""

import io
import json
import shutil
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.dataset.summary import read_summary, write_summary
from synthgen.errors import StorageError, UsageError
from synthgen.spec import OWN_FORMATS
from synthgen.store import FolderStore
from tests.command import command_line, result
from tests.running.noise import SPEC, make_run, noise_plan

PLAN = noise_plan("classes={doctor: 5, chef: 4}", "output.shard_size=4", "output.splits={train: 0.5, test: 0.5}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


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


def painted(folder: Path, ending: str = "jpg", **options: Any) -> Path:
    """An image folder of two classes in two splits."""
    for number, name in enumerate(("train/cat", "train/dog", "test/cat")):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 6), (40 * number, 90, 200)).save(folder / name / f"{number}.{ending}", **options)
    return folder


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


def test_boxes_come_in_the_form_of_all_datasets(tmp_path: Path) -> None:
    source = painted(tmp_path / "pets", "png")
    images = [{"id": 7, "file_name": "train/cat/0.png", "width": 8, "height": 6}]
    boxes = [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}]
    listing = {"images": images, "annotations": boxes, "categories": [{"id": 3, "name": "cat"}]}
    (source / "annotations.json").write_text(json.dumps(listing))
    synthgen.export(source, "parquet", tmp_path / "out")
    assert [row["boxes"] for row in rows_of(tmp_path / "out")] == [[[1, 2, 4, 6]]]


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


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_boxes_fit_the_pixels_of_a_turned_picture_whoever_reads_it(tmp_path: Path, ending: str) -> None:
    from torchvision.datasets import CocoDetection

    source = tmp_path / "photos"
    source.mkdir()
    seen = np.zeros((30, 40, 3), np.uint8)
    seen[4:20, 8:16] = 255  # what a viewer shows: an object at x 8 to 16, y 4 to 20
    exif = Image.Exif()
    for number, (orientation, turns) in enumerate({1: 0, 6: 1, 8: 3, 3: 2}.items()):
        exif[0x0112] = orientation
        Image.fromarray(np.rot90(seen, turns)).save(source / f"{number}.{ending}", quality=95, exif=exif)
    found = {
        "images": [{"id": n, "file_name": f"{n}.{ending}", "width": 40, "height": 30} for n in range(4)],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [8, 4, 8, 16]} for n in range(4)],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (source / "annotations.json").write_text(json.dumps(found))

    made = synthgen.export(source, "coco", tmp_path / "coco")
    assert made.summary.encoded == 3
    assert made.notes[-1].startswith("3 pictures were turned upright")
    root = tmp_path / "coco/train"
    written = {file.read_bytes() for file in root.glob(f"*.{ending}")}
    kept = [number for number in range(4) if (source / f"{number}.{ending}").read_bytes() in written]
    assert kept == [0], "what needs no turn stays as it is"
    read = CocoDetection(str(root), str(root / "_annotations.coco.json"))
    sizes = [(image["width"], image["height"]) for image in read.coco.loadImgs(read.ids)]
    for (image, (one,)), size in zip(read, sizes, strict=True):
        assert image.size == size == (40, 30)
        left, top, width, height = map(int, one["bbox"])
        pixels = np.asarray(image.convert("L")) > 127
        assert pixels[top : top + height, left : left + width].all()
        assert pixels.sum() == width * height

    synthgen.export(source, "yolo", tmp_path / "yolo")
    for file in (tmp_path / "yolo/images/train").glob(f"*.{ending}"):
        assert picture(file.read_bytes()).size == (40, 30)
    assert synthgen.export(source, "parquet", tmp_path / "parquet").summary.encoded == 0


def turned(place: Path, shape: tuple[int, int], masks: str) -> Path:
    """Photos that EXIF turns, each with the mask of its object: as stored, or as it is seen."""
    seen = np.zeros((*shape, 3), np.uint8)
    seen[4:20, 8:16] = 255
    lines, exif = [], Image.Exif()
    (place / "masks").mkdir(parents=True)
    for number, (orientation, turns) in enumerate({1: 0, 6: 1, 8: 3, 3: 2}.items()):
        exif[0x0112] = orientation
        stored = np.rot90(seen, turns)
        Image.fromarray(stored).save(place / f"{number}.jpg", quality=95, exif=exif)
        mask = {"stored": stored, "seen": seen, "foreign": seen[:-1]}[masks][..., 0]
        Image.fromarray(mask).save(place / f"masks/{number}.png")
        lines.append({"file_name": f"{number}.jpg", "label": "dog", "mask_file_name": f"masks/{number}.png"})
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return place


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools' decoder
@pytest.mark.parametrize("shape", [(30, 40), (32, 32)], ids=["oblong", "square"])
def test_masks_are_turned_with_their_pictures(tmp_path: Path, shape: tuple[int, int]) -> None:
    from pycocotools.coco import COCO

    source = turned(tmp_path / "photos", shape, "stored")
    synthgen.export(source, "coco", tmp_path / "coco")
    found = COCO(str(tmp_path / "coco/train/_annotations.coco.json"))
    drawn = [(found.annToMask(each), tuple(each["bbox"])) for each in found.loadAnns(found.getAnnIds())]
    assert len(drawn) == 4
    for mask, box in drawn:
        assert (mask.shape, box, mask[4:20, 8:16].all()) == (shape, (8, 4, 8, 16), True)
    synthgen.export(source, "yolo", tmp_path / "yolo")
    outlines = {file.read_text() for file in (tmp_path / "yolo/labels/train").iterdir()}
    assert len(outlines) == 1
    for form in ("parquet", "imagefolder"):
        synthgen.export(source, form, tmp_path / form, image="png")
        synthgen.export(tmp_path / form, "parquet", tmp_path / f"{form} again")
        for row in rows_of(tmp_path / f"{form} again"):
            image, mask = (np.asarray(picture(row[name]["bytes"]).convert("L")) > 127 for name in ("image", "mask"))
            assert image.sum() == 128
            assert np.array_equal(image, mask)
    kept = rows_of_export(source, tmp_path / "as it is")
    assert kept == {(source / f"masks/{number}.png").read_bytes() for number in range(4)}


def rows_of_export(source: Path, folder: Path) -> set[bytes]:
    synthgen.export(source, "parquet", folder)
    return {row["mask"]["bytes"] for row in rows_of(folder)}


def test_a_mask_of_the_upright_picture_stays_and_one_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    source = turned(tmp_path / "seen", (30, 40), "seen")
    (source / "metadata.jsonl").write_text("".join((source / "metadata.jsonl").read_text().splitlines(True)[:3]))
    (source / "3.jpg").unlink()  # by half a turn, the size does not say which it is
    synthgen.export(source, "coco", tmp_path / "coco")
    annotations = json.loads((tmp_path / "coco/train/_annotations.coco.json").read_text())["annotations"]
    assert [each["bbox"] for each in annotations] == [[8, 4, 8, 16]] * 3
    foreign = turned(tmp_path / "foreign", (30, 40), "foreign")
    for form in ("coco", "yolo", "parquet"):
        with pytest.raises(UsageError, match=r"the mask of \d\.jpg has 40 x 29 pixels, and its"):
            synthgen.export(foreign, form, tmp_path / "out", image="png")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools' decoder
def test_masks_that_coco_draws_on_the_upright_picture_are_not_turned_again(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    source = turned(tmp_path / "photos", (32, 32), "stored")
    (source / "metadata.jsonl").unlink()
    shutil.rmtree(source / "masks")
    outline = [[8, 4, 16, 4, 16, 20, 8, 20]]
    place = {"category_id": 1, "bbox": [8, 4, 8, 16], "segmentation": outline, "iscrowd": 0}
    found = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 32, "height": 32} for n in range(4)],
        "annotations": [{"id": n + 1, "image_id": n, **place} for n in range(4)],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (source / "annotations.json").write_text(json.dumps(found))
    synthgen.export(source, "parquet", tmp_path / "parquet")
    for number, folder in enumerate((source, tmp_path / "parquet")):
        synthgen.export(folder, "coco", tmp_path / f"coco{number}")
        read = COCO(str(tmp_path / f"coco{number}/train/_annotations.coco.json"))
        assert all(read.annToMask(each)[4:20, 8:16].all() for each in read.loadAnns(read.getAnnIds()))


@pytest.mark.parametrize("size", [(64, 96), (960, 640), (96, 64)], ids=["turned", "scaled", "as stored"])
def test_boxes_of_a_coco_set_that_are_in_an_image_of_another_size_are_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if size == (96, 64) else 1
    (tmp_path / "coco").mkdir()
    Image.new("RGB", (96, 64)).save(tmp_path / "coco/0.jpg", exif=exif)
    found = {
        "images": [{"id": 0, "file_name": "0.jpg", "width": size[0], "height": size[1]}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [4, 5, 30, 40]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (tmp_path / "coco/annotations.json").write_text(json.dumps(found))
    with pytest.raises(UsageError, match=f"0.jpg: its boxes are in an image of {size[0]} x {size[1]} pixels"):
        synthgen.export(tmp_path / "coco", "coco", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    found["annotations"][0].pop("bbox")
    (tmp_path / "coco/annotations.json").write_text(json.dumps(found))
    synthgen.export(tmp_path / "coco", "coco", tmp_path / "out")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([5, 5, 2, 3], "has no area"),
        ([2, 2, 2, 4], "has no area"),
        ([1, 1, 99, 4], "reaches over"),
        ([50, 1, 60, 4], "outside"),
    ],
)
def test_no_export_has_a_box_that_does_not_fit_into_its_image(tmp_path: Path, box: list[float], said: str) -> None:
    source = painted(tmp_path / "pets", "png")
    lines = [{"file_name": "train/cat/0.png", "label": "cat", "boxes": [[6, 4, 8, 6]]}]
    listing = tmp_path / "set"
    listing.mkdir()
    shutil.copytree(source / "train", listing / "train")
    (listing / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    synthgen.export(listing, "parquet", tmp_path / "dataset")
    damaged(tmp_path / "dataset", box)
    for form in ("coco", "yolo", "parquet", "imagefolder", "webdataset"):
        with pytest.raises(UsageError, match=f"the image .*0.png: the box .* {said}"):
            synthgen.export(tmp_path / "dataset", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def damaged(dataset: Path, box: list[float]) -> None:
    """Give the images of a dataset a box that no version of synthgen should write, with its right digest."""
    summary = read_summary(dataset)
    assert summary is not None
    splits, digests = [], dict(summary.digests)
    for split in summary.splits:
        for name in split.files:
            table = pq.read_table(dataset / name)
            boxes = pa.array([[box]] * len(table), table["boxes"].type)
            pq.write_table(table.set_column(table.column_names.index("boxes"), "boxes", boxes), dataset / name)
            digests[name] = sha256((dataset / name).read_bytes()).hexdigest()
        splits.append(replace(split, files={name: (dataset / name).stat().st_size for name in split.files}))
    write_summary(replace(summary, splits=tuple(splits), digests=digests), dataset)


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    assert command_line(["export", *map(str, arguments)]) == code
    return capsys.readouterr().err


def test_what_cannot_work_is_refused_before_work(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    to = ("--to", "parquet", "-o")
    assert "Did you mean 'parquet'?" in refused(capsys, 2, finished, "--to", "parqet", "-o", out)
    assert "--quality" in (said := refused(capsys, 2, finished, *to, out, "--image", "png", "--quality", 9))
    assert "PNG keeps every pixel" in said
    assert "--label" in refused(capsys, 2, finished, *to, out, "--label", "kind")
    assert "in the folder of a run" in refused(capsys, 2, finished, *to, finished / "dataset")
    assert "in the folder of a run" in refused(capsys, 2, finished, *to, finished / "dataset/data/more")
    assert "it is a run, with files of its own" in refused(capsys, 5, finished / "dataset", *to, finished)
    pets = painted(tmp_path / "pets")
    assert "one in the other" in refused(capsys, 2, pets, *to, pets / "copy")
    assert "not to addresses" in refused(capsys, 2, finished, *to, "s3://bucket/prefix")
    assert "no such file" in refused(capsys, 2, tmp_path / "nothing", *to, out)

    plain = tmp_path / "plain"
    plain.mkdir()
    Image.new("RGB", (4, 4)).save(plain / "1.png")
    (plain / "metadata.csv").write_text("file_name,size\n1.png,3\n")
    assert "no column that looks like labels" in refused(capsys, 2, plain, *to, out)
    (plain / "metadata.csv").write_text("file_name,kind\n1.png,dog\n")
    assert refused(capsys, 2, plain, *to, out, "--label", "nope").splitlines()[0].count("the image folder") == 1

    broken = painted(tmp_path / "broken")
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(noise, "PNG")
    cut = noise.getvalue()[:2000]
    for data in (b"no picture", b"\x89PNG\r\n\x1a\n" + b"it only begins like one", cut):
        (broken / "train/dog/1.jpg").write_bytes(data)
        assert "train/dog/1.jpg cannot be opened" in refused(capsys, 2, broken, *to, out)
    assert not out.exists()

    out.mkdir()
    (out / "thesis.txt").write_text("ten years of work")
    assert "in the way" in refused(capsys, 5, finished, *to, out)
    assert content(out) == {"thesis.txt": b"ten years of work"}

    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10, 9, 1))
    for source in (finished, finished / "dataset"):
        assert "Make room" in refused(capsys, 5, source, *to, tmp_path / "full")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "out", "pets", "plain"]


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    from synthgen.running import create_run

    create_run(FolderStore(tmp_path / "run"), PLAN, SPEC)
    with pytest.raises(UsageError, match="not committed yet"):
        synthgen.export(tmp_path / "run", "parquet", tmp_path / "out")


def test_a_damaged_dataset_is_not_exported(finished: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(finished / "dataset", tmp_path / "dataset")
    file = next(dataset.rglob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[data.find(b"IDAT") + 6] ^= 1
    file.write_bytes(data)
    with pytest.raises(StorageError, match="is damaged"):
        synthgen.export(dataset, "webdataset", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dataset_that_lacks_a_file_is_neither_exported_nor_joined(finished: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(finished / "dataset", tmp_path / "dataset")
    (dataset / "provenance.json").unlink()
    with pytest.raises(StorageError, match=r"provenance\.json is missing"):
        synthgen.export(dataset, "parquet", tmp_path / "out")
    with pytest.raises(StorageError, match=r"provenance\.json is missing"):
        synthgen.join(finished, dataset, tmp_path / "joined")


def test_masks_and_texts_of_shards_come_along(tmp_path: Path) -> None:
    synthgen.render(tmp_path / "rend", 3)
    synthgen.export(tmp_path / "rend", "webdataset", tmp_path / "shards")
    synthgen.export(tmp_path / "rend", "coco", tmp_path / "coco")
    assert "masks" not in synthgen.export(tmp_path / "coco", "parquet", tmp_path / "masked").left_out
    drawn = {
        np.asarray(picture(one["bytes"])).tobytes() for row in rows_of(tmp_path / "masked") for one in row["masks"]
    }
    files = [*(tmp_path / "rend").glob("masks/*.png")]
    assert drawn == {((np.asarray(Image.open(file)) > 0) * np.uint8(255)).tobytes() for file in files}
    back = synthgen.export(tmp_path / "shards", "parquet", tmp_path / "back")
    rows = rows_of(tmp_path / "back")
    assert back.left_out == {}
    assert all(picture(row["mask"]["bytes"]).size for row in rows)
    assert all(row["caption"] for row in rows)
    assert not {"key", "cls", "json.caption"} & {*rows[0]}


def test_a_run_without_boxes_is_said_to_have_none(finished: Path, tmp_path: Path) -> None:
    assert "no `bbox`" in synthgen.export(finished, "coco", tmp_path / "coco").notes[0]
