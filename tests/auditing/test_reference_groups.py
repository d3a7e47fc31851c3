"""Differences and ratios to a reference group, and gates on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from statsmodels.stats.proportion import confint_proportions_2indep

import synthgen
from synthgen.errors import UsageError
from tests.command import call, result, said

COUNTS = {("chef", "man"): 60, ("chef", "woman"): 40, ("doctor", "man"): 90, ("doctor", "woman"): 30,
          ("nurse", "man"): 20, ("nurse", "woman"): 60}  # fmt: skip


def people(counts: dict[tuple[str, str], int], times: int = 1) -> pd.DataFrame:
    rows = [key for key, many in counts.items() for _ in range(many * times)]
    return pd.DataFrame(rows, columns=["label", "gender"])


def audited(frame: pd.DataFrame, **more: Any) -> synthgen.Audit:
    return synthgen.audit(frame, known={"gender": "gender"}, **more)


def outcomes(found: synthgen.Audit) -> list[str]:
    return [gate.outcome.value for gate in found.findings.gates]


def test_shares_between_classes_are_fairlearns_demographic_parity() -> None:
    frame = people(COUNTS)
    groups = audited(frame, reference_groups={"class": "chef"}).findings.groups
    assert groups is not None
    metric = MetricFrame(
        metrics=selection_rate, y_true=frame["label"], y_pred=(frame["gender"] == "woman").astype(int),
        sensitive_features=frame["label"],
    )  # fmt: skip
    spread = next(each for each in groups.spreads if each.value == "woman")
    assert spread.difference.value == pytest.approx(metric.difference(method="between_groups"), abs=1e-9)
    assert spread.ratio is not None
    assert spread.ratio.value == pytest.approx(metric.ratio(method="between_groups"), abs=1e-9)
    assert (spread.lowest, spread.highest) == ("doctor", "nurse")

    nurses = next(each for each in groups.contrasts if (each.group, each.value) == ("nurse", "woman"))
    assert nurses.reference == "chef"
    assert nurses.difference is not None
    assert nurses.difference.value == pytest.approx(metric.by_group["nurse"] - metric.by_group["chef"], abs=1e-9)
    newcombe = confint_proportions_2indep(60, 80, 40, 100, compare="diff", method="newcomb")
    assert (nurses.difference.low, nurses.difference.high) == pytest.approx(newcombe, abs=1e-9)


def test_values_are_compared_with_the_reference_value_in_every_class() -> None:
    groups = audited(people(COUNTS), reference_groups={"gender": "man"}).findings.groups
    assert groups is not None
    ratios = {each.place: each.ratio for each in groups.contrasts if each.compared == "values"}
    assert {place: ratio.value for place, ratio in ratios.items() if ratio} == pytest.approx(
        {"overall": 130 / 170, "class chef": 2 / 3, "class doctor": 1 / 3, "class nurse": 3.0}
    )


def test_the_default_reference_is_the_largest_group_and_is_named() -> None:
    groups = audited(people(COUNTS)).findings.groups
    assert groups is not None
    assert [(each.of, each.group, each.declared) for each in groups.references] == [
        ("class", "doctor", False), ("gender", "man", False),
    ]  # fmt: skip


def test_gates_on_differences_and_ratios_pass_fail_and_stay_open() -> None:
    lines = ["gender between classes: difference <= 0.1", "gender between classes: difference <= 0.8",
             "gender overall: ratio_to_reference >= 0.5", "gender overall: ratio-to-reference >= 0.75",
             "gender: ratio to reference <= 1.25"]  # fmt: skip
    found = audited(people(COUNTS), reference_groups={"gender": "man", "class": "chef"}, gates=lines)
    assert outcomes(found) == ["fail", "pass", "pass", "insufficient data", "fail"]
    failed = [check.place for check in found.findings.gates[0].checks if check.outcome == "fail"]
    assert failed == ["class nurse, man", "class nurse, woman"]


def test_a_gate_on_many_classes_fails_no_more_often_than_it_may() -> None:
    """Thirty classes are exactly at the limit: chance alone would put one beyond it in half of the sets."""
    rng = np.random.default_rng(3)
    failed = 0
    for _ in range(15):
        women = rng.binomial(200, 0.5, 30)
        counts = {("a0", "man"): 5000, ("a0", "woman"): 7500}
        for index, many in enumerate(women):
            counts |= {(f"b{index}", "man"): 200 - int(many), (f"b{index}", "woman"): int(many)}
        found = audited(
            people(counts), reference_groups={"class": "a0"}, gates=["gender between classes: difference <= 0.1"]
        )
        failed += outcomes(found) == ["fail"]
    assert failed <= 2


def test_images_without_a_value_can_turn_a_ratio() -> None:
    frame = people({("chef", "man"): 300, ("chef", "woman"): 300, ("chef", "unknown"): 150})
    found = audited(frame, reference_groups={"gender": "man"}, gates=["gender overall: ratio_to_reference >= 0.75"])
    assert outcomes(found) == ["insufficient data"]
    assert "150 images without a value could turn this" in found.findings.gates[0].reason


def test_an_unseen_reference_gives_no_ratio_and_no_verdict() -> None:
    frame = people({("chef", "man"): 30, ("chef", "woman"): 30, ("nurse", "woman"): 40})
    found = audited(frame, reference_groups={"gender": "man"}, gates=["gender: ratio_to_reference >= 0.1"])
    assert outcomes(found) == ["insufficient data"]
    assert "the share of man is, or may be, 0" in found.findings.gates[0].reason


def test_a_difference_in_this_very_set_needs_no_interval() -> None:
    found = audited(people(COUNTS), about="set", gates=["gender overall: ratio_to_reference >= 0.76"])
    assert outcomes(found) == ["pass"]  # 130 / 170 = 0.765


def test_a_difference_of_fully_known_shares_is_exact_at_its_limit() -> None:
    found = audited(people(COUNTS), about="set", gates=["gender overall: ratio_to_reference >= 0.77"])
    assert outcomes(found) == ["fail"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reference_groups": {"hair": "long"}}, "there is no attribute 'hair'"),
        ({"reference_groups": {"gender": "Man"}}, "no such group"),
        ({"reference_groups": {"class": "pilot"}}, "no such group"),
        ({"reference_groups": "gender=man"}, "expected a mapping"),
        ({"gates": ["gender between classes: tv <= 0.1"]}, "not compared between classes"),
        ({"gates": ["gender: difference <= 2"]}, "not a share"),
        ({"gates": ["gender: ratio_to_reference >= x"]}, "not a ratio"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        audited(people(COUNTS), **given)


def test_the_command_takes_reference_groups_and_fails_by_a_gate_on_them(tmp_path: Path) -> None:
    frame = people(COUNTS)
    frame["path"] = [f"{number}.png" for number in range(len(frame))]
    frame.to_csv(tmp_path / "set.csv", index=False)
    options = ("--known", "gender=gender", "--reference-group", "gender=man", "--reference-group", "class=chef")
    run = call(
        "audit", "set.csv", *options, "--gate", "gender between classes: difference <= 0.1", "--json", folder=tmp_path
    )
    assert run.returncode == 4
    assert "class nurse, man" in said(run.stderr)
    references = result(run.stdout)["findings"]["groups"]["references"]
    assert {"of": "class", "group": "chef", "declared": True} in references
