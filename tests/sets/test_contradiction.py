"""Two sources of the class that contradict each other are refused, with the image."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from synthgen.errors import UsageError
from synthgen.sets import open_set, read_frame
from tests.sets.test_archives import PICTURE, sample, tar

CLASSES = ["chef", "doctor", "chef", "doctor"]


def of_tar(folder: Path, other: list[str], key: str = "label") -> Path:
    files: dict[str, bytes] = {}
    for number, (kind, name) in enumerate(zip(CLASSES, other, strict=True)):
        files |= sample(str(number), kind) | {f"{number}.json": json.dumps({key: name}).encode()}
    return tar(folder / "set.tar", files)


def of_keys(folder: Path, other: list[str]) -> Path:
    files: dict[str, bytes] = {}
    for number, (kind, name) in enumerate(zip(CLASSES, other, strict=True)):
        files |= sample(f"{name}/{number}", kind)
    return tar(folder / "set.tar", files)


def of_folder(folder: Path, other: list[str], lines: Callable[[str, str], str] = "{},{}".format) -> Path:
    rows = []
    for number, (kind, name) in enumerate(zip(CLASSES, other, strict=True)):
        path = folder / "set" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
        rows.append(lines(f"{name}/{number}.png", kind))
    (folder / "set" / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    return folder / "set"


def of_listing(folder: Path, other: list[str]) -> Path:
    return (of_folder(folder, other) / "metadata.csv").rename(folder / "set" / "list.csv")


def of_columns(folder: Path, other: list[str]) -> Path:
    pd.DataFrame({"label": CLASSES, "class_name": other}).to_parquet(folder / "set.parquet")
    return folder / "set.parquet"


def of_partitions(folder: Path, other: list[str]) -> Path:
    for number, (kind, name) in enumerate(zip(CLASSES, other, strict=True)):
        (folder / "set" / f"class={name}").mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame({"id": [str(number)], "label": [kind]})
        frame.to_parquet(folder / "set" / f"class={name}" / f"{number}.parquet")
    return folder / "set"


KINDS: dict[str, Callable[[Path, list[str]], Path]] = {
    "tar": of_tar,
    "tar, cls in json": lambda folder, other: of_tar(folder, other, "cls"),
    "tar, keys": of_keys,
    "metadata": of_folder,
    "listing": of_listing,
    "columns": of_columns,
    "partitions": of_partitions,
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_another_class_from_another_source_is_refused(make: Callable[[Path, list[str]], Path], tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    place = make(tmp_path / "bad", ["chef", "doctor", "doctor", "doctor"])
    with pytest.raises(UsageError, match=r"image \S*2?\S* is 'chef' by '(label|cls)' and 'doctor' by") as refused:
        read_frame(open_set(str(place)))
    assert refused.value.argument == "label"
    found = open_set(str(place))
    named = "cls" if "cls" in found.columns else "label"
    assert sorted(read_frame(found, named)["label"]) == sorted(CLASSES)


@pytest.mark.parametrize(
    "other", [CLASSES, ["1", "2", "1", "2"], ["Chef", "Doctor"] * 2, ["staff"] * 4, ["train", "test"] * 2]
)
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_numbers_coarser_classes_and_the_same_one_do_not_contradict(
    make: Callable[[Path, list[str]], Path], other: list[str], tmp_path: Path
) -> None:
    assert sorted(read_frame(open_set(str(make(tmp_path, other))))["label"]) == sorted(CLASSES)


def test_a_column_that_is_an_attribute_is_no_class(tmp_path: Path) -> None:
    place = of_columns(tmp_path, ["doctor"] * 4)
    assert read_frame(open_set(str(place)), known={"shown": "class_name"})["shown"].tolist() == ["doctor"] * 4


def test_boxes_and_folders_that_contradict_are_refused(tmp_path: Path) -> None:
    for number, (kind, name) in enumerate([("0", "chef"), ("1", "doctor"), ("1", "chef")]):
        for path, content in (("images/{}/{}.jpg", PICTURE), ("labels/{}/{}.txt", f"{kind} .5 .5 .1 .1".encode())):
            file = tmp_path / path.format(name, number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    (tmp_path / "data.yaml").write_text("names: [chef, doctor]")
    with pytest.raises(UsageError, match=r"chef/2\.jpg is 'doctor' by 'label' and 'chef' by the name of its folder"):
        read_frame(open_set(str(tmp_path)))
    assert len(read_frame(open_set(str(tmp_path)), "label")) == 3
