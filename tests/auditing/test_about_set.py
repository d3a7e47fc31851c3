"""What a set holds is a fact, if it was counted; what its source would make is an estimate."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.errors import UsageError
from synthgen.stats.distance import Measure, uniform
from tests.command import call, envelope
from tests.sets.sets import of_counts

SKIN = {"skin": ("light", "dark")}
FRAME = of_counts({"chef": {"light": 22, "dark": 18}, "nurse": {"light": 20, "dark": 20}}, "skin")
GATE = "skin within class: tv <= 0.06"


def audited(**given: object) -> Findings:
    options = {"references": {"skin": uniform(SKIN["skin"])}, "gates": [GATE, "skin: v <= 0.3"], **given}
    return measure(FRAME, SKIN, AuditOptions(**options))  # type: ignore[arg-type]


def test_the_shares_of_a_known_set_have_no_interval() -> None:
    found = audited(known=["skin"], about_set=True)
    assert found.about == "set"
    chefs = found.attributes[0].scopes[1]
    for each in (chefs.shares[0].raw, chefs.unknown_share, found.attributes[0].association.v):
        assert each is not None
        assert each.low == each.value == each.high
    tv = next(each for each in chefs.distances if each.measure is Measure.TV)
    assert (tv.found.low, tv.found.value, tv.found.high) == pytest.approx((0.05, 0.05, 0.05))


def test_so_a_gate_is_decided_that_the_source_leaves_open() -> None:
    about_source, about_set = audited(known=["skin"]), audited(known=["skin"], about_set=True)
    assert about_source.gates[0].outcome is GateOutcome.INSUFFICIENT
    assert [gate.outcome for gate in about_set.gates] == [GateOutcome.PASS, GateOutcome.PASS]
    strict = audited(known=["skin"], about_set=True, gates=["skin within class: tv <= 0.04"])
    assert strict.outcome is GateOutcome.FAIL
    assert [check.outcome for check in strict.gates[0].checks] == [GateOutcome.FAIL, GateOutcome.PASS]


@pytest.mark.slow
def test_the_command_line_asks_about_the_set(tmp_path: Path) -> None:
    rows = [f"{kind},{skin}" for kind, skin in zip(FRAME["label"], FRAME["skin"], strict=True)]
    (tmp_path / "set.csv").write_text("label,skin\n" + "\n".join(rows) + "\n")
    asked = ("audit", "set.csv", "--known", "skin=skin", "--target", "skin=uniform", "--gate", GATE)
    unsure = call(*asked, folder=tmp_path)
    assert unsure.returncode == 4
    assert "--about set asks only about this set" in unsure.stderr
    assert "more images (at least about " in unsure.stderr
    assert envelope(call(*asked, "--json", folder=tmp_path).stdout)["errors"][0]["code"] == "gate_undecided"
    done = call(*asked, "--about", "set", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "✓ Pass: Audit of set")
    wrong = call(*asked, "--about", "sets", folder=tmp_path)
    assert (wrong.returncode, "--about': 'sets' is not one of 'source', 'set'" in wrong.stderr) == (2, True)
    with pytest.raises(UsageError, match="expected 'source' or 'set'"):
        synthgen.audit(tmp_path / "set.csv", known={"skin": "skin"}, about="sets")


def test_a_judge_is_still_not_believed() -> None:
    assert audited(about_set=True).outcome is GateOutcome.INSUFFICIENT


def test_labels_of_nearly_all_images_leave_nearly_no_interval_and_it_is_right() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(40):
        truth = rng.choice(SKIN["skin"], 200, p=[0.7, 0.3])
        said = np.where(rng.random(200) < 0.85, truth, "light")
        frame = pd.DataFrame({"id": [f"{n:03}" for n in range(200)], "label": "chef", "skin": said})
        names = dict(zip(frame["id"], truth, strict=True))
        widths = []
        for many in (60, 190):
            drawn = draw_sample(frame, many, seed)
            labels = drawn.assign(skin=drawn["id"].map(names))
            found = measure(frame, SKIN, AuditOptions(labels=labels, about_set=True))
            share = found.attributes[0].scopes[0].shares[0].labels
            assert share is not None
            inside += share.low <= (truth == "light").mean() <= share.high
            widths.append(share.half_width)
        assert widths[1] < widths[0] / 2
    assert inside >= 70, "of 80 intervals that claim 95 %"
