"""`Filling`: how one shard is filled. What each attempt aims at, and which image goes into which cell.

The sequence of candidates must be the same at any batch size and after any resume. So what attempt i aims at
depends only on verdicts of attempts below i - lag, which is the plan's window as a rule, and verdicts are applied in
the order of attempts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from synthgen.planning.candidates import draw_candidate, prompts_of
from synthgen.planning.plan import Plan
from synthgen.records import Assessment, Candidate, Cell, Judged, Reason, Rendered, Shard, Shortfall, Verdict
from synthgen.running.shard.turns import SourceTurns


@dataclass(slots=True)
class _Tally:
    """The counts of one cell: attempts aimed at it, how many were good and belonged to it, and the images in it.

    Attributes:
        by_template: the hits and attempts of each template that was aimed at it.
        misses: see `Shortfall`.
    """

    aimed: int = 0
    hits: int = 0
    filled: int = 0
    by_template: dict[str, tuple[int, int]] = field(default_factory=lambda: defaultdict(lambda: (0, 0)))
    misses: Counter[str] = field(default_factory=Counter)

    @property
    def expected_yield(self) -> float:
        """The posterior mean of the yield under a Beta(4, 1) prior: before it is known, four in five."""
        return (self.hits + 4) / (self.aimed + 5)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one attempt: whether the image belonged where it was aimed, and which cell it fills."""

    hit: bool
    filled: str | None


class Filling:
    """One shard being filled. Not thread-safe: one worker owns it."""

    def __init__(self, plan: Plan, shard: Shard) -> None:
        self._plan, self._shard, self._lag, self._notes = plan, shard, plan.lag, plan.early is not None
        self._cells = {cell.name: cell for cell in shard.cells}
        self._wanted = [cell for cell in plan.cells if any(cell.class_name == own.class_name for own in shard.cells)]
        self._budget = {cell.name: cell.quota * plan.spec.budget.attempts_per_image for cell in shard.cells}
        self._aims: list[tuple[str, str]] = []  # cell and template of each attempt proposed
        self._turns = Counter[str]()  # attempts proposed, by the prompts that they are drawn from
        self._sources = SourceTurns(plan, shard.index, {cell.class_name for cell in shard.cells})
        self._sourced: list[tuple[str, str] | None] = []  # class and picture of each attempt proposed that has one
        self._outcomes: list[_Outcome] = []  # of each attempt applied
        self._wants: list[tuple[str, ...]] = []  # cells that each attempt proposed may fill, as far as it may know
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

    def propose(self, count: int) -> list[Candidate]:
        """Propose the next `count` attempts. Once no cell is open, the rest are spare: batches keep their shape."""
        assert count <= self._lag - self.undecided, "what is undecided may be no more than the lag"
        return [self._propose_one() for _ in range(count)]

    @property
    def undecided(self) -> int:
        """How many attempts were proposed and have no verdict yet."""
        return len(self._aims) - len(self._outcomes)

    def propose_needed(self, most: int) -> list[Candidate]:
        """Propose as many of the next attempts as are expected to end the shard, by the yields so far; at most `most`.

        The sequence of attempts is the same however it is cut into batches, and so are the images that are accepted. A
        batch that is cut only leaves out attempts after the last one that is needed. Attempts without a verdict count
        by their expected yield: if they are expected to end the shard, nothing is proposed.
        """
        assert 1 <= most <= self._lag - self.undecided, "what is undecided may be no more than the lag"
        aimed = Counter(name for name, _ in self._aims[len(self._outcomes) :])
        batch: list[Candidate] = []
        while len(batch) < most and not (aimed and self._expects_end(aimed)):
            batch.append(self._propose_one())
            aimed[batch[-1].cell] += 1
        return batch

    def apply(self, rendered: Rendered, assessment: Assessment | None) -> Judged:
        """Give the next attempt its verdict, in the order of attempts.

        A good image fills the cell that it was measured to belong to, whichever it was aimed at; one that belongs to
        none is rejected.
        """
        candidate = rendered.candidate
        assert candidate.attempt == len(self._outcomes), "verdicts are applied in the order of attempts"
        stopped = rendered.early is not None and rendered.early.stops
        assert (assessment is None) == (stopped or rendered.failure is not None)

        home = None
        if assessment is not None and assessment.reason is None:
            home = self._home(candidate.class_name, assessment.attributes)
            if home is None:
                assessment = replace(assessment, reason=Reason.ATTRIBUTE)

        fills = home is not None and not self._ended and home in self._cells and not self._full(home)
        fills = fills and self._sources.has_room(candidate)
        outcome = _Outcome(home == candidate.cell, home if fills else None)
        self._outcomes.append(outcome)
        if fills:
            self._sources.fill(candidate)
        if not outcome.hit:
            self._now[candidate.cell].misses.update(self._why(rendered, assessment))
        _count(self._now, candidate.cell, candidate.template, outcome)
        self._ended = self._ended or all(self._finished(name) for name in self._cells)

        if assessment is None:
            verdict = Verdict.FAILED if rendered.failure is not None else Verdict.REJECTED
        elif assessment.reason is not None:
            verdict = Verdict.REJECTED
        else:
            verdict = Verdict.ACCEPTED if fills else Verdict.SURPLUS
        return Judged(rendered, assessment, verdict, outcome.filled)

    def wanted(self, attempt: int) -> tuple[str, ...]:
        """Name the cells of its class that may need the image of an attempt, where attempts may be stopped early."""
        return self._wants[attempt]

    def home(self, judged: Judged) -> str | None:
        """The cell of the plan that a judged image belongs to, whether or not it fills it; None if it is rejected."""
        found = judged.assessment
        if found is None or found.reason is not None:
            return None
        return self._home(judged.rendered.candidate.class_name, found.attributes)

    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The cells that are not full, with what was spent on them."""
        return tuple(
            Shortfall(
                name,
                missing=cell.quota - now.filled,
                attempts=now.aimed,
                hits=now.hits,
                accepted=now.filled,
                spare=max(0, now.aimed - self._budget[name]),
                misses=dict(now.misses.most_common()),
            )
            for name, cell in self._cells.items()
            if (now := self._now[name]).filled < cell.quota
        )

    def _why(self, rendered: Rendered, assessment: Assessment | None) -> Iterable[str]:
        """Why an attempt missed its cell."""
        if rendered.failure is not None:
            return (rendered.failure.kind,)
        if assessment is None:
            return (Reason.EARLY.value,)
        if assessment.reason not in (None, Reason.ATTRIBUTE):
            return (assessment.reason.value,)
        return self._cells[rendered.candidate.cell].strays(assessment.attributes)

    def _home(self, class_name: str, attributes: Mapping[str, str]) -> str | None:
        """The cell of the plan that an image belongs to. Cells do not overlap: there is at most one."""
        return next((cell.name for cell in self._wanted if cell.fits(class_name, attributes)), None)

    def _full(self, name: str) -> bool:
        return self._now[name].filled >= self._cells[name].quota

    def _finished(self, name: str) -> bool:
        return self._full(name) or self._now[name].aimed >= self._budget[name]

    def _expects_end(self, aimed: Mapping[str, int]) -> bool:
        """Whether the cells are expected to be full, or to have used up their budgets, after so many more attempts.

        On average, all together; and no cell by itself may lack half an image or more.
        """
        balance = 0.0
        for name, cell in self._cells.items():
            now = self._now[name]
            missing, tries = cell.quota - now.filled, self._budget[name] - now.aimed
            if missing > 0 and tries > aimed[name]:
                over = aimed[name] * now.expected_yield - missing
                if over < -0.5:
                    return False
                balance += over
        return balance >= 0

    def _propose_one(self) -> Candidate:
        attempt = len(self._aims)
        while self._known_until < attempt - self._lag:
            outcome = self._outcomes[self._known_until]
            _count(self._known, *self._aims[self._known_until], outcome)
            if outcome.filled and (sourced := self._sourced[self._known_until]):
                self._sources.know(*sourced)
            self._known_until += 1
        under_way = dict.fromkeys(self._cells, 0)
        for name, _ in self._aims[self._known_until :]:
            under_way[name] += 1
        cell = self._neediest(under_way)
        yields = self._known[cell.name].by_template
        prompts = prompts_of(self._plan.spec, cell)
        source = self._sources.next(cell.class_name)
        candidate = draw_candidate(self._plan, self._shard.index, attempt, cell, yields, self._turns[prompts], source)
        self._turns[prompts] += 1
        self._sourced.append((cell.class_name, source) if source is not None else None)
        self._aims.append((cell.name, candidate.template))
        if self._notes:
            self._wants.append(tuple(name for name in self._cells if self._wants_more(cell.class_name, name)))
        return candidate

    def _wants_more(self, class_name: str, name: str) -> bool:
        """Whether a cell may need one more image, as far as the attempt that is proposed may know."""
        cell = self._cells[name]
        return cell.class_name == class_name and self._known[name].filled < cell.quota

    def _neediest(self, under_way: Mapping[str, int]) -> Cell:
        """The open cell that lacks the largest share of its quota, counting attempts under way by their yield."""

        def lacking(cell: Cell) -> float:
            known = self._known[cell.name]
            return (cell.quota - known.filled - known.expected_yield * under_way[cell.name]) / cell.quota

        return max(
            [cell for cell in self._cells.values() if self._open(cell, under_way)] or self._cells.values(),
            key=lacking,
        )

    def _open(self, cell: Cell, under_way: Mapping[str, int]) -> bool:
        known = self._known[cell.name]
        return known.filled < cell.quota and known.aimed + under_way[cell.name] < self._budget[cell.name]


def _count(tallies: Mapping[str, _Tally], aim: str, template: str, outcome: _Outcome) -> None:
    tally = tallies[aim]
    tally.aimed += 1
    tally.hits += outcome.hit
    hits, tried = tally.by_template[template]
    tally.by_template[template] = (hits + outcome.hit, tried + 1)
    if outcome.filled is not None:
        tallies[outcome.filled].filled += 1
