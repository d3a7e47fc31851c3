"""Gates: what is understood, and when they are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.auditing.gate_lines import from_spec, parse_gate
from synthgen.auditing.gates import Gate, GateOutcome, decide
from synthgen.errors import UsageError
from synthgen.spec import GateSpec as SpecGate
from synthgen.stats.estimates import Estimate
from tests.sets.sets import ATTRIBUTES

AT_MOST = Gate("skin", "class", "tv", True, 0.1)
AT_LEAST = Gate("skin", "class", "entropy", False, 0.9)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("skin within class: tv <= 0.1", AT_MOST),
        ("skin: tv<=10%", AT_MOST),
        ("  skin within class :  tv ≤ .1 ", AT_MOST),
        ("skin over all: js <= 0.02", Gate("skin", "dataset", "js", True, 0.02)),
        ("skin overall: js <= 0.02", Gate("skin", "dataset", "js", True, 0.02)),
        ("skin within dataset: min_max_ratio >= 0.5", Gate("skin", "dataset", "min_max_ratio", False, 0.5)),
        ("skin: entropy >= 0.9", AT_LEAST),
        ("hair: unknown <= 20%", Gate("hair", "class", "unknown", True, 0.2)),
        ("hair: share of unknown <= 20%", Gate("hair", "class", "unknown", True, 0.2)),
        ("hair over all: share of long >= 0.4", Gate("hair", "dataset", "share", False, 0.4, "long")),
        ("hair: prevalence of long <= 60%", Gate("hair", "class", "share", True, 0.6, "long")),
        ("skin: v <= 0.1", Gate("skin", "dataset", "v", True, 0.1)),
    ],
)
def test_a_line_is_a_gate(text: str, gate: Gate) -> None:
    assert parse_gate(text, ATTRIBUTES) == gate
    assert parse_gate(str(gate), ATTRIBUTES) == gate
    assert "over all" not in str(gate), "it is read, and written as 'overall'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skin tv 0.1", "gate 'skin tv 0.1': not understood"),
        ("", "not understood"),
        ("skin: tv < 0.1", "not understood"),
        ("eyes: tv <= 0.1", "there is no attribute 'eyes'"),
        ("skin: spread <= 0.1", "there is no measure 'spread'"),
        ("skin: tv <= much", "the limit 'much' is not a share"),
        ("skin: tv <= nan", "the limit 'nan' is not a share"),
        ("skin: tv <= 10", "the limit '10' is not a share"),
        ("skin: share of green <= 0.1", "skin has no value 'green'"),
        ("skin within class: v <= 0.1", "'v' compares the classes"),
    ],
)
def test_a_line_that_is_no_gate_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_gate(text, ATTRIBUTES)
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_the_specs_gate_is_one() -> None:
    assert from_spec(SpecGate(attribute="skin", within="class", max_tv=0.1), ATTRIBUTES) == AT_MOST
    with pytest.raises(UsageError, match="no attribute 'age'"):
        from_spec(SpecGate(attribute="age", max_tv=0.1), ATTRIBUTES)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted), st.sampled_from([AT_MOST, AT_LEAST]))
def test_only_a_whole_interval_passes_or_fails(ends: list[float], gate: Gate) -> None:
    low, value, high = ends
    result = decide(gate, {"class chef": (Estimate(value, low, high), None)})
    keeps = [end <= gate.limit if gate.most else end >= gate.limit for end in (low, high)]
    expected = GateOutcome.PASS if all(keeps) else GateOutcome.INSUFFICIENT if any(keeps) else GateOutcome.FAIL
    assert result.outcome is expected
    assert f"{value:.3f}" in result.checks[0].reason


def test_a_gate_is_as_good_as_its_worst_place() -> None:
    good, bad, unsure = Estimate(0.01, 0.0, 0.05), Estimate(0.3, 0.2, 0.4), Estimate(0.08, 0.02, 0.14)
    result = decide(AT_MOST, {"class a": (good, None), "class b": (unsure, None), "class c": (bad, None)})
    assert (result.outcome, result.reason[:14]) == (GateOutcome.FAIL, "class c: 0.300")
    result = decide(AT_MOST, {"class a": (good, None), "class b": (unsure, None)})
    assert (result.outcome, "crosses the limit 0.1" in result.reason) == (GateOutcome.INSUFFICIENT, True)


def test_what_was_not_measured_has_not_passed() -> None:
    result = decide(AT_MOST, {"class a": (None, "no image has a value")})
    assert (result.outcome, result.reason) == (GateOutcome.INSUFFICIENT, "class a: no image has a value")
    assert decide(AT_MOST, {}).outcome is GateOutcome.INSUFFICIENT
