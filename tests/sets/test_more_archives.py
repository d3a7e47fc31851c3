"""Zips with metadata files, compressed shards, YOLO's sets of boxes: read like what they hold, or refused by name."""

import io
import tarfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.images import LeftOut
from synthgen.sets import open_set, read_frame
from synthgen.sets.set_name import set_name
from tests.sets.test_archives import PICTURE, SAMPLES, tar, zipped

CSV = b"file_name,label,skin\n0.png,chef,light\nb/1.png,doctor,dark\n"
JSONL = b'{"file_name": "0.png", "label": "chef", "skin": "light"}\n{"file_name": "b/1.png", "label": "doctor"}\n'


def parquet(**columns: object) -> bytes:
    made = io.BytesIO()
    pd.DataFrame(columns).to_parquet(made)
    return made.getvalue()


PARQUET = parquet(file_name=["0.png", "b/1.png"], label=["chef", "doctor"], skin=["light", "dark"])


@pytest.mark.parametrize("above", ["", "set/", "set/train/"])
@pytest.mark.parametrize(("name", "content"), [("csv", CSV), ("jsonl", JSONL), ("parquet", PARQUET)])
def test_a_zip_with_metadata_is_read_like_the_folder(name: str, content: bytes, above: str, tmp_path: Path) -> None:
    names = {"0.png": PICTURE + b"0", "b/1.png": PICTURE + b"1", "b/2.png": PICTURE + b"2"}
    files = {above + path: data for path, data in names.items()}
    file = zipped(tmp_path / "set.zip", {**files, f"{above}metadata.{name}": content, "__MACOSX/._metadata.csv": b"x"})
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "folder")
    found, folder = open_set(str(file)), open_set(str(tmp_path / "folder"))
    frame = read_frame(found, known={"skin": "skin"})
    pd.testing.assert_frame_equal(frame, read_frame(folder, known={"skin": "skin"}))
    assert frame["label"].tolist() == ["chef", "doctor"]
    assert [data for batch in found.images() for data in batch] == [PICTURE + b"0", PICTURE + b"1"]
    assert found.notes == folder.notes
    assert [note for note in found.notes if "no metadata file lists were skipped: 1" in note]


def test_the_metadata_of_a_split_or_above_it_is_used(tmp_path: Path) -> None:
    images = {f"{split}/0.png": PICTURE + split.encode() for split in ("train", "val")}
    both = b"file_name,label\ntrain/0.png,chef\nval/0.png,doctor\n"
    above = open_set(str(zipped(tmp_path / "above.zip", images | {"metadata.csv": both})), "val")
    own = {f"{split}/metadata.csv": f"file_name,label\n0.png,{split}er\n".encode() for split in ("train", "val")}
    inside = open_set(str(zipped(tmp_path / "inside.zip", images | own)), "val")
    assert read_frame(above)["label"].tolist() == ["doctor"]
    assert read_frame(inside)["label"].tolist() == ["valer"]
    assert above.some([0]) == inside.some([0]) == [PICTURE + b"val"]


def test_metadata_in_a_zip_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "private.png").write_bytes(PICTURE)
    rows = f"file_name,label\n../private.png,a\n{tmp_path}/private.png,a\nhttps://x.org/0.png,a\ngone.png,a\n"
    found = open_set(str(zipped(tmp_path / "set.zip", {"a/0.png": PICTURE, "metadata.csv": rows.encode()})))
    reasons = [each.reason for each in found.some([0, 1, 2, 3]) if isinstance(each, LeftOut)]
    assert len(reasons) == 4
    assert "address" in reasons[2]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"metadata.csv": b"label\nchef\n"}, "metadata.csv has no column 'file_name'"),
        ({"metadata.csv": CSV, "metadata.jsonl": JSONL}, "are both metadata"),
        ({"metadata.jsonl": b"{"}, "metadata.jsonl:1 cannot be read"),
        ({"metadata.parquet": b"PAR1"}, "metadata.parquet cannot be read"),
        ({"metadata.csv": b"file_name,label\n\xff,a\n"}, "metadata.csv cannot be read"),
    ],
)
def test_bad_metadata_in_a_zip_is_named_by_its_place_there(
    files: Mapping[str, bytes], message: str, tmp_path: Path
) -> None:
    file = zipped(tmp_path / "set.zip", {"0.png": PICTURE, **files})
    with pytest.raises(SynthgenError, match=message) as caught:
        open_set(str(file))
    assert f"{file}/metadata" in str(caught.value)


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".TGZ"])
def test_a_compressed_shard_is_read_like_the_shard(ending: str, tmp_path: Path) -> None:
    plain = open_set(str(tar(tmp_path / "set.tar", SAMPLES)))
    found = open_set(str(tar(tmp_path / f"set{ending}", SAMPLES, mode="w:gz")))
    known = {"skin": "skin"}
    pd.testing.assert_frame_equal(read_frame(found, known=known), read_frame(plain, known=known))
    assert [*found.images()] == [*plain.images()]
    assert found.some([2]) + found.some([0]) == plain.some([2]) + plain.some([0])
    assert found.name == plain.name == "set"
    assert set_name(tmp_path / f"set{ending}") == "set"


def test_compressed_shards_of_a_folder_are_one_set(tmp_path: Path) -> None:
    for number, ending in enumerate([".tar.gz", ".tgz", ".tar"]):
        tar(tmp_path / "set" / f"train-{number}{ending}", SAMPLES, mode="w" if ending == ".tar" else "w:gz")
    found = open_set(str(tmp_path / "set"), "train")
    assert read_frame(found)["id"].tolist()[::3] == ["train-0/0", "train-1/0", "train-2/0"]
    assert len({data for batch in found.images() for data in batch if isinstance(data, bytes)}) == 3


def test_a_compressed_shard_is_unpacked_once_and_not_for_every_sample(tmp_path: Path) -> None:
    noise = io.BytesIO(bytes(range(256)) * 400).getvalue()
    many = {f"{row:04}.{kind}": (b"chef" if kind == "cls" else noise) for row in range(500) for kind in ("cls", "jpg")}
    file = tar(tmp_path / "set.tar.gz", many, mode="w:gz")
    start = time.process_time()
    assert sum(len(batch) for batch in open_set(str(file)).images()) == 500
    assert time.process_time() - start < 5, "50 MB, unpacked twice; for every sample it would be 500 times"


@pytest.mark.parametrize("keep", [0, 5, 100, -10])
def test_a_compressed_shard_that_was_cut_is_refused(keep: int, tmp_path: Path) -> None:
    file = tar(tmp_path / "set.tgz", SAMPLES, mode="w:gz")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StorageError, match=r"set.tgz"):
        open_set(str(file))


@pytest.mark.parametrize("place", [40, 60, 200])
def test_a_compressed_shard_with_a_wrong_byte_is_refused(place: int, tmp_path: Path) -> None:
    file = tar(tmp_path / "set.tgz", SAMPLES, mode="w:gz")
    content = bytearray(file.read_bytes())
    content[place] ^= 255
    file.write_bytes(content)
    with pytest.raises(SynthgenError, match=r"set.tgz"):
        open_set(str(file))


def test_a_header_of_any_size_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.sets.web_dataset.MOST_BYTES", 2**20)
    file = tmp_path / "set.tar.gz"
    with tarfile.open(file, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"a": "b" * 2**22}) as made:
        made.addfile(tarfile.TarInfo("0.cls"), io.BytesIO())
    with pytest.raises(StorageError, match="a header of more than 1 MiB"):
        open_set(str(file))


def yolo(folder: Path, layout: str = "images/{}", labels: Mapping[str, str] | None = None, settings: str = "") -> str:
    """Two splits; an image for each entry of `labels`."""
    labels = {"0": "1 .5 .5 .1 .1\n1 .2 .2 .1 .1\n", "1": "0 .5 .5 .1 .1"} if labels is None else labels
    for split in ("train", "val"):
        images = folder / layout.format(split)
        texts = Path(*("labels" if part == "images" else part for part in images.parts))
        for place in (images, texts):
            place.mkdir(parents=True)
        for name, text in labels.items():
            (images / f"{name}.jpg").write_bytes(PICTURE + split.encode())
            if text != "none":
                (texts / f"{name}.txt").write_text(text)
    (folder / "data.yaml").write_text(settings or "path: ../elsewhere\ntrain: images/train\nnames: [no, doctor]\n")
    return str(folder)


NAMES = {
    "list": "names: [no, doctor]",
    "mapping": "names:\n  0: 'no'\n  1: doctor",
    "roboflow": "nc: 2\nnames: ['no', 'doctor']",
}


@pytest.mark.parametrize("layout", ["images/{}", "{}/images", "{}/images/deep"])
@pytest.mark.parametrize("settings", NAMES.values(), ids=NAMES)
def test_boxes_of_one_class_give_the_class_of_an_image(layout: str, settings: str, tmp_path: Path) -> None:
    place = yolo(tmp_path / "set", layout, settings=settings)
    found = open_set(place)
    assert read_frame(found)["label"].tolist() == ["doctor", "no", "doctor", "no"]
    assert next(iter(found.images()))[0] == PICTURE + b"train"
    assert len(read_frame(open_set(place, "val"))) == 2
    with pytest.raises(UsageError, match="no split 'test'"):
        open_set(place, "test")


def test_polygons_and_named_lists_are_read_and_numbers_are_told(tmp_path: Path) -> None:
    labels = {"0": "1 .1 .1 .2 .2 .3 .3", "1": "0.0 .5 .5 .1 .1 0.9"}
    place = yolo(tmp_path / "set", labels=labels)
    (tmp_path / "set/data.yaml").unlink()
    assert read_frame(open_set(place))["label"].tolist()[:2] == ["1", "0"]
    assert any("called by their number" in note for note in open_set(place).notes)
    (tmp_path / "set/classes.txt").write_text("chef\ndoctor\n")
    assert read_frame(open_set(place))["label"].tolist()[:2] == ["doctor", "chef"]


@pytest.mark.parametrize("text", ["none", "", "\n"])
def test_an_image_without_a_box_has_no_class(text: str, tmp_path: Path) -> None:
    found = open_set(yolo(tmp_path / "set", labels={"0": "1 .5 .5 .1 .1", "1": text}))
    assert read_frame(found)["label"].tolist()[:2] == ["doctor", None]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("0 .5 .5 .1 .1\n1 .5 .5 .1 .1", "", "1.jpg has boxes of 'no' and 'doctor'"),
        ("0 .5 .5 .1", "", "1.txt:1: .* is not a box"),
        ("0 .5\n7 .5 .5 .1 .1\n0 .5 .5 .1 .1", "", r"4 faults in .*1.txt:1: .*1.txt:2: class 7 has no name"),
        ("doctor .5 .5 .1 .1", "", "is not a box"),
        ("-1 .5 .5 .1 .1", "", "is not a box"),
        ("0.5 .5 .5 .1 .1", "", "is not a box"),
        ("nan .5 .5 .1 .1", "", "is not a box"),
        ("2 .5 .5 .1 .1", "", "class 2 has no name"),
        ("0 .5 .5 .1 .1", "nc: 2", "no list 'names'"),
        ("0 .5 .5 .1 .1", "names: [a, a]", "two classes have the same name"),
        ("0 .5 .5 .1 .1", "names: [a", "data.yaml cannot be read"),
        ("0 .5 .5 .1 .1", "names: [[a], b]", "no list 'names'"),
    ],
)
def test_boxes_that_give_no_class_are_refused(text: str, settings: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        open_set(yolo(tmp_path / "set", labels={"0": "1 .5 .5 .1 .1", "1": text}, settings=settings))


def test_boxes_and_names_do_not_lead_outside(tmp_path: Path) -> None:
    place = yolo(tmp_path / "set")
    (tmp_path / "private.txt").write_text("0 .5 .5 .1 .1")
    label = tmp_path / "set/labels/val/1.txt"
    label.unlink()
    label.symlink_to(tmp_path / "private.txt")
    with pytest.raises(UsageError, match="leads outside"):
        open_set(place)
