"""The page of an evaluation: what a reader needs is on it, and nothing that it is told to show can act."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from synthgen.evaluating.arms import ArmKind
from synthgen.evaluating.contract import divide
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import UsefulnessFindings, findings_of
from synthgen.evaluating.hardest import MOST_HARD, NO_HARD_IMAGES, HardImages
from synthgen.evaluating.learners import learner_of
from synthgen.evaluating.report import HARD_SHOWN, write_html
from synthgen.events import ignore
from synthgen.pages.page import write_page
from synthgen.stats.paired import MeasuredScores
from tests.auditing.report.hostile import ATTACKS
from tests.browsed import faults
from tests.evaluating.report_demo import cloud, evaluated, reported
from tests.page import Page

CLASSES = ("cat", "dog", "hen", "owl")


@pytest.fixture(scope="module")
def findings() -> UsefulnessFindings:
    return evaluated(CLASSES)


@pytest.fixture(scope="module")
def evil() -> UsefulnessFindings:
    return evaluated([f"{attack} {place}" for place, attack in enumerate(ATTACKS)])


def test_a_hard_image_comes_with_what_is_near_to_it_and_of_its_class() -> None:
    test = cloud("test", CLASSES, 30, 1, 0.5)
    labels = ("dog", *test.labels[1:])  # the first cat is called a dog
    test = replace(test, labels=labels)
    divided = divide(cloud("real", CLASSES, 7, 5, 0.5), cloud("synthetic", CLASSES, 40, 2, 0.5), test, None, 0)
    found = findings_of(divided, run_arms(divided, learner_of("knn"), 5, 0, ignore), "knn", 0.01, 0)
    assert found.hardest.count == 1
    (hard,) = found.hardest.images
    assert (hard.id, hard.label, hard.predicted, hard.wrong) == ("test cat 0", "dog", "cat", 5)
    cosines = divided.synthetic.vectors @ divided.test.vectors[0]
    assert hard.nearest.id == divided.synthetic.ids[int(cosines.argmax())]
    assert hard.nearest.label == "cat"
    dogs = np.where(np.array(divided.synthetic.labels) == "dog", cosines, -2)
    assert hard.nearest_alike is not None
    assert hard.nearest_alike.id == divided.synthetic.ids[int(dogs.argmax())]
    assert hard.nearest_alike.cosine == pytest.approx(dogs.max(), abs=1e-6)


def test_the_page_says_how_sure_the_verdict_is_and_shows_every_arm(findings: UsefulnessFindings) -> None:
    page = write_html(reported(findings, command="synthgen evaluate --real photos"))
    for arm in findings.arms:
        assert arm.arm.name in page
    assert "percentage points: " in page
    assert "copy of test cat" in page
    assert "synthgen evaluate --real photos" in page
    assert findings.test_sha256 in page
    described = page.partition("<desc")[2].partition("</desc>")[0]
    assert "real + more real x1: " in described


def test_hostile_names_are_inert_in_the_page(evil: UsefulnessFindings) -> None:
    text = write_html(reported(evil, name=" ".join(ATTACKS), command=f"synthgen evaluate --real {ATTACKS[0]}"))
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert {(attributes["src"] or "")[:15] for tag, attributes in page.tags if tag == "img"} == {"data:image/png;"}
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text)
    assert "W" * 500 not in text
    assert "alert(1)" in page.text
    assert "default-src 'none'; img-src data:" in text
    assert set(re.findall(r"https?://[^\"<\s]+", text)) == {"http://www.w3.org/2000/svg"}


def test_what_there_is_not_is_said(findings: UsefulnessFindings) -> None:
    poor = evaluated(CLASSES, more_real=False, noise=0.3, synthetic=2)  # one ratio, and nothing is hard
    assert [each.arm.name for each in poor.arms if each.arm.kind is ArmKind.MIXED] == ["real + synthetic x0.36 (all)"]
    text = Page(write_html(reported(replace(poor, hardest=NO_HARD_IMAGES, blind=True)))).text
    assert "None: no test image is classified wrong" in text
    assert "No other real images were given" in text
    assert "The experiment is blind." in text
    assert "sets in memory have no name" in text
    assert (
        "no image" in Page(write_html(reported(findings))).words
        or "no image" in Page(write_html(reported(findings))).text
    )


def test_a_thousand_classes_and_groups_make_no_long_page(findings: UsefulnessFindings) -> None:
    def many(scores: MeasuredScores) -> MeasuredScores:
        classes = {f"class {number}": scores.accuracy for number in range(1000)}
        groups = {ATTACKS[0]: {f"group {number}": scores.accuracy for number in range(1000)}}
        return replace(scores, classes=classes, groups=groups)

    arms = []
    for each in findings.arms:
        more = many(each.scored.difference) if each.scored.difference is not None else None
        arms.append(replace(each, scored=replace(each.scored, scores=many(each.scored.scores), difference=more)))
    hard = HardImages(5000, (findings.hardest.images * MOST_HARD)[:MOST_HARD])
    text = write_html(reported(replace(findings, arms=tuple(arms), hardest=hard)))
    assert "970 more classes in evaluation.json" in Page(text).text
    assert "970 more groups in evaluation.json" in Page(text).text
    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert f"{HARD_SHOWN} are shown" in Page(text).text
    assert len(text) < 200_000


@pytest.mark.parametrize("name", ["tame", "hostile", "poor"])
def test_a_page_is_drawn_without_a_fault(
    browser: Browser, findings: UsefulnessFindings, evil: UsefulnessFindings, name: str, tmp_path: Path
) -> None:
    poor = evaluated(CLASSES[:2], more_real=False, noise=0.3, synthetic=2)
    found = {"tame": findings, "hostile": evil, "poor": poor}[name]
    write_page(tmp_path / "report.html", write_html(reported(found, command="synthgen evaluate --real photos")))
    page = browser.new_page()
    assert faults(page, tmp_path / "report.html") == {}
    page.close()
