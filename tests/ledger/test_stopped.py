"""What early rejection may have lost, as the control arm bounds it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.ledger.stopped import Stopped, read_stopped
from synthgen.stats.loss import most_lost


def row(kind: str, skin: str, score: float | None, verdict: str, *, control: bool = False) -> dict[str, object]:
    stopped = score is not None and score < 0 and not control
    return {
        "class": kind,
        "verdict": "rejected" if stopped else verdict,
        "reason": "early" if stopped else "label" if verdict == "rejected" else None,
        "early_score": score,
        "early_control": control,
        "attribute_skin": None if stopped else skin,
    }


def told(folder: Path, rows: list[dict[str, object]]) -> Stopped | None:
    pq.write_table(pa.Table.from_pylist(rows), folder / "ledger.parquet")
    return read_stopped([folder / "ledger.parquet"], ["doctor", "chef"], ["skin"])


def test_a_bound_counts_what_the_control_arm_would_have_lost(tmp_path: Path) -> None:
    rows = [row("doctor", "light", None, "accepted")] * 50 + [row("chef", "dark", 0.2, "surplus")] * 30
    rows += [row("doctor", "light", -0.1, "rejected")] * 100
    rows += [row("doctor", "light", -0.1, "rejected", control=True)] * 39
    rows += [row("doctor", "dark", -0.2, "accepted", control=True)]
    found = told(tmp_path, rows)
    assert found is not None
    assert (found.looked, found.stopped) == (170, 100)
    bounds = {one.group: one for one in found.bounds}
    assert list(bounds) == ["", "doctor", "chef", "skin=dark", "skin=light"]
    most = 100 * most_lost(1, 40)
    assert bounds[""].lost == pytest.approx(most / (51 + most)), "no cell needed the surplus"
    assert bounds["doctor"].lost == pytest.approx(most / (51 + most))
    assert bounds["chef"].lost == 0  # none of its attempts was stopped
    least = 100 * most_lost(0, 40)
    assert bounds["skin=light"].lost == pytest.approx(least / (50 + least))
    assert "100 of 170 attempts were stopped early" in found.lines[0]


def test_a_group_that_loses_more_than_others_is_named(tmp_path: Path) -> None:
    rows = [row("doctor", "light", 0.3, "accepted", control=True)] * 60
    rows += [row("chef", "light", 0.3, "accepted", control=True)] * 5
    rows += [row("chef", "light", -0.3, "accepted", control=True)] * 8
    found = told(tmp_path, rows)
    assert found is not None
    assert any("chef loses more than others" in line for line in found.lines)
    assert not any("doctor loses" in line for line in found.lines)


def test_a_ledger_without_early_rejection_tells_nothing(tmp_path: Path) -> None:
    plain = {key: value for key, value in row("doctor", "light", None, "accepted").items() if "early" not in key}
    assert told(tmp_path, [plain]) is None
