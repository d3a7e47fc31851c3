"""Combinations of attributes: their shares, targets and gates."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.auditing.findings import AttributeFindings, Figure
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.errors import UsageError
from synthgen.stats.distance import Measure
from synthgen.stats.estimates import wilson

KNOWN = {"gender": "gender", "skin": "skin"}
UNIFORM = {"gender": "uniform", "skin": "uniform"}
VALUES = {"gender": ["man", "woman"], "skin": ["dark", "light"]}
BALANCED = """
attributes:
  gender: {values: {man: [a man], woman: [a woman]}}
  skin: {values: {dark: [dark skin], light: [light skin]}}
balance: [{attribute: gender, target: {man: 0.25, woman: 0.75}}, {attribute: skin}]
"""


def people(diagonal: int = 90, off: int = 10, classes: tuple[str, ...] = ("chef", "doctor")) -> pd.DataFrame:
    """Each attribute is even, but men are dark and women are light."""
    cells = {("man", "dark"): diagonal, ("man", "light"): off, ("woman", "dark"): off, ("woman", "light"): diagonal}
    rows = [(kind, *cell) for kind in classes for cell, many in cells.items() for _ in range(many)]
    return pd.DataFrame(rows, columns=["label", "gender", "skin"])


def audited(frame: pd.DataFrame, **more: Any) -> synthgen.Audit:
    return synthgen.audit(frame, known=KNOWN, **more)


def joint(found: synthgen.Audit) -> AttributeFindings:
    (only,) = found.findings.joint
    return only


def outcomes(found: synthgen.Audit) -> list[str]:
    return [gate.outcome.value for gate in found.findings.gates]


def test_a_gate_on_a_combination_sees_what_gates_on_its_parts_miss() -> None:
    lines = [
        "gender within class: tv <= 0.15",
        "skin within class: tv <= 0.15",
        "gender x skin within class: tv <= 0.15",
    ]
    found = audited(people(), targets=UNIFORM, gates=lines)
    assert outcomes(found) == ["pass", "pass", "fail"]
    assert "man, light 5%" in found.findings.gates[2].reason
    assert joint(found).reference == "the product of the targets"
    tv = next(each for each in joint(found).scopes[0].distances if each.measure is Measure.TV)
    assert tv.found.value == pytest.approx(0.4)


def test_shares_of_combinations_are_gated_however_they_are_written() -> None:
    lines = ["gender x skin overall: share of man,light >= 0.1", "gender × skin overall: share of man, light <= 10%"]
    found = audited(people(), gates=lines)
    assert outcomes(found) == ["fail", "pass"]
    assert found.findings.gates[1].gate == "gender x skin overall: share of man, light <= 0.1"
    share = joint(found).scopes[0].shares[1]
    assert (share.value, share.count, share.raw) == ("man, light", 20, wilson(20, 400))


def test_balance_of_two_attributes_is_a_joint_target(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(BALANCED)
    found = audited(people(), attributes=tmp_path / "attributes.yaml")
    own = joint(found)
    assert own.scopes[1].reference == pytest.approx(
        {"man, dark": 0.125, "man, light": 0.125, "woman, dark": 0.375, "woman, light": 0.375}
    )
    tv = next(each for each in own.scopes[1].distances if each.measure is Measure.TV)
    assert tv.found.value == pytest.approx(0.325 + 0.075)
    assert tv.adjusted is not None
    assert tv.adjusted < 0.01
    assert found.tables["joint_shares"].query("place == 'overall'")["count"].tolist() == [180, 20, 20, 180]


def test_a_combination_may_have_a_target_of_its_own() -> None:
    shares = {"man, dark": 0.45, "man, light": 0.05, "woman, dark": 0.05, "woman, light": 0.45}
    gate = ["gender x skin: tv <= 0.15"]
    found = audited(people(), targets={"gender x skin": shares}, gates=gate)
    assert outcomes(found) == ["pass"]
    assert joint(found).reference == "declared shares"
    assert outcomes(
        audited(people(25, 25), targets={"gender x skin": "uniform"}, gates=["gender x skin overall: tv <= 0.3"])
    ) == ["pass"]


def test_images_of_one_prompt_widen_the_interval_of_a_combination() -> None:
    rng = np.random.default_rng(0)
    frame = people(100, 100)
    prompt = np.arange(800) // 20
    frame["label"] = np.array(["chef", "doctor"])[prompt % 2]
    frame["gender"] = np.array(VALUES["gender"])[rng.integers(2, size=40)][prompt]
    frame["skin"] = np.array(VALUES["skin"])[rng.integers(2, size=40)][prompt]
    frame["prompt"] = [f"prompt {each}" for each in prompt]
    scope = joint(audited(frame, cross=[("gender", "skin")])).scopes[0]
    assert scope.quote.figure is Figure.CLUSTERED
    first = scope.shares[0]
    assert first.raw is not None
    assert first.clustered is not None
    assert first.clustered.half_width > 2 * first.raw.half_width


def test_an_image_without_a_value_of_one_part_is_in_no_combination_and_may_turn_a_gate() -> None:
    frame = people(100, 100)
    frame.loc[np.arange(800) % 4 == 0, "skin"] = "unknown"
    gate = ["gender x skin overall: share of man, dark >= 0.18"]
    found = audited(frame, gates=gate)
    assert (joint(found).scopes[0].valued, joint(found).scopes[0].unknown) == (600, 200)
    assert outcomes(found) == ["insufficient data"]
    frame.loc[frame["gender"] == "man", "skin"] = "not applicable"
    assert joint(audited(frame, gates=gate)).scopes[0].not_applicable == 400


def test_a_combination_with_a_judged_part_needs_labels_of_it() -> None:
    frame = people(100, 100).assign(id=[f"{row:04}" for row in range(800)])
    options = AuditOptions(known=["gender"], gates=["gender x skin overall: share of man, dark >= 0.1"])
    found = measure(frame, VALUES, options)
    assert found.gates[0].outcome == "insufficient data"
    assert "has not been checked" in found.gates[0].reason

    labels = frame.sample(200, random_state=0)[["id", "skin"]].assign(weight=1.0)
    checked = measure(frame, VALUES, AuditOptions(known=["gender"], gates=options.gates, labels=labels))
    assert checked.joint[0].scopes[0].quote.figure is Figure.LABELS
    assert checked.gates[0].outcome == "pass"


def test_a_real_set_gives_the_target_of_a_combination() -> None:
    real = people(50, 50)
    found = audited(people(), reference=real, cross=[("gender", "skin")])
    assert joint(found).reference == "the real set"
    assert joint(found).scopes[0].reference == pytest.approx(
        dict.fromkeys(["man, dark", "man, light", "woman, dark", "woman, light"], 0.25)
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gender x hair: tv <= 0.1", "there is no attribute 'hair'"),
        ("gender x class: tv <= 0.1", "the class cannot be a part"),
        ("gender x gender: tv <= 0.1", "listed twice"),
        ("gender x skin: tv <= 0.1", "gender has no target"),
        ("gender x skin: share of man, pink <= 0.1", "has no value 'man, pink'"),
    ],
)
def test_mistakes_are_named(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        audited(people(), gates=[line])


def test_an_attribute_may_have_such_a_name_itself() -> None:
    frame = people().rename(columns={"gender": "a x b"})
    found = synthgen.audit(frame, known={"a x b": "a x b"}, gates=["a x b overall: share of man >= 0.4"])
    assert outcomes(found) == ["pass"]
    assert found.findings.joint == ()


def test_combinations_of_many_cells_are_measured_only_for_a_gate() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.integers(2, size=900).astype(str)})
    for name in ("gender", "skin"):
        frame[name] = rng.integers(26, size=900).astype(str)
    alone = audited(frame, cross=[("gender", "skin")])
    assert alone.findings.joint == ()
    assert any("gender x skin: too many combinations" in note for note in alone.notes)
    assert joint(audited(frame, gates=["gender x skin overall: share of 1, 2 <= 0.5"])).name == "gender x skin"
