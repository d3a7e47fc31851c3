"""Sets that cannot be joined, and images that cannot be used."""

import json
import re
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from synthgen.sets import open_set
from synthgen.store.layout import CONTACT, SUMMARY
from tests.command import command_line
from tests.dataset.joining.sets import coco_of, folder_of, frame_of, picture


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
