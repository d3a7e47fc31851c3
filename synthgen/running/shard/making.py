"""Making one shard: batches are proposed, rendered, judged, given their verdicts in order, and written.

Where it pays, the next batch is rendered while the last one is judged: what an attempt aims at does not depend on the
verdicts of a window's attempts before it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.errors import stopped
from synthgen.events import ClassProgress, Progress
from synthgen.ledger.rows import reason
from synthgen.planning import Plan
from synthgen.records import Candidate, CannotLeaveError, Failure, Judged, Rendered, Shard, ShardRecord
from synthgen.running.assignment import Assignment
from synthgen.running.shard.assessing import Assessed, AssessingThread, assess, may_overlap
from synthgen.running.shard.environment import environment
from synthgen.running.shard.filling import Filling
from synthgen.running.shard.journal import Journal
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import EarlyGenerator
from synthgen.running.shard.writer import ShardWriter
from synthgen.store.store import RunStore

if TYPE_CHECKING:
    from synthgen.running.shard.early import BegunAttempts
    from synthgen.running.shard.stopping import Stopping


@dataclass(frozen=True, slots=True)
class _Judging:
    """A batch that is judged while the next one is rendered."""

    attempts: tuple[int, ...]
    assessed: Future[Assessed]


class ShardMaking:
    """One shard being made. One thread owns it, and renders on it.

    Args:
        plan: the whole one.
        stop: asked between two batches.
    """

    def __init__(
        self,
        plan: Plan,
        store: RunStore,
        models: Models,
        assignment: Assignment,
        on_progress: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._plan, self._store, self._assignment = plan.part_of(assignment.shard), store, assignment
        self._models, self._on_progress, self._stop = models, on_progress, stop
        self._shard = self._plan.shard(assignment.shard)
        self._filling = Filling(self._plan, self._shard)
        self._journal = Journal(store, self._shard.index, self._plan.fingerprint, self._plan.lag)
        self._begun, self._stopping = self._early()
        self._judging: _Judging | None = None
        self._attempts, self._outcomes = Counter[str](), Counter[str]()

    def _early(self) -> tuple[BegunAttempts | None, Stopping | None]:
        """Return what begins attempts and what decides on them, where some may be stopped early."""
        early, generator = self._plan.early, self._models.generator
        if early is None:
            return None, None
        from synthgen.running.shard.early import BegunAttempts  # with numpy: who plans imports this file, too
        from synthgen.running.shard.stopping import Stopping

        stopping = Stopping(self._plan, early)
        if self._models.never_early is not None or not isinstance(generator, EarlyGenerator):
            return None, stopping
        return BegunAttempts(generator, self._filling, stopping), stopping

    def make(self) -> ShardRecord | None:
        """Make the shard and commit it; None if another worker was first.

        Raises:
            Interrupted, StorageError, SynthgenError, Exception: see `synthgen.running.work`.
        """
        generator, judge, journal = self._models.generator, self._models.judge, self._journal
        self._began = time.perf_counter()
        judge.begin_shard()

        def provenance() -> dict[str, str]:
            made_by = environment() | _prefixed("generator", generator.provenance())
            if self._plan.early is not None:
                made_by["early"] = f"off: {why}" if (why := self._models.never_early) else "on"
            return made_by | _prefixed("judge", judge.provenance())

        with ShardWriter(self._plan, self._store, self._shard.index, judge.score_names, journal, provenance) as writer:
            self._writer = writer
            with AssessingThread(judge) as self._thread:
                self._fill()
            seconds = time.perf_counter() - self._began + journal.seconds
            made_by = _joined(journal.provenance, provenance())
            record = writer.commit(self._filling.shortfalls(), seconds, made_by)
        self._report(committed=record is not None)
        return record

    def _fill(self) -> None:
        try:
            while not self._filling.done:
                if self._stop():
                    self._settle()
                    self._report()  # what was made, for whoever asked to stop
                    raise stopped()
                kept = self._journal.size_of_next()
                if kept:
                    self._take(kept)
                else:
                    self._go_on()
        finally:
            self._settle()  # nothing that was rendered is lost, whatever ended the loop

    def _take(self, kept: int) -> None:
        """Judge the next batch of the journal again, or make it again if it is not what was proposed."""
        assert self._judging is None, "kept batches come first"
        batch = self._filling.propose(kept)
        again = self._journal.take(batch)
        if again is None:
            self._make_new(batch)
            return
        self._report(under_way=batch)
        with self._models.batch(self._doing, proves=False):
            self._decide(assess(self._models.judge, again), is_new=False)

    def _go_on(self) -> None:
        """Make the next batch, or wait for the verdicts without which it cannot be chosen, or may not be needed."""
        most = min(self._models.generator.batch_size, self._plan.window)
        waiting = self._begun.waiting if self._begun is not None else 0
        room = self._plan.lag - self._filling.undecided if waiting < most else 0
        batch = self._filling.propose_needed(most) if most <= room else []
        if batch:
            self._make_new(batch)
        elif waiting:
            self._finish_batch()
        else:
            self._settle()

    def _make_new(self, batch: list[Candidate]) -> None:
        """Render a batch; one by one, with nothing beside it, if it holds a suspect."""
        unsure = self._assignment.suspects | self._assignment.skipped
        doubtful = any(one.attempt in unsure for one in batch)
        if doubtful:
            self._finish_all()
        for part in [[one] for one in batch] if doubtful else [batch]:
            self._report(under_way=part)
            with self._models.batch(self._doing, proves=self._begun is None):
                self._pass_on(self._rendered(part), alone=doubtful)
            if doubtful:
                self._finish_all()

    def _finish_batch(self) -> None:
        """Finish a batch of attempts that were begun."""
        assert self._begun is not None, "some wait"
        self._report(under_way=self._begun.next_batch())
        with self._models.batch(self._doing):
            self._pass_on(self._begun.finish())

    def _finish_all(self) -> None:
        """Finish whatever was begun, and wait for its verdicts."""
        while self._begun is not None and self._begun.waiting:
            self._finish_batch()
        self._settle()

    def _pass_on(self, rendered: list[Rendered], *, alone: bool = False) -> None:
        """Have a batch judged: beside the next one, if that pays and nothing is to be done `alone`."""
        if not rendered:
            return
        self._settle()
        if alone or not self._models.proved or not may_overlap(self._models.generator, rendered):
            self._decide(assess(self._models.judge, rendered))
        else:
            attempts = tuple(one.candidate.attempt for one in rendered)
            self._judging = _Judging(attempts, self._thread.submit(rendered))

    def _rendered(self, candidates: list[Candidate]) -> list[Rendered]:
        """Render a batch, or begin it; then return what is complete."""
        if candidates[0].attempt in self._assignment.skipped:
            return _skipped(candidates)
        if self._begun is not None:
            try:
                return self._begun.begin(candidates)
            except CannotLeaveError as error:
                assert self._plan.early is not None, "something was begun"
                if self._plan.early.is_asked or self._models.proved:
                    raise
                self._models.never_early, self._begun = error.message, None
        return self._models.generator.render(candidates)

    def _settle(self) -> None:
        """Wait for the batch that is being judged, if there is one, and give it its verdicts."""
        judging, self._judging = self._judging, None
        if judging is not None:
            with self._models.batch(self._doing):
                self._decide(judging.assessed.result())

    def _decide(self, assessed: Assessed, *, is_new: bool = True) -> None:
        judged = [self._filling.apply(rendered, assessment) for rendered, assessment in assessed]
        if self._stopping is not None:
            for one in judged:
                self._stopping.learn(one, self._filling.home(one))
        self._writer.add(judged, is_new=is_new)
        self._outcomes.update(map(_outcome, judged))
        self._attempts.update(rendered.candidate.class_name for rendered, _ in assessed)

    @property
    def _doing(self) -> str:
        return f"making shard {self._shard.index}"

    def _report(self, *, committed: bool = False, under_way: Sequence[Candidate] = ()) -> None:
        speed = self._attempts.total() / (time.perf_counter() - self._began)
        self._on_progress(
            Progress(
                self._shard.index,
                _by_class(self._shard, self._filling.accepted, self._attempts),
                speed,
                committed,
                tuple(one.attempt for one in under_way),
                self._journal.used,
                dict(self._outcomes),
                self._judging.attempts if self._judging is not None else (),
            )
        )


def _joined(earlier: Mapping[str, Sequence[str]], now: Mapping[str, str]) -> dict[str, str]:
    """Say what made a shard: all values of a fact, if it was made in several goes by different means."""
    return {key: ", then ".join(dict.fromkeys([*earlier.get(key, ()), value])) for key, value in now.items()}


def _skipped(candidates: list[Candidate]) -> list[Rendered]:
    failure = Failure("killed_workers", "two workers died while they rendered or judged it")
    return [Rendered(candidate, None, failure, seconds=0.0, batch_size=1) for candidate in candidates]


def _outcome(judged: Judged) -> str:
    return ":".join(filter(None, (judged.verdict.value, reason(judged))))


def _by_class(shard: Shard, accepted: Mapping[str, int], attempts: Mapping[str, int]) -> dict[str, ClassProgress]:
    filled, quotas = Counter[str](), Counter[str]()
    for cell in shard.cells:
        quotas[cell.class_name] += cell.quota
        filled[cell.class_name] += accepted[cell.name]
    return {name: ClassProgress(filled[name], quota, attempts.get(name, 0)) for name, quota in quotas.items()}


def _prefixed(prefix: str, facts: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{key}": value for key, value in facts.items()}
