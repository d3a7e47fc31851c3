"""`Filling`: how one shard is filled. What each attempt aims at, and which image goes into which cell.

The sequence of candidates must be the same at any batch size and after any resume. So what attempt i aims at
depends on verdicts of attempts below i - window alone, and verdicts are applied in the order of attempts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synthgen.plan.candidates import draw_candidate
from synthgen.plan.plan import Plan
from synthgen.records import Assessment, Candidate, Cell, Judged, Rendered, Shard, Shortfall, Verdict


@dataclass(slots=True)
class _Tally:
    """Of one cell: attempts aimed at it, how many of them were good, and the images that it holds."""

    aimed: int = 0
    good: int = 0
    filled: int = 0


class Filling:
    """One shard being filled. Not thread-safe: one worker owns it."""

    def __init__(self, plan: Plan, shard: Shard) -> None:
        self._plan, self._shard = plan, shard
        self._cells = {cell.name: cell for cell in shard.cells}
        self._budget = {cell.name: cell.quota * plan.spec.budget.attempts_per_image for cell in shard.cells}
        self._aims: list[str] = []  # the cell of each attempt proposed
        self._outcomes: list[tuple[bool, str | None]] = []  # of each attempt applied: good?, cell filled
        self._now = {name: _Tally() for name in self._cells}  # all verdicts applied
        self._known = {name: _Tally() for name in self._cells}  # those that the next attempt may know
        self._known_until = 0
        self._ended = not shard.cells

    @property
    def done(self) -> bool:
        """Every cell is full, or its attempts are spent."""
        return self._ended

    @property
    def accepted(self) -> Mapping[str, int]:
        """Images per cell so far."""
        return {name: tally.filled for name, tally in self._now.items()}

    @property
    def attempts(self) -> int:
        return len(self._aims)

    def propose(self, count: int) -> list[Candidate]:
        """The next `count` attempts. When no cell is open any more the rest are spare: batches keep their shape."""
        assert count <= self._plan.window, "a batch may be no larger than the window"
        return [self._propose_one() for _ in range(count)]

    def apply(self, rendered: Rendered, assessment: Assessment | None) -> Judged:
        """Give the next attempt its verdict, in the order of attempts; an accepted image fills its cell."""
        aim = rendered.candidate.cell
        assert rendered.candidate.attempt == len(self._outcomes), "verdicts are applied in the order of attempts"
        assert (assessment is None) == (rendered.failure is not None)
        good = assessment is not None and assessment.reason is None
        tally = self._now[aim]
        fills = good and not self._ended and tally.filled < self._cells[aim].quota
        self._outcomes.append((good, aim if fills else None))
        _count(self._now, aim, self._outcomes[-1])
        self._ended = self._ended or all(self._finished(cell) for cell in self._cells.values())
        if assessment is None:
            verdict = Verdict.FAILED
        elif not good:
            verdict = Verdict.REJECTED
        else:
            verdict = Verdict.ACCEPTED if fills else Verdict.SURPLUS
        return Judged(rendered, assessment, verdict, aim if fills else None)

    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The cells that are not full, with what was spent on them."""
        return tuple(
            Shortfall(name, cell.quota - now.filled, now.aimed, now.filled)
            for name, cell in self._cells.items()
            if (now := self._now[name]).filled < cell.quota
        )

    def _finished(self, cell: Cell) -> bool:
        now = self._now[cell.name]
        return now.filled >= cell.quota or now.aimed >= self._budget[cell.name]

    def _propose_one(self) -> Candidate:
        attempt = len(self._aims)
        while self._known_until < attempt - self._plan.window:
            _count(self._known, self._aims[self._known_until], self._outcomes[self._known_until])
            self._known_until += 1
        under_way = dict.fromkeys(self._cells, 0)
        for name in self._aims[self._known_until :]:
            under_way[name] += 1
        cell = self._neediest(under_way)
        self._aims.append(cell.name)
        return draw_candidate(self._plan, self._shard.index, attempt, cell)

    def _neediest(self, under_way: Mapping[str, int]) -> Cell:
        """The open cell that lacks the largest share of its quota, attempts under way counted by their yield."""

        def lacking(cell: Cell) -> float:
            known = self._known[cell.name]
            # The posterior mean of the yield under a Beta(4, 1) prior: before it is known, four in five.
            expected = (known.good + 4) / (known.aimed + 5)
            return (cell.quota - known.filled - expected * under_way[cell.name]) / cell.quota

        return max(
            [cell for cell in self._cells.values() if self._open(cell, under_way)] or self._cells.values(),
            key=lacking,
        )

    def _open(self, cell: Cell, under_way: Mapping[str, int]) -> bool:
        known = self._known[cell.name]
        return known.filled < cell.quota and known.aimed + under_way[cell.name] < self._budget[cell.name]


def _count(tallies: Mapping[str, _Tally], aim: str, outcome: tuple[bool, str | None]) -> None:
    good, filled = outcome
    tallies[aim].aimed += 1
    tallies[aim].good += good
    if filled is not None:
        tallies[filled].filled += 1
