"""Sets of pictures to make images from: what counts, what is left out and named, and opening one later."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from synthgen.errors import UsageError
from synthgen.events import StepProgress
from synthgen.records import Candidate, SourceRow
from synthgen.sets import open_set
from synthgen.sets.planned_pictures import SourcePictures
from synthgen.sets.source_pictures import FoundSources, find_sources
from synthgen.spec import SourceSpec
from synthgen.testing import make_candidates
from tests.pictures import make_pictures


def found_in(folder: Path, *classes: str, **keys: object) -> FoundSources:
    spec = SourceSpec.model_validate({"dataset": str(folder), **keys})
    return find_sources(open_set(folder), spec, classes or ("doctor", "chef"))


def of(source: str) -> Candidate:
    (candidate,) = make_candidates(1)
    return Candidate(**{name: getattr(candidate, name) for name in candidate.__slots__} | {"source": source})


def test_pictures_are_known_by_the_sha256_of_their_files_and_each_content_counts_once(tmp_path: Path) -> None:
    make_pictures(tmp_path, doctor=3, chef=2, nurse=1)
    (tmp_path / "doctor" / "again.png").write_bytes((tmp_path / "doctor" / "1.png").read_bytes())
    (tmp_path / "chef" / "both.png").write_bytes((tmp_path / "doctor" / "2.png").read_bytes())
    (tmp_path / "doctor" / "cut.png").write_bytes((tmp_path / "doctor" / "0.png").read_bytes()[:300])

    found = found_in(tmp_path)
    assert [row.id for row in sorted(found.rows)] == ["chef/0.png", "chef/1.png", "doctor/0.png", "doctor/1.png"]
    assert all(len(row.digest) == 64 and row.group == row.id for row in found.rows)
    told = "\n".join(found.notes)
    assert "1 picture of other classes left out: nurse (1)" in told
    assert "doctor/cut.png is among those that cannot be opened" in told
    assert "1 picture left out as repeats to the byte, such as doctor/again.png, which is doctor/1.png" in told
    assert "of several classes: chef/both.png (chef), doctor/2.png (doctor)" in told


WRONG = {
    "source.dataset: .* has no picture of the class 'surgeon'": ({}, ("doctor", "surgeon")),
    "source.dataset: .* no column 'role'": ({"label": "role"}, ()),
    "source.group: .* no column 'patient'": ({"group": "patient"}, ()),
    "source.where: .* has no column 'licence'": ({"where": {"licence": "cc0"}}, ()),
    "source.where.label: no row has 'docter'": ({"where": {"label": ["chef", "docter"]}}, ()),
    "source.dataset: .* has no picture of the class 'doctor'": ({"where": {"label": "chef"}}, ()),
}


@pytest.mark.parametrize(("message", "asked"), WRONG.items(), ids=WRONG)
def test_what_is_asked_of_a_set_and_is_not_there_is_named(
    message: str, asked: tuple[dict[str, object], tuple[str, ...]], tmp_path: Path
) -> None:
    keys, classes = asked
    with pytest.raises(UsageError, match=message):
        found_in(make_pictures(tmp_path, doctor=1, chef=1), *classes, **keys)


def test_a_class_that_is_spelled_otherwise_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'Doctor'") as caught:
        found_in(make_pictures(tmp_path, doctor=1, chef=1), "Doctor")
    assert str(caught.value.hint).startswith("Did you mean 'doctor'?")


def test_all_classes_that_a_set_lacks_are_named(tmp_path: Path) -> None:
    many = tuple(f"class {number}" for number in range(7))
    named = "has no picture of the classes 'docter', 'chief', 'class 0', .* 'class 3' and 3 more"
    with pytest.raises(UsageError, match=named) as caught:
        found_in(make_pictures(tmp_path, doctor=1, chef=1), "docter", "chef", "chief", *many)
    assert str(caught.value.hint).startswith("Did you mean 'doctor' by 'docter', 'chef' by 'chief'?")
    with pytest.raises(UsageError, match="no row has 'docter', 'chief'"):
        found_in(tmp_path, "chef", where={"label": ["docter", "chief"]})


def test_a_set_of_which_more_than_one_in_ten_cannot_be_opened_is_refused_and_they_are_named(tmp_path: Path) -> None:
    make_pictures(tmp_path, doctor=9, chef=1)
    for number in range(2):
        (tmp_path / "doctor" / f"{number}.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"2 of 10 pictures .* cannot be used:\n  doctor/0\.png .*\n  doctor/1\.png"):
        found_in(tmp_path)


def test_groups_and_conditions_are_read_from_columns_of_a_set(tmp_path: Path) -> None:
    make_pictures(tmp_path / "a", doctor=3)
    lines = [f"a/doctor/{one}.png,doctor,p{one // 2},{2020 + one}" for one in range(3)]
    (tmp_path / "set.csv").write_text("\n".join(["file,label,patient,year", *lines]))
    found = found_in(tmp_path / "set.csv", "doctor", group="patient", where={"year": [2020, 2021.0]})
    assert [(row.id, row.group) for row in found.rows] == [("a/doctor/0.png", "p0"), ("a/doctor/1.png", "p0")]


def opened(folder: Path, rows: tuple[SourceRow, ...]) -> SourcePictures:
    return SourcePictures(open_set(folder), SourceSpec(dataset=str(folder)), {row.id: row for row in rows})


def test_a_picture_is_opened_as_every_other_picture_is_upright_and_on_white(tmp_path: Path) -> None:
    make_pictures(tmp_path, doctor=1, chef=1)
    turned, exif = Image.new("RGB", (40, 20), (200, 10, 10)), Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "doctor" / "turned.jpg", exif=exif)
    Image.new("LA", (20, 20), (0, 0)).save(tmp_path / "doctor" / "clear.png")
    Image.new("I;16", (20, 20), 65535).save(tmp_path / "doctor" / "deep.png")
    Image.new("CMYK", (20, 20), (0, 0, 0, 255)).save(tmp_path / "doctor" / "print.jpg")
    pictures = opened(tmp_path, found_in(tmp_path).rows)

    def image(name: str) -> Image.Image:
        return pictures(of(f"doctor/{name}")).image

    assert image("turned.jpg").size == (20, 40)
    assert [image(name).getpixel((1, 1)) for name in ("clear.png", "deep.png")] == [(255, 255, 255)] * 2
    assert {image(name).mode for name in ("turned.jpg", "clear.png", "deep.png", "print.jpg")} == {"RGB"}
    black = image("print.jpg").getpixel((1, 1))
    assert isinstance(black, tuple)
    assert max(black) < 10


def test_a_picture_that_changed_or_is_gone_is_refused_by_name(tmp_path: Path) -> None:
    rows = found_in(make_pictures(tmp_path, doctor=2, chef=1)).rows
    pictures = opened(tmp_path, rows)
    (tmp_path / "doctor" / "0.png").write_bytes((tmp_path / "doctor" / "1.png").read_bytes())
    with pytest.raises(UsageError, match=r"the picture 'doctor/0\.png' of .* has changed since the run was planned"):
        pictures(of("doctor/0.png"))
    (tmp_path / "doctor" / "1.png").unlink()
    with pytest.raises(UsageError, match=r"the picture 'doctor/1\.png' of .* is among those whose file is not there"):
        pictures(of("doctor/1.png"))
    with pytest.raises(UsageError, match=r"the picture 'doctor/1\.png' is no longer in the image folder"):
        opened(tmp_path, rows)


@pytest.mark.parametrize("kind", ["coco", "yolo", "polygons", "keypoints"])
def test_sets_of_detectors_have_their_own_boxes_in_their_own_form(kind: str, tmp_path: Path) -> None:
    images = make_pictures(tmp_path / "made", doctor=2) / "doctor"
    (width, height), (left, top, right, bottom) = (32, 24), (8, 4, 24, 20)
    if kind == "coco":
        make_coco(tmp_path / "set", images, [left, top, right - left, bottom - top])
    else:
        across, down = (left / width, right / width), (top / height, bottom / height)
        box = [sum(across) / 2, sum(down) / 2, across[1] - across[0], down[1] - down[0]]
        polygon = [across[0], down[0], across[1], down[0], across[1], down[1], across[0], down[1]]
        place = {"yolo": box, "polygons": polygon, "keypoints": [*box, *[0.5] * 12]}[kind]
        make_yolo(tmp_path / "set", images, place, "kpt_shape: [4, 3]\n" if kind == "keypoints" else "")

    found = found_in(tmp_path / "set", "doctor", boxes="boxes")
    for row in found.rows:
        ((*corners,),) = row.boxes
        assert corners == pytest.approx([left, top, right, bottom])
    assert not any("are read as" in note for note in found.notes)
    with pytest.raises(UsageError, match="cannot be used"):  # what the user says goes before what the format says
        found_in(tmp_path / "set", "doctor", boxes="boxes", box_form="cxcywh")


def make_coco(folder: Path, images: Path, box: list[float]) -> None:
    """Save pictures with the same box, and a box of a crowd that does not count."""
    shutil.copytree(images, folder)
    (folder / "annotations.json").write_text(
        json.dumps(
            {
                "images": [{"id": number, "file_name": f"{number}.png"} for number in range(2)],
                "annotations": [
                    {"image_id": number, "category_id": 1, "bbox": where, "iscrowd": crowd}
                    for number in range(2)
                    for where, crowd in ((box, 0), ([0, 0, 5, 5], 1))
                ],
                "categories": [{"id": 1, "name": "doctor"}],
            }
        )
    )


def make_yolo(folder: Path, images: Path, place: list[float], settings: str) -> None:
    shutil.copytree(images, folder / "images")
    (folder / "labels").mkdir()
    for number in range(2):
        (folder / f"labels/{number}.txt").write_text(" ".join(map(str, [0, *place])))
    (folder / "data.yaml").write_text(f"names: [doctor]\n{settings}")


def test_reading_many_pictures_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(tmp_path, doctor=3, chef=2)
    told = list[object]()

    def find() -> FoundSources:
        spec = SourceSpec.model_validate({"dataset": str(tmp_path)})
        return find_sources(open_set(tmp_path), spec, ("doctor", "chef"), on_progress=told.append)

    assert (len(find().rows), told) == (5, [])
    monkeypatch.setattr("synthgen.sets.source_pictures._MANY", 5)
    monkeypatch.setattr("synthgen.sets.source_pictures.BATCH", 2)
    find()
    assert told == [StepProgress("reading pictures", "pictures", done, 5) for done in (0, 2, 4)]


def test_the_judge_opens_no_picture_again_that_the_generator_has_opened(tmp_path: Path) -> None:
    make_pictures(tmp_path, doctor=3, chef=1)
    found, spec = open_set(tmp_path), SourceSpec.model_validate({"dataset": str(tmp_path)})
    rows = {row.id: row for row in find_sources(found, spec, ["doctor"]).rows}
    pictures = SourcePictures(found, spec, rows)
    first = pictures(of("doctor/0.png"))
    (tmp_path / "doctor/0.png").unlink()
    assert pictures(of("doctor/0.png")) is first
