"""Images without a value: a verdict that they could turn is not given."""

import pandas as pd
import pytest

from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import uniform
from tests.sets.sets import of_counts

SKIN = {"skin": ("light", "dark")}
EVEN = {"skin": uniform(SKIN["skin"])}


def audited(counts: dict[str, int], gate: str, **given: object) -> Findings:
    frame: pd.DataFrame = of_counts({"chef": counts}, "skin")
    options = {"known": ["skin"], "references": EVEN, "gates": [gate], **given}
    return measure(frame, SKIN, AuditOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "gate",
    [
        "skin overall: share of dark <= 0.6",
        "skin overall: share of dark >= 0.4",
        "skin within class: tv <= 0.1",
        "skin within class: entropy >= 0.95",
        "skin within class: js <= 0.01",
        "skin within class: min_max_ratio >= 0.7",
    ],
)
def test_a_pass_that_unanswered_images_could_turn_is_none(gate: str) -> None:
    assert audited({"light": 1000, "dark": 1000}, gate).outcome is GateOutcome.PASS
    assert audited({"light": 1000, "dark": 1000, "unknown": 3}, gate).outcome is GateOutcome.PASS
    found = audited({"light": 1000, "dark": 1000, "unknown": 700}, gate)
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "700 of 2,700 images without a value could turn this" in found.gates[0].reason
    assert found.gates[0].reason.endswith("their values would settle it")
    assert found.labels_needed is None


@pytest.mark.parametrize("gate", ["skin overall: share of light <= 0.6", "skin overall: tv <= 0.1"])
def test_so_is_a_fail(gate: str) -> None:
    assert audited({"light": 800, "dark": 200, "unknown": 20}, gate).outcome is GateOutcome.FAIL
    found = audited({"light": 800, "dark": 200, "unknown": 600}, gate)
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "whatever they show" in found.gates[0].reason


def test_how_often_the_judge_abstains_is_still_decided() -> None:
    assert audited({"light": 10, "dark": 10, "unknown": 80}, "skin: unknown <= 0.1").outcome is GateOutcome.FAIL


def test_a_judge_that_is_trusted_is_not_trusted_with_what_it_did_not_say() -> None:
    gate = "skin overall: share of dark <= 0.6"
    counts = {"light": 1000, "dark": 1000, "unknown": 700}
    found = audited(counts, gate, known=[], trust_judge=True)
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "labels would settle it" in found.gates[0].reason
    assert found.labels_needed == 20
