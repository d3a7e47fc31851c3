"""The first screen says whether the answer can be trusted, and names what failed before what is undecided."""

from dataclasses import replace

import pandas as pd
import pytest

from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.report.chart import LONGEST, _width, fitted
from synthgen.auditing.report.document import document
from synthgen.auditing.report.report import AuditProvenance, AuditReport
from synthgen.auditing.report.trust import trust
from synthgen.auditing.report.verdict import open_checks, verdict
from tests.auditing.hair import EVEN, FRAME, HAIR, audited, labels

MANY = {"chef": 30, "nurse": 30, "farmer": 30}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"known": ["hair"]}, "As far as the set’s own records are right: no judge measured it."),
        ({}, "Not yet: this judge has not been checked on this set. Its errors may be larger than any skew."),
        (
            {"labels": labels(MANY)},
            "Yes, within the intervals: labels check the judge, and the intervals allow for its errors.",
        ),
        (
            {"labels": labels({**MANY, "farmer": 5})},
            "In part: labels check the judge in 3 of 4 places, and elsewhere nothing does.",
        ),
    ],
    ids=["known", "unchecked", "labels", "labels of some"],
)
def test_what_the_answer_rests_on(given: dict[str, object], said: str) -> None:
    found = audited(**given)
    assert verdict(found).trust == f"Can this be trusted? {said}"


def test_attributes_that_rest_on_different_things_are_named_the_gravest_first() -> None:
    both = FRAME.assign(sex=FRAME["truth"])
    found = measure(both, {**HAIR, "sex": HAIR["hair"]}, AuditOptions(known=["sex"], references=EVEN))
    told = trust(found)
    assert told is not None
    assert told.index("Not yet for hair:") < told.index("records are right for sex")
    assert trust(replace(found, attributes=())) is None


@pytest.mark.parametrize(
    ("given", "ground", "unchecked"),
    [
        ({"known": ["hair"]}, "records", 0),
        ({}, "nothing", 4),
        ({"labels": labels(MANY)}, "checked", 0),
        ({"labels": labels({**MANY, "farmer": 5})}, "in_part", 1),
    ],
    ids=["known", "unchecked", "labels", "labels of some"],
)
def test_programs_read_what_the_answer_rests_on(given: dict[str, object], ground: str, unchecked: int) -> None:
    found, made = audited(**given), AuditProvenance("1", "now", 0)
    told = document(AuditReport("t", "s", "s", None, False, found, made)).trust
    assert told is not None
    assert (told.ground.value, told.sentence) == (ground, verdict(found).trust)
    of_hair = told.attributes[0]
    assert (of_hair.attribute, of_hair.ground.value, of_hair.places, of_hair.unchecked_places) == (
        "hair",
        ground,
        4,
        unchecked,
    )
    assert bool(of_hair.reason) == bool(unchecked)
    assert document(AuditReport("t", "s", "s", None, False, replace(found, attributes=()), made)).trust is None


def test_what_failed_is_named_first() -> None:
    shares = {"a": 0.5, "b": 0.9, "c": 0.55}
    rows = [(kind, "x" if n < 100 * share else "y") for kind, share in shares.items() for n in range(100)]
    frame = pd.DataFrame(rows, columns=["label", "v"])
    options = AuditOptions(known=["v"], gates=["v within class: share of x <= 52%"])
    checks = open_checks(measure(frame, {"v": ("x", "y")}, options).gates[0])
    assert [check.outcome for check in checks] == [GateOutcome.FAIL, *[GateOutcome.INSUFFICIENT] * 2]
    assert checks[0].place == "class b"


def test_long_names_that_begin_alike_are_told_apart() -> None:
    names = [fitted(f"a rather long name of an occupation, number {index}") for index in range(100)]
    assert len(set(names)) == 100
    assert all(_width(name) <= LONGEST for name in names)
    assert fitted("chef") == "chef"
