"""Thresholds from labels: they keep their promise, and say where they cannot."""

from pathlib import Path
from random import Random

import pytest

from synthgen.errors import UsageError
from synthgen.judging.calibration.conditions import conditions
from synthgen.judging.calibration.threshold import Calibration, Threshold, quantile, threshold
from synthgen.pages.pilot_labels import PilotSample, add_rows, read_labels, write_labelling
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.spec import parse_spec
from tests.page import Page

SPEC = """\
synthgen: 1
name: small
model: {id: "bundled:workers", size: 32}
classes: {doctor: 6, farmer: 6}
prompts: {templates: ["a {class} with {skin} skin"], variables: {skin: [light, dark]}}
attributes:
  skin_tone: {values: {light: ["a person with light skin"], dark: ["a person with dark skin"]}, variable: skin}
filters: {label: {min_posterior: 0.3, none_of_these: ["noise"]}}
"""


def planned(*changes: tuple[str, str]) -> Plan:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return make_plan(parse_spec(text), Revisions("generator", "judge"))


def labelled(count: int, seed: int) -> tuple[list[float], list[bool]]:
    """A judge that is right above a posterior of one half, and below it as often as not."""
    rng = Random(seed)
    posteriors = [rng.random() for _ in range(count)]
    return posteriors, [rng.random() < (0.99 if posterior > 0.5 else 0.5) for posterior in posteriors]


def test_what_a_threshold_promises_holds_on_images_that_nobody_labelled() -> None:
    broken = reached = 0
    for seed in range(60):
        found = threshold(*labelled(400, seed), target=0.95, confidence=0.9)
        if found.min_posterior is None:
            continue
        reached += 1
        posteriors, right = labelled(4000, 1000 + seed)
        above = [good for posterior, good in zip(posteriors, right, strict=True) if posterior >= found.min_posterior]
        broken += sum(above) / len(above) < 0.95
    assert reached > 50
    assert broken / reached < 0.1 + 0.06, "no more often than the confidence allows"


def test_too_few_labels_reach_nothing() -> None:
    found = threshold([0.9] * 50, [True] * 50, target=0.98, confidence=0.95)  # 149 all right would be enough
    assert (found.min_posterior, found.pictures) == (None, 50)
    assert threshold([0.9] * 149, [True] * 149, target=0.98, confidence=0.95).min_posterior == 0.9
    assert threshold([], [], target=0.5, confidence=0.9).min_posterior is None


def test_equal_posteriors_stand_or_fall_together() -> None:
    found = threshold([0.9] * 200 + [0.4] * 200, [True] * 200 + [False] * 200, target=0.9, confidence=0.95)
    assert (found.min_posterior, found.accepted, found.right, found.share) == (0.9, 200, 200, 0.5)


def test_a_quantile_keeps_the_share_that_was_asked_for() -> None:
    posteriors = [number / 100 for number in range(100)]
    found = quantile(posteriors, 0.8)
    assert (found.min_posterior, found.accepted, found.share, found.precision) == (0.2, 80, 0.8, None)
    assert quantile([0.5] * 3, 0.01).accepted == 3
    assert quantile([], 0.5).min_posterior is None


def test_a_calibration_survives_its_file() -> None:
    made = Calibration("precision 0.95", {"model": "m"}, {"chef": Threshold(0.7, 100, 60, 59, 0.951)})
    assert Calibration.from_json(made.to_json(), "c.json") == made
    for text in ("", "{}", "[1]", made.to_json().replace("0.7", '"high", "more": 1')):
        with pytest.raises(UsageError, match=r"c\.json is not a calibration"):
            Calibration.from_json(text, "c.json")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("classes: {", "classes: {chef: 6, ", "the spec also has the class 'chef'"),
        (", farmer: 6", "", "the spec lacks the class 'farmer', which the calibration has"),
        (
            "doctor: 6",
            'doctor: {count: 6, templates: ["a {class}"]}',
            "the class 'doctor' has other templates",
        ),
        ("size: 32", "size: 64", "the size is 64 x 64; in the calibration it is 32 x 32"),
        (", size: 32", "", "the size is the model's own; in the calibration it is 32 x 32"),
        (
            "size: 32",
            "size: 32, scheduler: DDIMScheduler",
            "model.scheduler is DDIMScheduler; in the calibration it is none",
        ),
        ("[light, dark]}", "{light: 2, dark: 1}}", "the variable 'skin' is "),
        ("filters: {", "filters: {quality: {}, ", "filters.quality is "),
        ("filters:", "safety: {reject: [noise]}\nfilters:", "the spec also has safety.reject"),
        ("filters:", "balance: [{attribute: skin_tone}]\nfilters:", "the spec also has the balance of 'skin_tone'"),
    ],
)
def test_a_calibration_of_another_spec_is_refused_by_what_differs(old: str, new: str, told: str) -> None:
    thresholds = {name: Threshold(0.7, 100, 60, 59, 0.951) for name in ("doctor", "farmer")}
    made = Calibration("precision 0.95", conditions(planned()), thresholds)
    with pytest.raises(UsageError) as refused:
        made.floors_for(planned((old, new)), "c.json")
    assert str(refused.value).startswith(f"c.json is the calibration of another spec: {told}")


def test_a_calibration_holds_for_more_images_another_seed_and_a_size_written_otherwise() -> None:
    made = Calibration("precision 0.95", conditions(planned()), {"doctor": Threshold(0.7, 9, 9, 9, 0.95)})
    same = planned(
        ("doctor: 6", "doctor: 60"), ("size: 32", "width: 32, height: 32"), ("name: small", "name: s\nseed: 7")
    )
    assert made.floors_for(same, "c.json") == {"doctor": 0.7}


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            12,
            2,
            "12 of 14 labelled are right: precision at least 0.61 with confidence 0.95; "
            "0.95 takes 59 accepted that are all right",
        ),
        (
            0,
            0,
            "none of its pictures is labelled",
        ),
        (
            190,
            10,
            "83 of the likeliest 93 of 200 labelled are right: precision at least 0.82 with confidence 0.95; "
            "for 0.95, 1 of 93 may be wrong",
        ),
    ],
)
def test_where_no_threshold_is_found_it_says_what_was_reached_and_what_is_needed(
    right: int, wrong: int, told: str
) -> None:
    answers = [False] * wrong + [True] * right  # the likeliest are wrong
    posteriors = [1 - index / 1000 for index in range(len(answers))]
    assert str(threshold(posteriors, answers, target=0.95, confidence=0.95)) == f"not reached: {told}"


def test_few_labels_say_how_many_more_it_takes() -> None:
    posteriors = [1 - index / 1000 for index in range(40)]
    told = "the likeliest 31 of 40 labelled are all right; 0.95 with confidence 0.95 takes 59, of about 77 labelled"
    answers = [True] * 31 + [False] * 9
    assert str(threshold(posteriors, answers, target=0.95, confidence=0.95)) == f"not reached: {told}"


def test_a_mistake_among_the_less_likely_ends_the_search_and_not_the_calibration() -> None:
    posteriors = [1 - index / 1000 for index in range(200)]
    found = threshold(posteriors, [index != 190 for index in range(200)], target=0.98, confidence=0.95)
    assert (found.accepted, found.right) == (189, 189), "149 are just enough, and then ten more each time"


@pytest.mark.parametrize(
    ("posterior", "told"),
    [(0.29, "0.29"), (0.5912, "0.59"), (0.9987, "0.9987"), (0.99987, "0.99987"), (0.0004, "0.0004")],
)
def test_posteriors_are_told_by_their_distance_from_certainty(posterior: float, told: str) -> None:
    assert str(Threshold(posterior, 100, 60, None, None)) == f"posterior at least {told}: yield 60% (60 of 100)"


def test_labels_go_out_grow_and_come_back(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    classes = {f"00000-00000{index}": "a, b" for index in range(4)}
    assert add_rows(classes, table) == {"00000-000000": 2, "00000-000001": 3, "00000-000002": 4, "00000-000003": 5}
    head, *rows = table.read_text().splitlines()
    filled = [head, rows[0] + "yes", rows[1] + "No ", rows[2], rows[3] + "1", rows[0] + "YES"]
    table.write_text("\n".join(filled))
    more = {**classes, "00001-000000": "chef"}
    assert add_rows(more, table)["00001-000000"] == 7
    assert table.read_text().splitlines() == [*filled, "00001-000000,chef,"], "somebody's work is not overwritten"
    assert read_labels(table, more) == {"00000-000000": True, "00000-000001": False, "00000-000003": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,class,right\n1,chef,maybe\n", r"labels\.csv:2: expected yes or no, found 'maybe'"),
        ("id,class\n1,chef\n", r"labels\.csv:1: no column 'right'"),
        ("", r"labels\.csv:1: no column 'id': the file is empty"),
        ("\xff\xfe", "cannot be read: it is encoded as UTF-16 or UTF-32; save it as CSV in UTF-8"),
        ("id,class,right\n1,caf\xe9,\n", "cannot be read: the byte 0xe9 in line 2 is not valid UTF-8; save it as CSV"),
        ("id,class,right\n1,chef,yes\n2,chef,no\n", r"labels\.csv:3: the class of 2 is 'farmer', not 'chef'"),
        ("id,class,right\n1,chef,yes\n3,chef,\n", r"labels\.csv:3: the pilot has no image '3'"),
        ("id,class,right\n1,chef,yes\n1,chef,\n1,chef,no\n", r"labels\.csv:4: 1 is 'no', but line 2 says the opposite"),
        ("id,class,right\n1,chef,\n2,farmer, \n", r"labels\.csv: no image is labelled"),
    ],
)
def test_labels_that_cannot_be_used_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=message):
        read_labels(table, {"1": "chef", "2": "farmer"})


def test_the_page_asks_about_each_class_in_the_order_of_the_csv(tmp_path: Path) -> None:
    samples = [
        PilotSample(2, "1", "chef", None),
        PilotSample(3, "2", "farmer", b"\xff\xd8\xff"),
        PilotSample(4, "3", "chef", None),
    ]
    definitions = {"chef": "a cook in a <tall> hat", "farmer": None}
    write_labelling(samples, definitions, tmp_path / "page.html", "small: pictures to label", "labels.csv")
    text = Page((tmp_path / "page.html").read_text("utf-8")).text
    asked = ["“chef”? a cook in a <tall> hat", "line 2 · chef 1", "“farmer”?", "line 3 · farmer 2", "line 4 · chef 3"]
    assert sorted(asked, key=text.index) == asked
    assert "column right" in text
