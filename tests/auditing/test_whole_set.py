"""The hint to ask about the set itself stands where that changes a verdict, and nowhere else."""

from pathlib import Path

import pandas as pd
import pytest

from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.whole_set import about_set_decides
from synthgen.sets import PREDICTED
from synthgen.stats.distance import uniform
from tests.command import call
from tests.sets.sets import of_counts

SKIN = {"skin": ("light", "dark")}
GATES = (
    "skin overall: share of dark <= 0.5",
    "skin within class: share of dark >= 0.42",
    "skin within class: tv <= 0.06",
    "skin within class: entropy >= 0.99",
    "skin: v <= 0.05",
    "skin: unknown <= 0.1",
    "skin between classes: difference <= 0.06",
    "skin within class: ratio to reference >= 0.9",
    "skin overall: error <= 0.3",
    "skin overall: error difference <= 0.1",
)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("unknown", [0, 1, 12])
def test_the_hint_is_what_the_audit_of_the_set_itself_says(unknown: int, known: bool) -> None:
    counts = {"chef": {"light": 22, "dark": 18}, "nurse": {"light": 20, "dark": 20}}
    frame: pd.DataFrame = of_counts({name: {**own, "unknown": unknown} for name, own in counts.items()}, "skin")
    frame[PREDICTED] = ["chef"] * 48 + ["nurse"] * (len(frame) - 48)
    hinted = 0
    for gate in GATES:
        options = {"known": ["skin"] if known else [], "references": {"skin": uniform(SKIN["skin"])}, "gates": [gate]}
        source = measure(frame, SKIN, AuditOptions(**options))  # type: ignore[arg-type]
        of_set = measure(frame, SKIN, AuditOptions(**options, about_set=True))  # type: ignore[arg-type]
        changes = GateOutcome.INSUFFICIENT in {source.outcome} - {of_set.outcome}
        assert about_set_decides(source) == changes, (gate, source.gates[0].reason, of_set.gates[0].reason)
        hinted += changes
    assert hinted or not known


@pytest.mark.slow
def test_the_command_does_not_hint_at_what_would_not_help(tmp_path: Path) -> None:
    for unknown, hinted in ((0, True), (30, False)):
        rows = [*["chef,light"] * 22, *["chef,dark"] * 18, *["chef,"] * unknown]
        (tmp_path / "set.csv").write_text("label,skin\n" + "\n".join(rows) + "\n")
        asked = ("audit", "set.csv", "--known", "skin=skin", "--target", "skin=uniform")
        done = call(*asked, "--gate", "skin within class: tv <= 0.06", folder=tmp_path)
        assert done.returncode == 4
        assert ("--about set" in done.stderr) == hinted
