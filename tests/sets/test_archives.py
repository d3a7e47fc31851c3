"""Archives and formats of training tools: read where they lie, or refused by name."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets import open_set, read_frame
from tests.auditing.portraits import portrait

PICTURE = portrait("chef", "light", 0)
Files = Mapping[str, bytes]


def tar(file: Path, files: Files | list[tuple[str, bytes]], form: int = tarfile.PAX_FORMAT, mode: Any = "w") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, mode, format=form) as made:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return file


def sample(key: str, label: str, **more: object) -> dict[str, bytes]:
    row = {f"{key}.jpg": PICTURE + key.encode(), f"{key}.cls": label.encode()}
    return row | ({f"{key}.json": json.dumps(more).encode()} if more else {})


SAMPLES = sample("0", "chef\n", skin="light") | sample("a/1", "doctor", skin="dark") | sample("2", "chef")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_shard_gives_classes_columns_and_images(form: int, tmp_path: Path) -> None:
    found = open_set(str(tar(tmp_path / "set.tar", SAMPLES, form)))
    frame = read_frame(found, known={"skin": "skin"})
    assert frame.to_dict("list") == {
        "id": ["0", "a/1", "2"],
        "label": ["chef", "doctor", "chef"],
        "skin": ["light", "dark", None],
    }
    images = [PICTURE + key for key in (b"0", b"a/1", b"2")]
    assert [data for batch in found.images() for data in batch] == images
    assert found.some([0, 2]) == [images[0], images[2]]


def test_shards_are_one_set_and_a_split_is_read_alone(tmp_path: Path) -> None:
    tar(tmp_path / "train-0000.tar", SAMPLES)
    tar(tmp_path / "val" / "0000.tar", sample("0", "nurse"))
    tar(tmp_path / ".old" / "0000.tar", sample("0", "nurse"))
    assert read_frame(open_set(str(tmp_path)))["id"].tolist() == [
        "train-0000/0",
        "train-0000/a/1",
        "train-0000/2",
        "0000/0",
    ]
    assert read_frame(open_set(str(tmp_path), "val"))["label"].tolist() == ["nurse"]


def test_hidden_names_links_and_pickles_are_not_read(tmp_path: Path) -> None:
    file = tar(tmp_path / "set.tar", sample("0", "chef") | {"0.pyd": b"\x80", "._0.jpg": b"x", "README": b"x"})
    with tarfile.open(file, "a") as made:
        for name, kind in (("1.jpg", tarfile.SYMTYPE), ("2.jpg", tarfile.LNKTYPE), ("3.jpg", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/hostname"
            made.addfile(member)
    found = open_set(str(file))
    assert found.columns == ("key", "cls")
    assert len(found.some([0])) == len(read_frame(found)) == 1


def test_a_sample_without_an_image_is_left_out(tmp_path: Path) -> None:
    found = open_set(str(tar(tmp_path / "set.tar", sample("0", "chef") | {"1.cls": b"doctor"})))
    assert isinstance(found.some([1])[0], LeftOut)


BAD_SHARDS: Mapping[str, tuple[list[tuple[str, bytes]], str]] = {
    "scattered": ([("0.jpg", PICTURE), ("1.cls", b"a"), ("0.cls", b"a")], "the files of '0' do not lie together"),
    "twice": ([("0.jpg", PICTURE), ("0.jpg", PICTURE)], "'jpg' is given twice"),
    "several images": ([("0.jpg", PICTURE), ("0.png", PICTURE)], "has several images: jpg, png"),
    "no image of its own": ([("0.a.jpg", PICTURE), ("0.b.png", PICTURE)], "has several images: a.jpg, b.png"),
    "not a text": ([("0.jpg", PICTURE), ("0.cls", b"\xff\xfe")], r"0\.cls is not a text"),
    "a long text": ([("0.jpg", PICTURE), ("0.txt", b"a" * 2**21)], "has 2,097,152 bytes"),
    "not JSON": ([("0.jpg", PICTURE), ("0.json", b"{")], r"0\.json cannot be read"),
    "mixed kinds": ([("0.json", b'{"label": 1}'), ("1.json", b'{"label": "a"}')], "holds a text, and at .* a number"),
}


@pytest.mark.parametrize(("files", "message"), BAD_SHARDS.values(), ids=BAD_SHARDS)
def test_a_shard_that_is_unclear_is_refused(files: list[tuple[str, bytes]], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        open_set(str(tar(tmp_path / "set.tar", files)))


@pytest.mark.parametrize("keep", [0, 100, 512, 700, 2000, -10240])
def test_a_shard_that_was_cut_is_refused(keep: int, tmp_path: Path) -> None:
    file = tar(tmp_path / "set.tar", SAMPLES)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StorageError, match=r"set.tar"):
        open_set(str(file))


def test_a_compressed_shard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"set.tar cannot be read"):
        open_set(str(tar(tmp_path / "set.tar", SAMPLES, mode="w:gz")))


def test_an_archive_beside_the_images_is_not_the_set(tmp_path: Path) -> None:
    tar(tmp_path / "original.tar", SAMPLES)
    for kind in ("chef", "doctor"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "0.png").write_bytes(PICTURE)
    assert read_frame(open_set(str(tmp_path)))["id"].tolist() == ["chef/0.png", "doctor/0.png"]


def zipped(file: Path, files: Files | list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            made.writestr(name, content)
    return file


@pytest.mark.parametrize("above", ["", "set/", "set/train/"])
def test_a_zipped_folder_is_read_like_the_folder(above: str, tmp_path: Path) -> None:
    names = ["chef/0.png", "doctor/0.png", "doctor/1.png"]
    files = {above + name: PICTURE + name.encode() for name in names}
    found = open_set(str(zipped(tmp_path / "set.zip", files | {f"__MACOSX/{above}chef/._0.png": b"x", "README": b""})))
    assert read_frame(found)["id"].tolist() == [above + name for name in names]
    assert read_frame(found)["label"].tolist() == ["chef", "doctor", "doctor"]
    assert [data for batch in found.images() for data in batch] == [*files.values()]
    assert found.some([1]) == [files[above + names[1]]]
    assert found.notes == ("image files with hidden names, or in hidden folders, were skipped: 1",)


def test_a_split_of_a_zip_is_read_alone(tmp_path: Path) -> None:
    files = {f"{split}/{kind}/0.png": PICTURE for split in ("train", "val") for kind in ("chef", "doctor")}
    file = str(zipped(tmp_path / "set.zip", files))
    assert read_frame(open_set(file, "val"))["id"].tolist() == ["val/chef/0.png", "val/doctor/0.png"]
    with pytest.raises(UsageError, match="has no split 'test'"):
        open_set(file, "test")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("images/0.png", PICTURE)], "all images lie in one folder, 'images'"),
        ([("0.png", PICTURE)], "lies in no subfolder"),
        ([("a/0.png", PICTURE), ("../b/0.png", PICTURE)], "leads outside"),
        ([("a/0.png", PICTURE), ("/b/0.png", PICTURE)], "leads outside"),
        ([("a/0.png", PICTURE), ("a/0.png", b"x"), ("b/0.png", b"x")], "is in it twice"),
        ([("a/0.png", PICTURE), ("metadata.csv", b"file_name,label\n")], "metadata.csv: it lists no image"),
        ([], "no image file is in it"),
    ],
)
def test_a_zip_that_is_unclear_is_refused(files: list[tuple[str, bytes]], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        open_set(str(zipped(tmp_path / "set.zip", files)))


def test_a_damaged_member_is_left_out_and_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path / "set.zip", {"a/0.png": PICTURE, "b/0.png": PICTURE})
    content = bytearray(file.read_bytes())
    content[60] ^= 255  # inside the first member
    file.write_bytes(content)
    first, second = open_set(str(file)).some([0, 1])
    assert isinstance(first, LeftOut)
    assert second == PICTURE
    file.write_bytes(content[:200])
    with pytest.raises(StorageError, match=r"set.zip cannot be read"):
        open_set(str(file))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.sets.zip_folder.MOST_BYTES", 1000)
    found = open_set(str(zipped(tmp_path / "set.zip", {"a/0.png": bytes(2000), "b/0.png": bytes(1000)})))
    first, second = found.some([0, 1])
    assert isinstance(first, LeftOut)
    assert "larger than" in first.reason
    assert second == bytes(1000)


def coco(folder: Path, name: str = "annotations.json", below: str = "", **changes: object) -> Path:
    for number in range(3):
        (folder / below / f"{number}.png").parent.mkdir(parents=True, exist_ok=True)
        (folder / below / f"{number}.png").write_bytes(PICTURE + bytes([number]))
    whole = {
        "images": [{"id": 7 - number, "file_name": f"{number}.png"} for number in range(3)],
        "annotations": [{"image_id": image, "category_id": kind} for image, kind in ((5, 2), (7, 9), (6, 2), (7, 9))],
        "categories": [{"id": 9, "name": "chef"}, {"id": 2, "name": "doctor"}],
    }
    (folder / name).write_text(json.dumps(whole | changes))
    return folder


@pytest.mark.parametrize("name", ["annotations.json", "_annotations.coco.json"])
@pytest.mark.parametrize("below", ["", "images"])
def test_a_coco_set_with_one_category_for_each_image_is_read(name: str, below: str, tmp_path: Path) -> None:
    found = open_set(str(coco(tmp_path / "set", name, below)))
    assert read_frame(found)["label"].tolist() == ["chef", "doctor", "doctor"]
    assert [data for batch in found.images() for data in batch] == [PICTURE + bytes([number]) for number in range(3)]


def test_a_split_of_a_coco_set_is_read(tmp_path: Path) -> None:
    coco(tmp_path / "train", "_annotations.coco.json")
    assert len(read_frame(open_set(str(tmp_path), "train"))) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"annotations": [{"image_id": 7, "category_id": 9}, {"image_id": 7, "category_id": 2}]},
            "0.png has objects of 'chef' and 'doctor'",
        ),
        (
            {"annotations": [{"image_id": image, "category_id": kind} for image in (7, 6, 5) for kind in (9, 2)]},
            "3 images have objects of several categories:\n  0.png .*\n  1.png .*\n  2.png",
        ),
        ({"annotations": [{"image_id": 1, "category_id": 9}]}, "names an image that is not in the list: 1"),
        ({"annotations": [{"image_id": 7, "category_id": 1}]}, "category that is not in the list"),
        ({"annotations": None}, "'annotations' is not a list"),
        (
            {"categories": [{"id": 9, "name": "chef"}, {"id": 2, "name": "chef"}]},
            "categories have the same name: 'chef'",
        ),
        ({"categories": [{"id": 9, "name": "chef"}, {"id": 9, "name": "cook"}]}, "2 categories have the same id: 9"),
        ({"images": [{"id": 7, "file_name": "0.png"}] * 2}, "2 images have the same id: 7"),
        (
            {"annotations": [{"id": 3, "image_id": 7, "category_id": 9, "bbox": [1, 1, 2, 2]}] * 2},
            "2 annotations have the same id: 3",
        ),
        ({"images": [{"id": 7}], "annotations": []}, "an entry has no 'file_name'"),
        ({"images": [{"file_name": "0.png"}]}, "an entry has no 'id'"),
    ],
)
def test_a_coco_set_without_one_class_for_each_image_is_refused(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        open_set(str(coco(tmp_path / "set", **changes)))  # type: ignore[arg-type]


def test_a_coco_set_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "private.png").write_bytes(PICTURE)
    images = [{"id": 7 - number, "file_name": "../private.png"} for number in range(3)]
    (data, *_) = open_set(str(coco(tmp_path / "set", images=images))).some([0])
    assert isinstance(data, LeftOut)


@pytest.mark.parametrize("place", ["", "train"])
def test_a_set_of_boxes_of_several_classes_is_refused_by_name(place: str, tmp_path: Path) -> None:
    for name in ("images/train/0.png", "labels/train/0.txt"):
        (tmp_path / place / name).parent.mkdir(parents=True)
        (tmp_path / place / name).write_bytes(b"0 0.5 0.5 1 1\n1 0.5 0.5 1 1")
    with pytest.raises(UsageError, match=r"0.png has boxes of '0' and '1'"):
        open_set(str(tmp_path))
