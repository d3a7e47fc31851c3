"""What nobody declared: refused by name where it cannot be searched, and told where it was."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

import synthgen
from synthgen.auditing.report import write_html, write_json
from synthgen.auditing.report.undeclared import undeclared_line
from synthgen.auditing.undeclared.findings import Undeclared, UndeclaredShare, UndeclaredSplit
from synthgen.auditing.undeclared.parts import ImageParts
from synthgen.bundled.world import Person, render
from synthgen.stats.estimates import estimate
from tests.auditing.audits import judged
from tests.auditing.portraits import ATTRIBUTES, as_csv, as_folder, table
from tests.command import call, said

SHARES = (
    UndeclaredShare("chef", 300, estimate(0.2, 0.15, 0.25), True),
    UndeclaredShare("doctor", 300, estimate(0.7, 0.65, 0.75), True),
    UndeclaredShare("nurse", 50, estimate(0.99, 0.9, 1.0), False),
)
SPLIT = UndeclaredSplit(
    "skin_tone", "light", (0.375, 0.375, 0.625, 0.625), 6.0, 1e-9, 1e-7, SHARES, ("chef/000.png",), ("doctor/001.png",)
)


@pytest.mark.parametrize(
    ("options", "words"),
    {
        "no judge": (["--known", "skin=skin"], "no judge makes them"),
        "no images": (["--known", "skin=skin", "--judge", "bundled:judge"], "no images to search"),
    }.values(),
)
def test_a_search_that_cannot_be_made_is_refused(options: list[str], words: str, tmp_path: Path) -> None:
    listing = as_csv(tmp_path / "set", table())
    if "no images" in words:
        lines = [line.split(",", 1)[1] for line in listing.read_text("utf-8").splitlines()]
        listing.write_text("\n".join(lines) + "\n", "utf-8")
    done = call("audit", "set/list.csv", "--undeclared", *options, folder=tmp_path)
    told = said(done.stderr)
    assert (done.returncode, "--undeclared" in told, words in told) == (2, True, True), told


def test_too_few_images_are_told_and_not_asked_for_is_told(tmp_path: Path) -> None:
    as_folder(tmp_path / "set", table())
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES, "utf-8")
    asked, plain = (judged(tmp_path, undeclared=undeclared).report for undeclared in (True, False))
    assert asked.undeclared is not None
    assert asked.undeclared.reason is not None
    assert "too few images: each half of the set needs 150 images" in asked.undeclared.reason
    assert "was not searched: too few images" in str(undeclared_line(asked))
    assert (plain.undeclared, undeclared_line(plain)) == (None, None)
    assert "what nobody declared" in [each.what for each in plain.not_measured]

    found = replace(asked, undeclared=Undeclared(700, 900, 50, 4, 12, (SPLIT,)))
    line = "Nobody declared 1 split of the images in which classes differ (report.html shows them): "
    assert undeclared_line(found) == line + "skin tone light, from 20% of chef to 70% of doctor."
    page = write_html(found)
    assert 'id="undeclared"' in page
    assert "a sample of 900" in page
    assert "Skin tone light" in page
    assert "Seen in a part at the centre of the image" in page
    assert "not compared: its sides differ" in page
    assert json.loads(write_json(found))["undeclared"]["splits"][0]["shares"][1]["share"]["value"] == 0.7


def test_parts_cover_an_image_and_small_maps_are_one_part() -> None:
    maps = np.arange(2 * 3 * 8 * 8, dtype=np.float32).reshape(2, 3, 8, 8)
    parts = ImageParts.of([maps[:1], maps[1:]])
    views = list(parts.views(np.zeros((2, 5), dtype=np.float32)))
    assert [view.shape for view in views] == [(2, 5)] + [(2, 3)] * 49
    assert (parts.boxes[0], parts.boxes[-1]) == ((0.0, 0.0, 0.25, 0.25), (0.75, 0.75, 1.0, 1.0))
    assert views[-1][1, 2] == maps[1, 2, 6:, 6:].mean()
    assert ImageParts.of([maps[:, :, :1, :1]]).boxes == [(0, 0, 1, 1)]
    wide = ImageParts.of([np.ones((2, 500, 4, 4), dtype=np.float32)]).views(np.ones((2, 5), dtype=np.float32))
    assert [view.shape for view in wide] == [(2, 5)] + [(2, 192)] * 16


def test_a_judge_that_cannot_tell_what_it_sees_in_places_gives_only_the_whole() -> None:
    parts = ImageParts.of([None, None])
    assert (parts.boxes, len(list(parts.views(np.ones((2, 5), dtype=np.float32))))) == ([], 1)


@pytest.mark.slow
def test_hair_and_glasses_are_found_on_portraits_with_only_the_skin_declared(tmp_path: Path) -> None:
    rng = Random(1)
    rows: list[dict[str, object]] = []
    people: dict[str, Person] = {}
    for number in range(1500):
        odd = number % 2
        frequent = 0.8 if odd else 0.2
        length = "long" if rng.random() < frequent else rng.choice(["short", "bald"])
        color = None if length == "bald" else rng.choice(["black", "brown", "blond", "red"])
        skin, place = rng.choice(["light", "medium", "dark"]), rng.choice(["blue", "green", "pink", "yellow", "gray"])
        person = Person(("chef", "doctor")[odd], skin, length, color, rng.random() < frequent, place)
        file = io.BytesIO()
        render(person, Random(50_000_000 + number)).image.save(file, "PNG")
        name = f"{person.occupation}/{number:04d}.png"
        rows.append({"id": name, "label": person.occupation, "skin": skin, "image": file.getvalue()})
        people[name] = person
    report = synthgen.audit(
        as_csv(tmp_path / "set", rows),
        known={"skin": "skin"},
        judges=["bundled:judge"],
        undeclared=True,
        cache=tmp_path / "cache",
        device="cpu",
    ).report
    assert report.undeclared is not None

    def separates(split: UndeclaredSplit, shows: Callable[[Person], bool]) -> bool:
        first, second = (np.mean([shows(people[name]) for name in side]) for side in (split.first, split.second))
        return bool(abs(first - second) > 0.9)

    assert any(separates(split, lambda person: person.glasses) for split in report.undeclared.splits)
    assert any(separates(split, lambda person: person.hair_length == "long") for split in report.undeclared.splits)
    page = write_html(report)
    assert page.count('class="shelf"') >= len(report.undeclared.splits)
