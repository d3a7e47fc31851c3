"""What `synthgen join` says of sets that have something more than once: pictures, classes of a picture, ids, boxes."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import UsageError
from tests.command import command_line, envelope
from tests.dataset.joining.sets import coco_of, frame_of, picture, rows


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A synthetic set of three images."""
    frame = pd.DataFrame({"image": [picture(number) for number in (100, 101, 102)]})
    frame.assign(label=["builder", "chef", "doctor"]).to_parquet(tmp_path / "made.parquet")
    return tmp_path / "made.parquet"


def test_a_picture_under_several_classes_is_told_also_if_quiet(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = frame_of(tmp_path)
    same = frame.iloc[[0, 0, 1]].assign(label=["chef", "doctor", "builder"])
    synthetic = pd.DataFrame([{"image": picture(100), "label": "doctor", "split": "train"}])
    pd.concat([frame, same, synthetic]).to_parquet(tmp_path / "real.parquet")
    arguments = ["join", str(tmp_path / "real.parquet"), str(made), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--json"]) == 0
    found = envelope(capsys.readouterr().out)
    conflicts = [(*one.values(),) for one in found["result"]["conflicts"]]
    assert conflicts == [
        ("real/000000", "builder", "real/000009", "chef"),  # and real/000010: of a picture, two are named
        ("real/000001", "chef", "real/000011", "builder"),
        ("real/000012", "doctor", "synthetic/000000", "builder"),
    ]
    first = "real/000000 is 'builder', and real/000009 is 'chef', and 2 more like it"
    assert any(first in each for each in found["warnings"])
    assert command_line([*arguments, "-q"]) == 0
    assert f"conflicts a picture has several classes, byte for byte: {first}" in unwrapped(capsys.readouterr().out)
    card = (tmp_path / "joined/README.md").read_text()
    assert "3 pictures are in this set under several classes" in card
    assert "- real/000001 is chef, and real/000011 is builder" in card


def test_pictures_that_a_set_has_more_than_once_are_counted(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [{"file_name": f"{n}.png", "label": row["class"], "split": row["split"]} for n, row in enumerate(rows())]
    lines += [lines[0], lines[0], lines[1] | {"split": "test"}]
    (tmp_path / "real").mkdir()
    for number, row in enumerate(rows()):
        (tmp_path / f"real/{number}.png").write_bytes(row["picture"])
    (tmp_path / "real/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    arguments = ["join", str(tmp_path / "real"), str(made), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--json"]) == 0
    found = envelope(capsys.readouterr().out)["result"]
    assert found["repeats"] == {
        "real": {"images": 3, "other_split": 1},
        "synthetic": {"images": 0, "other_split": 0},
    }
    assert (found["conflicts"], found["leaks"], found["copies"]) == ([], [], 0)
    assert command_line([*arguments, "-q"]) == 0
    said = "3 real images are, byte for byte, an earlier image of the same set"
    assert f"repeats   {said}; 1 of them in another split" in unwrapped(capsys.readouterr().out)
    assert f"{said}: 1 of them in another split." in (tmp_path / "joined/README.md").read_text()


def test_what_leaks_is_in_the_answer_also_if_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame_of(tmp_path).to_parquet(tmp_path / "real.parquet")
    copies = [row for row in rows() if row["split"] == "test"] + rows()[:1]
    made = pd.DataFrame([{"image": row["picture"], "label": row["class"]} for row in copies])
    made.to_parquet(tmp_path / "made.parquet")
    arguments = ["join", str(tmp_path / "real.parquet"), str(tmp_path / "made.parquet"), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "-q"]) == 0
    captured = capsys.readouterr()
    out = unwrapped(captured.out)
    assert (
        "leaks     what is in another split leaks: synthetic/000000 is a copy of real/000006, and 2 more like it" in out
    )
    assert "copies    1 synthetic image is in the real set already" in out
    assert not captured.err
    assert command_line([*arguments, "-q", "--json"]) == 0
    assert len(envelope(capsys.readouterr().out)["result"]["leaks"]) == 3


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([*range(8), 5], "2 images have the id '5', so its images are called 000000, 000001, 000002, .."),
        (["a", *[None] * 8], "8 of 9 images have none, so its images are called 000000, 000001, 000002, .."),
        ([[1]] * 9, "column 'id': expected one answer for each image, found lists or mappings, so its images"),
    ],
    ids=["twice", "missing", "lists"],
)
def test_ids_that_cannot_be_those_of_the_images_are_named(made: Path, tmp_path: Path, ids: Any, why: str) -> None:
    joined = synthgen.join(frame_of(tmp_path).assign(id=ids), made, tmp_path / "joined")
    assert joined.left_out["id"].startswith(f"the real set: {why}")
    assert "- id: the real set" in (tmp_path / "joined/README.md").read_text()
    assert "id" not in synthgen.join(frame_of(tmp_path).assign(id=range(9)), made, tmp_path / "own").left_out
    exported = synthgen.export(frame_of(tmp_path).assign(id=ids), "parquet", tmp_path / "exported")
    assert exported.left_out["id"].startswith(why)


def test_what_coco_lists_twice_is_refused_at_once(made: Path, tmp_path: Path) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    found["annotations"] += [found["annotations"][1], found["annotations"][4] | {"bbox": [2, 2, 3, 3]}]
    found["images"].append(found["images"][2])
    (real / "annotations.json").write_text(json.dumps(found))
    with pytest.raises(UsageError, match="3 ids and names are given more than once") as refused:
        synthgen.join(real, made, tmp_path / "joined")
    assert re.findall(r"2 (\w+) have the same id: (\d)", refused.value.message) == [
        ("images", "2"),
        ("annotations", "1"),
        ("annotations", "4"),
    ]


def test_a_line_that_yolo_has_twice_is_one_box_and_is_named(tmp_path: Path) -> None:
    for number, row in enumerate(rows()[:3]):
        for folder, name, content in (
            ("images", f"{number}.png", row["picture"]),
            ("labels", f"{number}.txt", b"%d 0.5 0.5 0.5 0.5\n" % number * (1 + number)),
        ):
            (tmp_path / "real" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "real" / folder / name).write_bytes(content)
    (tmp_path / "real/classes.txt").write_text("builder\nchef\ndoctor\n")
    made = pd.DataFrame({"image": [picture(100)], "label": ["chef"]})
    joined = synthgen.join(tmp_path / "real", made, tmp_path / "joined", unshared_classes=True)
    assert joined.left_out == {
        "repeated boxes": "the real set: 3 lines are like one before in the same text, and such a box is read once"
    }
    boxes = pq.read_table(tmp_path / "joined/data", columns=["boxes"])["boxes"].to_pylist()
    assert sorted(len(one or ()) for one in boxes) == [0, 1, 1, 1]


def unwrapped(text: str) -> str:
    """Undo that long lines are wrapped, each with an indent."""
    return re.sub(r"\n +", " ", text)
