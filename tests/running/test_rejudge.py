"""Stricter thresholds without new images, and one attempt made again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from synthgen.errors import UsageError
from synthgen.planning import Plan
from synthgen.records import Reason, Rule
from synthgen.running import create_run, rejudge, verify
from synthgen.running.rejudge import FirstBroken
from synthgen.running.replay import replay
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import images_of, ledger_of, state_of, without


def darker_than(floor: float) -> FirstBroken:
    rule = Rule(Reason.LABEL, "brightness", floor)

    def rejects(class_name: str, scores: Mapping[str, float]) -> Rule | None:
        return None if rule.allows(scores["brightness"]) else rule

    return rejects


def rejudged(folder: Path, plan: Plan, floor: float) -> Plan:
    """The plan of a run beside `folder` that holds what is at least as bright as `floor`."""
    stricter = replace(plan, spec=plan.spec.model_copy(update={"seed": plan.spec.seed}), window=plan.window)
    into = FolderStore(folder.with_name("strict"))
    create_run(into, stricter, SPEC)
    rejudge(plan, FolderStore(folder), stricter, into, darker_than(floor))
    return stricter


def test_the_same_thresholds_change_nothing(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path / "run"), plan)
    rejudged(tmp_path / "run", plan, 0.2)
    dropped = "score_unmeasured"  # is never a number, and so equal to nothing
    for rows_of in (ledger_of, images_of):
        before, after = rows_of(tmp_path / "run", plan), rows_of(tmp_path / "strict", plan)
        assert without(after, dropped) == without(before, dropped)


def test_stricter_ones_leave_exactly_what_passes_them(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path / "run"), plan)
    before = {row["id"]: row for row in ledger_of(tmp_path / "run", plan)}
    stricter = rejudged(tmp_path / "run", plan, 0.3)
    after = ledger_of(tmp_path / "strict", stricter)
    assert [row["id"] for row in after] == list(before)
    for row in after:
        then = before[row["id"]]
        if row["score_brightness"] is not None and row["score_brightness"] < 0.3:
            assert (row["verdict"], row["reason"], row["cell_filled"]) == ("rejected", "label", None)
        else:
            assert (row["verdict"], row["reason"], row["cell_filled"]) == (
                then["verdict"],
                then["reason"],
                then["cell_filled"],
            )
    kept = [row for row in images_of(tmp_path / "run", plan) if row["score_brightness"] >= 0.3]
    dropped = "score_unmeasured"  # is never a number, and so equal to nothing
    assert without(images_of(tmp_path / "strict", stricter), dropped) == without(kept, dropped)
    assert 0 < len(kept) < 45
    state = state_of(tmp_path / "strict", stricter)
    assert sum(short.missing for short in state.shortfalls) == 45 - len(kept)
    for record in state.done.values():
        for short in record.shortfalls:
            aimed = [row for row in after if row["cell_aimed"] == short.cell and row["shard"] == record.shard]
            assert short.misses["label"] == sum(row["reason"] == "label" for row in aimed)
            assert short.hits + sum(short.misses.values()) == short.attempts == len(aimed)
    assert state.counts == Counter(row["verdict"] for row in after) | {}
    assert verify(stricter, FolderStore(tmp_path / "strict")) == []


def test_an_attempt_replayed_agrees_with_its_record(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path), plan)
    store = FolderStore(tmp_path)
    for verdict in ("accepted", "rejected", "failed"):
        row = next(
            row for row in ledger_of(tmp_path, plan) if row["verdict"] == verdict and row["reason"] != "duplicate"
        )
        found = replay(plan, store, NoiseGenerator(), BrightnessJudge(), row["id"])
        assert found.noise
        assert found.difference == (0 if verdict == "accepted" else None), "pixels are kept of accepted images only"
        assert found.reason == row["reason"]
        for name, (then, now) in found.scores.items():
            assert name == "unmeasured" or then == pytest.approx(now)


def test_a_replay_tells_that_the_model_is_another(tmp_path: Path) -> None:
    class Brighter(NoiseGenerator):
        def render(self, candidates):  # type: ignore[no-untyped-def]
            rendered = super().render(candidates)
            return [one if one.image is None else replace(one, image=one.image + 3) for one in rendered]

    plan = noise_plan()
    make_run(str(tmp_path), plan)
    image = images_of(tmp_path, plan)[0]["id"]
    found = replay(plan, FolderStore(tmp_path), Brighter(), BrightnessJudge(), image)
    then, now = found.scores["brightness"]
    assert (found.noise, found.difference) == (True, 3)
    assert now == pytest.approx(then + 3 / 255, abs=1e-5)


@pytest.mark.parametrize("strange", ["00000-999999", "99999-000000", "nonsense", ""])
def test_an_attempt_that_was_never_made_cannot_be_replayed(tmp_path: Path, strange: str) -> None:
    plan = noise_plan()
    make_run(str(tmp_path), plan)
    with pytest.raises(UsageError, match="no"):
        replay(plan, FolderStore(tmp_path), NoiseGenerator(), BrightnessJudge(), strange)
