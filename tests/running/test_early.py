"""Attempts are stopped after their first steps, the same ones at any batch size and after any stop."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from synthgen.errors import Interrupted
from synthgen.planning import Plan
from synthgen.records import Candidate, CannotLeaveError, Reason, Rendered
from synthgen.records.begun import Begun
from synthgen.running import Assignment, create_run, open_run, verify, work
from synthgen.running.shard.stopping import WARM_UP, in_control
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge, NoiseGenerator
from tests.running.noise import SPEC, noise_plan
from tests.running.tables import bytes_of, ledger_of, state_of, without

EARLY = "filters.early=3"


def plan_with(*overrides: str) -> Plan:
    counts = ("classes.doctor=170", "classes.chef=80", "output.shard_size=300", "budget.attempts_per_image=40")
    return noise_plan(*counts, "filters.label={}", *overrides)


PLAN = plan_with(EARLY)


class Leaving(NoiseGenerator):
    """Noise that can be left: what is seen early is how bright it will be, more or less.

    Args:
        told: how much of it is to be seen, 0 to 1.
    """

    overlaps = False

    def __init__(self, batch_size: int = 8, stop_after: int = 10**9, told: float = 0.9) -> None:
        super().__init__(batch_size)
        self.begun: list[int] = []
        self.finished: list[int] = []
        self._told, self._left = told, stop_after

    def begin(self, candidates: Sequence[Candidate], steps: int) -> list[Begun]:
        assert steps == 3
        self._left -= 1
        self.begun += [one.attempt for one in candidates]
        return [Begun(one, self._clean(one), one.seed, 0.25, len(candidates)) for one in candidates]

    def finish(self, begun: Sequence[Begun]) -> list[Rendered]:
        assert 1 <= len(begun) <= self.batch_size
        assert all(one.state == one.candidate.seed for one in begun)
        self._left -= 1
        self.finished += [one.candidate.attempt for one in begun]
        return self.render([one.candidate for one in begun])

    def stop(self) -> bool:
        return self._left <= 0

    def _clean(self, candidate: Candidate) -> np.ndarray:
        brightness = np.random.default_rng(candidate.seed).integers(40, 250)
        rng = np.random.default_rng(candidate.seed + 1)
        seen = self._told * (brightness - 145) / 60 + (1 - self._told) * rng.normal()
        return np.append(rng.normal(size=15), seen).astype(np.float16)


class Beside(Leaving):
    overlaps = True


class BySight(BrightnessJudge):
    """Rejects dark images, and no others."""

    def _reason(self, mean: float) -> Reason | None:
        return Reason.LABEL if mean / 255 < self._floor else None


def make(folder: Path, generator: NoiseGenerator, plan: Plan = PLAN, floor: float = 0.35, **more: object) -> None:
    store = FolderStore(folder)
    create_run(store, plan, SPEC)
    stop = generator.stop if isinstance(generator, Leaving) else lambda: False
    with suppress(Interrupted):
        work(open_run(store), store, generator, BySight(floor), [0], stop=stop, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    make(folder, Leaving(8))
    return folder


def assert_same(folder: Path, undisturbed: Path) -> None:
    assert bytes_of(folder, PLAN) == bytes_of(undisturbed, PLAN)
    one, other = (without(ledger_of(place, PLAN), "seconds", "batch_size") for place in (folder, undisturbed))
    shared = min(len(one), len(other))
    assert str(one[:shared]) == str(other[:shared])
    assert not any(row["verdict"] == "accepted" for row in one[shared:] + other[shared:])
    assert verify(PLAN, FolderStore(folder)) == []
    assert list((folder / "journal").glob("*")) == []


def test_what_will_be_rejected_is_stopped_and_rows_tell(undisturbed: Path) -> None:
    rows = ledger_of(undisturbed, PLAN)
    early = [row for row in rows if row["reason"] == "early"]
    assert len(early) > len(rows) / 4
    assert state_of(undisturbed, PLAN).done[0].reasons["early"] == len(early)
    for row in early:
        assert (row["verdict"], row["early_step"], row["early_control"]) == ("rejected", 3, False)
        assert row["early_score"] < 0
        assert row["attempt"] >= WARM_UP + PLAN.lag
        assert (row["thumbnail"], row["score_brightness"], row["attribute_tint"]) == (None, None, None)
        assert row["seconds"] == pytest.approx(0.25)
    finished = [row for row in rows if row["reason"] != "early"]
    assert all(row["early_score"] is None or row["early_score"] >= 0 or row["early_control"] for row in finished)
    control = [row for row in rows if row["early_control"]]
    assert control
    assert all(in_control(row["id"]) for row in control)
    assert all(row["seconds"] == pytest.approx(0.26) for row in finished if row["verdict"] != "failed")


def test_fewer_attempts_are_finished_and_few_good_ones_are_lost(tmp_path: Path, undisturbed: Path) -> None:
    whole = plan_with()
    make(tmp_path, NoiseGenerator(8), whole)
    without_early, with_early = ledger_of(tmp_path, whole), ledger_of(undisturbed, PLAN)
    finished = sum(row["reason"] != "early" for row in with_early)
    assert finished < 0.75 * len(without_early)
    assert len(with_early) < 1.12 * len(without_early)
    assert "early_score" not in without_early[0]


@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_the_same_attempts_are_stopped_at_any_batch_size(batch_size: int, tmp_path: Path, undisturbed: Path) -> None:
    make(tmp_path, Leaving(batch_size))
    assert_same(tmp_path, undisturbed)


def test_the_same_attempts_are_stopped_with_the_judge_beside_the_denoiser(tmp_path: Path, undisturbed: Path) -> None:
    make(tmp_path, Beside(8))
    assert_same(tmp_path, undisturbed)


def test_survivors_are_finished_in_full_batches(tmp_path: Path) -> None:
    class Sizes(Leaving):
        sizes: list[int] = []  # noqa: RUF012

        def finish(self, begun: Sequence[Begun]) -> list[Rendered]:
            self.sizes.append(len(begun))
            return super().finish(begun)

    generator = Sizes(8)
    make(tmp_path, generator)
    assert sum(size == 8 for size in generator.sizes) > 0.9 * len(generator.sizes)


def test_a_run_that_is_stopped_again_and_again_comes_to_the_same_end(tmp_path: Path, undisturbed: Path) -> None:
    finished: list[int] = []
    while not (tmp_path / "plan.json").exists() or not state_of(tmp_path, PLAN).complete:
        generator = Leaving(8, stop_after=12)
        make(tmp_path, generator)
        finished += generator.finished
    assert_same(tmp_path, undisturbed)
    assert len(finished) == len(set(finished))  # nothing that was finished is finished again


def test_suspects_are_made_one_by_one_with_the_same_decisions(tmp_path: Path, undisturbed: Path) -> None:
    store = FolderStore(tmp_path)
    create_run(store, PLAN, SPEC)
    assignment = Assignment(0, suspects=frozenset({210, 333}))
    work(open_run(store), store, Leaving(8), BySight(0.35), [assignment])
    assert_same(tmp_path, undisturbed)


def test_what_tells_nothing_stops_nothing(tmp_path: Path) -> None:
    make(tmp_path, Leaving(8, told=0.0))
    rows = ledger_of(tmp_path, PLAN)
    assert sum(row["reason"] == "early" for row in rows) < 0.05 * len(rows)


def test_where_nearly_all_are_good_it_stays_off(tmp_path: Path) -> None:
    make(tmp_path, Leaving(8), floor=0.0)
    assert not [row for row in ledger_of(tmp_path, PLAN) if row["reason"] == "early"]


class Whole(Leaving):
    """A model that cannot leave its call."""

    def begin(self, candidates: Sequence[Candidate], steps: int) -> list[Begun]:
        raise CannotLeaveError("filters.early does not work here: it makes no steps")


def test_a_model_that_cannot_do_it_ends_a_run_that_asks_and_auto_goes_on_without(tmp_path: Path) -> None:
    with pytest.raises(CannotLeaveError, match=r"filters\.early"):
        make(tmp_path / "asked", Whole(8))
    auto = plan_with("filters.early=auto")
    make(tmp_path / "auto", Whole(8), auto)
    record = state_of(tmp_path / "auto", auto).done[0]
    assert "makes no steps" in record.provenance["early"]
    assert "early" not in record.reasons
