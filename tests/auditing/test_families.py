"""Gates in many classes: chance alone makes no verdict, and one class that breaks its limit is still found."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.gates import Gate, GateOutcome, decide
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import FUNCTIONS, Distance, Measure, distances, uniform
from synthgen.stats.estimates import Estimate, holm, wilson
from synthgen.stats.limits import LEVEL, distance_beyond, share_beyond

VALUES = ("light", "medium", "dark")
AT_MOST = Gate("skin", "class", "share", True, 0.4, "dark")


def test_one_class_of_many_that_is_just_beyond_the_limit_does_not_fail_the_gate() -> None:
    beyond, kept = wilson(101, 205), wilson(60, 200)
    assert beyond is not None
    assert kept is not None
    assert beyond.low > AT_MOST.limit
    alone = decide(AT_MOST, {"class a": (beyond, None)})
    assert alone.outcome is GateOutcome.FAIL
    assert alone.checks[0].adjusted is None

    many = decide(AT_MOST, {"class a": (beyond, None)} | {f"class {n}": (kept, None) for n in range(49)})
    assert many.outcome is GateOutcome.INSUFFICIENT
    assert "chance puts one of 50 places so far beyond it with probability" in many.reason
    assert many.checks[0].adjusted == pytest.approx(50 * share_beyond(beyond, 0.4, True, tests=50))


def test_a_class_that_is_far_beyond_fails_among_many_and_only_it() -> None:
    far, near, kept = wilson(150, 200), wilson(101, 205), wilson(60, 200)
    places = {"class far": (far, None), "class near": (near, None)} | {f"class {n}": (kept, None) for n in range(48)}
    result = decide(AT_MOST, places)
    outcomes = [check.outcome for check in result.checks]
    assert result.outcome is GateOutcome.FAIL
    assert outcomes[:2] == [GateOutcome.FAIL, GateOutcome.INSUFFICIENT]
    assert set(outcomes[2:]) == {GateOutcome.PASS}


@pytest.mark.parametrize(("count", "limit", "most"), [(60, 0.2, True), (60, 0.42, False), (199, 1.0, False)])
def test_the_test_of_a_share_agrees_with_its_interval(count: int, limit: float, most: bool) -> None:
    found = wilson(count, 200)
    assert found is not None
    end = found.low if most else found.high
    assert share_beyond(found, end, most) == pytest.approx(LEVEL, rel=1e-6)
    assert share_beyond(found, limit, most) < LEVEL
    assert share_beyond(found, found.value, most) == 1.0


@pytest.mark.parametrize("measure", list(Measure))
def test_the_test_of_a_distance_agrees_with_its_interval(measure: Measure) -> None:
    shares, wanted = np.array([90, 60, 50]) / 200, np.ones(3) / 3
    found = distances(shares, 200, wanted, None, np.random.default_rng(0))
    distance = next(each for each in found if each.measure is measure)
    near = distance.found.high if measure.falls else distance.found.low
    p_value = distance_beyond(distance, shares, wanted, near, not measure.falls, np.random.default_rng(1), 10)
    assert p_value == pytest.approx(LEVEL, abs=0.008)


def test_samples_at_the_limit_are_found_beyond_it_as_often_as_the_test_says() -> None:
    at_limit, wanted = np.array([0.4333, 0.2833, 0.2834]), np.ones(3) / 3
    rng = np.random.default_rng(2)
    p_values = []
    for drawn in rng.multinomial(200, at_limit, size=400):
        value = float(FUNCTIONS[Measure.TV](drawn / 200, wanted))
        found = Distance(Measure.TV, Estimate(value, value, value), 0.0, 0.0, 1.0, 200.0)
        p_values.append(distance_beyond(found, drawn / 200, wanted, 0.1, True, rng))
    assert np.mean(np.array(p_values) <= 0.05) <= 0.08
    assert np.mean(np.array(p_values) <= 0.5) == pytest.approx(0.5, abs=0.1)


def test_distances_have_p_values_for_all_classes_together() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": np.repeat([f"class {n}" for n in range(8)], 30), "skin": rng.choice(VALUES, 8 * 30)})
    options = AuditOptions(known=["skin"], references={"skin": uniform(VALUES)})
    scopes = measure(frame, {"skin": VALUES}, options).attributes[0].scopes
    tv = [next(each for each in scope.distances if each.measure is Measure.TV) for scope in scopes]
    assert tv[0].adjusted == tv[0].p_value  # one attribute: a family of one
    assert [each.adjusted for each in tv[1:]] == pytest.approx(holm([each.p_value for each in tv[1:]]))
