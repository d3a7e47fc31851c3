"""The answer first: what is skewed, where, by how much, and how sure that is."""

import re

import pandas as pd
import pytest

from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.report.skew import answer
from synthgen.stats.distance import uniform
from tests.sets.sets import of_counts

VALUES = ("light", "medium", "dark")
SKIN = {"skin_tone": VALUES}
EVEN = {"skin_tone": uniform(VALUES)}


def told(counts: dict[str, tuple[int, int, int]], **given: object) -> str | None:
    frame = of_counts({name: dict(zip(VALUES, each, strict=True)) for name, each in counts.items()}, "skin_tone")
    options = {"known": ["skin_tone"], "references": EVEN, **given}
    return answer(measure(frame, SKIN, AuditOptions(**options)))  # type: ignore[arg-type]


def test_a_skew_is_named_with_its_place_its_values_and_its_certainty() -> None:
    said = told({"chef": (60, 60, 60), "nurse": (126, 36, 18), "guard": (60, 60, 60)})
    assert said == (
        "Skin tone is skewed in 1 of 3 classes, nurse: light 70% (95% interval 63 to 76%) instead of 33%, "
        "dark 10% (95% interval 6 to 15%) instead of 33%, medium 20% (95% interval 15 to 26%) instead of 33%."
    )


def test_of_several_places_the_worst_is_named() -> None:
    both = told({"chef": (126, 36, 18), "nurse": (170, 5, 5)})
    assert both is not None
    assert both.startswith("Skin tone is skewed in 2 of 2 classes, most in nurse: light 94%")
    alone = told({"nurse": (170, 5, 5)})
    assert alone is not None
    assert alone.startswith("Skin tone is skewed in nurse: light 94%")
    small = told({f"class {n}": (5, 3, 2) for n in range(60)})
    assert small is not None
    assert small.startswith("Skin tone is skewed overall: light 50%")


def test_without_a_skew_the_answer_says_what_the_data_rule_out() -> None:
    said = told({"chef": (60, 60, 60), "nurse": (62, 58, 60)})
    assert said is not None
    assert re.fullmatch(r"Skin tone shows no skew beyond chance; the intervals reach up to 1\d% off target\.", said)


def test_what_an_unchecked_judge_says_is_told_as_that() -> None:
    said = told({"chef": (120, 20, 20)}, known=[])
    assert said is not None
    assert said.startswith("If the unchecked judge is right, skin tone is skewed in chef: light 75%")


@pytest.mark.parametrize("given", [{"references": {}}, {"references": EVEN}], ids=["no target", "no images"])
def test_without_a_target_or_images_there_is_no_answer(given: dict[str, object]) -> None:
    shares = {"chef": [1 / 3] * 3} if not given["references"] else {}
    frame = pd.DataFrame({"label": ["chef"] * 30, "skin_tone": ["light"] * 30}).iloc[: 30 if shares else 0]
    assert answer(measure(frame, SKIN, AuditOptions(**given))) is None  # type: ignore[arg-type]


def test_a_vague_class_does_not_make_the_whole_set_vague() -> None:
    said = told({"chef": (600, 600, 600), "nurse": (600, 600, 600), "guard": (2, 2, 2)})
    assert said is not None
    assert re.fullmatch(
        r"Skin tone shows no skew beyond chance: overall, the intervals reach up to \d% off target, but in 1 of 3"
        r" classes there is too little data, and it may be [3-6]\d% off\.",
        said,
    )
    few = told({"guard": (2, 2, 2)})
    assert few is not None
    assert "but there is too little data: it may be" in few


def test_an_answer_about_few_of_the_images_says_of_how_many() -> None:
    frame = pd.DataFrame({"label": ["chef"] * 100, "skin_tone": ["light"] * 30 + ["unknown"] * 70})
    found = measure(frame, SKIN, AuditOptions(known=["skin_tone"], references=EVEN))
    assert (answer(found) or "").startswith("Skin tone, known of 30 of 100 images, is skewed in chef: light 100%")
    most = measure(frame.iloc[:55], SKIN, AuditOptions(known=["skin_tone"], references=EVEN))
    assert (answer(most) or "").startswith("Skin tone is skewed")
