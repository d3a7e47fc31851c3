"""A new class where `filters.label` asks for the label: the judge compares the images that exist with it first."""

from dataclasses import replace
from pathlib import Path

import pytest

import synthgen
from synthgen.api import wiring
from synthgen.api.growing import check_growth
from synthgen.errors import PlanChanged, UsageError
from synthgen.planning import Plan
from synthgen.records import Assessment, Rendered
from synthgen.running import create_run
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, make_run, noise_plan

LABEL = "filters.label={min_posterior: 0.25}"
WANTED = noise_plan(LABEL, "classes.pilot=2")


class LabelJudge(BrightnessJudge):
    """A judge to which the posterior of the class is the brightness, times a factor."""

    factor = 1.0

    def assess(self, rendered: list[Rendered]) -> list[Assessment]:  # type: ignore[override]
        found = super().assess(rendered)
        return [replace(one, scores={"label_posterior": self.factor * one.scores["brightness"]}) for one in found]


def check(folder: Path, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = LabelJudge()
    judge.factor = factor

    def opened(planned: Plan, device: str) -> LabelJudge:
        return judge

    monkeypatch.setattr(wiring, "judge", opened)
    check_growth(WANTED, FolderStore(folder), "cpu", lambda event: None)


def test_images_that_would_be_rejected_now_are_named_and_others_allow_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(str(tmp_path), noise_plan(LABEL))
    check(tmp_path, 100.0, monkeypatch)
    with pytest.raises(PlanChanged) as refused:
        check(tmp_path, 0.0, monkeypatch)
    first, *named = refused.value.message.splitlines()
    assert first.endswith("cannot gain the class 'pilot': 45 of its 45 images would be rejected by its filters now")
    assert named[0].endswith(": label_posterior 0.000, at least 0.25")
    assert named[-1] == "  and 42 more"

    synthgen.finalize(tmp_path)
    worst = named[0].split(",")[0].strip()
    synthgen.exclude(tmp_path, [worst], reviewer="ana")
    with pytest.raises(PlanChanged, match="44 of its 44 images would be rejected") as again:
        check(tmp_path, 0.0, monkeypatch)
    assert worst not in again.value.message


def test_shards_that_are_open_are_made_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_run(FolderStore(tmp_path), noise_plan(LABEL), SPEC)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal/00000-0123456789abcdef.parquet").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot gain the class 'pilot' yet: 3 shards are not committed"):
        check(tmp_path, 1.0, monkeypatch)
