"""How sets number their classes, for `output.labels: {like: SET}`."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

import synthgen
from synthgen.errors import SpecError, UsageError
from synthgen.sets.class_order import class_order
from tests.dataset.shards import portrait

NUMBERED, SORTED = ("nurse", "chef", "doctor"), ("chef", "doctor", "nurse")
SPEC = {
    "synthgen": 1,
    "name": "two",
    "model": {"id": "bundled:workers"},
    "classes": dict.fromkeys(("doctor", "nurse", "chef"), 2),
    "prompts": {"templates": ["a portrait of a {class}"]},
}


def rows(names: Sequence[str] = NUMBERED) -> Dataset:
    features = Features({"label": ClassLabel(names=[*names]), "text": Value("string")})
    return Dataset.from_dict({"label": [*range(len(names))], "text": ["x"] * len(names)}, features=features)


def of_parquet(place: Path) -> Path:
    rows().to_parquet(place / "rows.parquet")
    return place / "rows.parquet"


def saved(place: Path) -> Path:
    DatasetDict({"train": rows(), "test": rows()}).save_to_disk(place / "saved")
    return place / "saved"


def folder(place: Path) -> Path:
    for name in NUMBERED:
        (place / "folder" / name).mkdir(parents=True)
        (place / "folder" / name / "0.png").write_bytes(portrait(0))
    return place / "folder"


def listing(place: Path) -> Path:
    with (place / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *(("x.png", name) for name in NUMBERED)])
    return place / "rows.csv"


def yolo(place: Path) -> Path:
    for each in ("images", "labels"):
        (place / "yolo" / each).mkdir(parents=True)
    (place / "yolo/classes.txt").write_text("\n".join(NUMBERED))
    (place / "yolo/images/0.png").write_bytes(portrait(0))
    (place / "yolo/labels/0.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    return place / "yolo"


def coco(place: Path) -> Path:
    (place / "coco").mkdir()
    (place / "coco/0.png").write_bytes(portrait(0))
    categories = [{"id": 10 + number, "name": name} for number, name in enumerate(NUMBERED)]
    whole = {"images": [{"id": 1, "file_name": "0.png"}], "annotations": [], "categories": categories[::-1]}
    (place / "coco/annotations.json").write_text(json.dumps(whole))
    return place / "coco"


@pytest.mark.parametrize("make", [of_parquet, saved, yolo, coco], ids=lambda make: make.__name__)
def test_a_set_that_numbers_its_classes_gives_its_order(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert class_order(str(make(tmp_path)), SORTED) == NUMBERED


@pytest.mark.parametrize("make", [folder, listing], ids=lambda make: make.__name__)
def test_a_set_of_names_only_counts_as_alphabetical(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert class_order(str(make(tmp_path)), NUMBERED) == SORTED


def test_files_that_number_the_classes_in_several_ways_are_refused(tmp_path: Path) -> None:
    rows().to_parquet(tmp_path / "0.parquet")
    rows(SORTED).to_parquet(tmp_path / "1.parquet")
    with pytest.raises(UsageError, match=r"numbers its classes in several ways: .*0\.parquet and .*1\.parquet"):
        class_order(str(tmp_path), SORTED)


def test_a_spec_takes_the_order_of_a_set_over_before_any_work(tmp_path: Path) -> None:
    place = of_parquet(tmp_path)
    spec = synthgen.load_spec({**SPEC, "output": {"labels": {"like": str(place)}}})
    assert spec.output.labels == NUMBERED
    place.unlink()
    assert synthgen.plan(spec).spec.output.label_order(list(spec.classes)) == [*NUMBERED]
    assert synthgen.load_spec({**SPEC, "output": {"labels": "alphabetical"}}).output.label_order(NUMBERED) == [*SORTED]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("doctor", "nurse"), "found 'chef' not in `classes`"),
        (("doctor", "nurse", "chef", "builder"), "found 'builder' missing"),
        (("doctor", "nurse", "Chef"), "found 'Chef' missing and 'chef' not in `classes`"),
    ],
)
def test_other_classes_are_refused_by_name(tmp_path: Path, classes: tuple[str, ...], message: str) -> None:
    place = str(of_parquet(tmp_path))
    for labels in ({"like": place}, [*NUMBERED]):
        with pytest.raises(SpecError, match=message):
            synthgen.load_spec({**SPEC, "classes": dict.fromkeys(classes, 2), "output": {"labels": labels}})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"like": "nowhere"}, "output.labels.like: nowhere: there is no such file or folder"),
        (["chef", "chef", "doctor", "nurse"], "the class 'chef' is there twice"),
        ("random", "expected 'spec' or 'alphabetical'"),
        ([], "expected 1 or more entries"),
    ],
)
def test_an_order_that_cannot_be_is_refused(labels: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        synthgen.load_spec({**SPEC, "output": {"labels": labels}})


def numbered(place: Path, names: Sequence[str], *columns: str) -> Path:
    """An image folder whose metadata number the classes, and have their names if `columns` says so."""
    place.mkdir()
    lines = []
    for number, name in enumerate(names):
        (place / f"{number}.png").write_bytes(portrait(number))
        row = {"file_name": f"{number}.png", "label": number, "class": name}
        lines.append(json.dumps({column: row[column] for column in ("file_name", "label", *columns)}))
    (place / "metadata.jsonl").write_text("\n".join(lines))
    return place


def test_numbers_with_names_beside_them_mean_the_names(tmp_path: Path) -> None:
    real = numbered(tmp_path / "real", NUMBERED, "class")
    synthetic = numbered(tmp_path / "synthetic", SORTED, "class")
    assert class_order(str(real), SORTED) == NUMBERED
    joined = synthgen.join(real, synthetic, tmp_path / "joined")
    assert tuple(joined.summary.classes) == NUMBERED
    assert set(joined.summary.classes.values()) == {2}
    exported = synthgen.export(real, "parquet", tmp_path / "exported")
    assert tuple(exported.summary.classes) == NUMBERED


def test_numbers_that_nothing_names_are_not_joined(tmp_path: Path) -> None:
    real = numbered(tmp_path / "real", NUMBERED)
    synthetic = numbered(tmp_path / "synthetic", SORTED)
    with pytest.raises(UsageError, match="the real set has numbers for classes and no names"):
        synthgen.join(real, synthetic, tmp_path / "joined")
    named = synthgen.join(real, synthetic, tmp_path / "joined", label="label", synthetic_label="label")
    assert tuple(named.summary.classes) == ("0", "1", "2")
