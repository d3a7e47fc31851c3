"""Two sets side by side."""

import json

import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from synthgen.auditing.compare import Difference, compare
from synthgen.auditing.confusion import Confusion
from synthgen.auditing.findings import Figure
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.tables import comparison_table
from synthgen.stats.distance import uniform
from tests.sets.sets import ATTRIBUTES, of_counts

SKIN = {"skin": ATTRIBUTES["skin"]}
GIVEN = AuditOptions(references={"skin": uniform(SKIN["skin"])})
FIRST = measure(of_counts({"chef": {"light": 56, "dark": 14, "unknown": 10}, "nurse": {"dark": 5}}), SKIN, GIVEN)
SECOND = measure(of_counts({"chef": {"light": 48, "dark": 32}, "doctor": {"dark": 5}}), SKIN, GIVEN)


def of(what: str, place: str = "class chef") -> Difference:
    return next(each for each in compare(FIRST, SECOND).differences if (each.what, each.place) == (what, place))


def test_shares_differ_by_newcombes_interval() -> None:
    found = of("share of light").difference
    assert found is not None
    assert found.value == pytest.approx(0.2)
    expected = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(expected)


def test_distances_abstention_and_association_differ_too() -> None:
    tv, unknown, v = of("tv").difference, of("unknown").difference, of("v", "overall").difference
    assert tv is not None
    assert unknown is not None
    assert v is not None
    assert tv.value == pytest.approx((0.8 - 1 / 3) - 1 / 3)  # a third is missing in the second: it has no 'medium'
    assert unknown.value == pytest.approx(0.125)
    assert tv.low < tv.value < tv.high


def test_what_one_set_lacks_is_told() -> None:
    found = compare(FIRST, SECOND)
    assert found.left_out == ("class nurse: not in the second", "class doctor: not in the first")
    other = measure(of_counts({"chef": {"light": 5}}), {"skin": ("light", "medium", "dark", "olive")})
    assert "attribute skin: other values" in compare(FIRST, other).left_out
    nothing = measure(of_counts({"chef": {"unknown": 5}}), SKIN, GIVEN)
    light = compare(FIRST, nothing).differences[0]
    assert (light.second, light.difference) == (None, None)


def test_sets_that_mix_classes_differently_are_told_and_sets_that_do_not_are_not() -> None:
    frame = of_counts({"chef": {"light": 40, "dark": 40}, "doctor": {"light": 40, "dark": 40}})
    whole = measure(frame, SKIN)
    (alike,) = compare(whole, whole).caveats
    assert "assume that the sets share no images" in alike
    other = compare(whole, measure(frame[frame["label"] == "chef"], SKIN)).caveats
    assert "mix classes differently (chef: 50% and 100%)" in other[1]


def test_a_corrected_figure_beside_a_raw_one_carries_a_caveat() -> None:
    matrix = Confusion(SKIN["skin"], SKIN["skin"], ((90, 5, 5), (5, 90, 5), (5, 5, 90)))
    frame = of_counts({"chef": {"light": 40, "medium": 30, "dark": 30}})
    found = compare(measure(frame, SKIN, AuditOptions(confusions={"skin": matrix})), measure(frame, SKIN)).differences[
        0
    ]
    assert (found.first_figure, found.second_figure) == (Figure.MATRIX, Figure.RAW)
    assert found.caveat is not None
    assert "corrected" in found.caveat


def test_a_comparison_is_json_and_a_table() -> None:
    found = compare(FIRST, SECOND)
    json.dumps(found.to_dict(), allow_nan=False)
    table = comparison_table(found)
    assert {"difference", "difference_low", "difference_high", "first", "second"} <= set(table.columns)
    assert len(table) == len(found.differences)
