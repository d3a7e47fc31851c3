"""Who makes which shard when workers can be lost: what the executors have in common. Pure."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from synthgen.errors import DeviceError, SynthgenError
from synthgen.events import Progress
from synthgen.running.assignment import Assignment
from synthgen.running.shard.worker import Outcome

TRIES = 3
"""Workers that a shard may cost before it is set aside; a death that shows which candidate kills is not counted."""
MAX_SKIPPED = 8
"""Candidates of a shard that may be skipped; with more of them, something else is wrong."""


@dataclass(slots=True)
class WorkerProgress:
    """What one worker took and has not yet reported in an outcome. Only the queue changes it.

    Attributes:
        began: whether it has asked for a shard.
        shard: the shard that it is making.
        under_way: the attempts that it is making.
        untold: shards that it is done with, but did not report as committed.
    """

    began: bool = False
    shard: int | None = None
    under_way: tuple[int, ...] = ()
    committed: list[int] = field(default_factory=list)
    untold: list[int] = field(default_factory=list)


class ShardQueue:
    """The shards that wait, and what became of the others. A shard whose worker is lost waits again, at the front."""

    def __init__(self, shards: Iterable[int]) -> None:
        self._waiting = deque(shards)
        self._deaths: Counter[int] = Counter()
        # By shard, how many deaths each attempt was under way at.
        self._suspects: dict[int, Counter[int]] = defaultdict(Counter)
        self._outcomes: list[Outcome] = []
        self._set_aside: list[int] = []
        self._error: SynthgenError | None = None

    @property
    def waiting(self) -> int:
        """Shards that a worker could be given: 0 once a stop was requested."""
        return 0 if self.stopping else len(self._waiting)

    @property
    def stopping(self) -> bool:
        return self._error is not None

    def stop(self, error: SynthgenError) -> None:
        """Give out nothing more. The first error is the one that is reported."""
        self._error = self._error or error

    def take(self, hand: WorkerProgress) -> Assignment | None:
        """Give a worker, which is done with what it took before, its next shard; None if there is none for it."""
        if hand.shard is not None:
            hand.untold.append(hand.shard)
        hand.began, hand.under_way, hand.shard = True, (), self._waiting.popleft() if self.waiting else None
        if hand.shard is None:
            return None
        deaths = self._suspects[hand.shard]
        skipped = frozenset(attempt for attempt, times in deaths.items() if times > 1)
        return Assignment(hand.shard, frozenset(deaths) - skipped, skipped)

    def hear(self, hand: WorkerProgress, progress: Progress) -> None:
        hand.under_way = (*progress.under_way, *progress.judging)  # any of them may end the worker
        if progress.committed:
            hand.committed.append(progress.shard)
            hand.shard = None

    def end(self, hand: WorkerProgress, outcome: Outcome | None) -> None:
        """Record that a worker ended by itself, with the outcome of all that it took; None after an error."""
        if outcome is not None:
            self._outcomes.append(outcome)
            hand.committed.clear()
            hand.untold.clear()
        hand.shard, hand.under_way = None, ()

    def lose(self, hand: WorkerProgress, *, by_itself: bool = True) -> int | None:
        """Record that a worker is gone. Its shard waits again, or is set aside and returned.

        Args:
            by_itself: what was under way may have ended it. The loss of a machine says nothing about candidates.
        """
        self._settle(hand)
        shard = hand.shard
        if shard is None:
            return None
        if not (by_itself and self._condemns(shard, hand.under_way)):
            self._deaths[shard] += 1
        if self._deaths[shard] < TRIES:
            self._waiting.appendleft(shard)
            return None
        self._set_aside.append(shard)
        return shard

    def release(self, hand: WorkerProgress) -> None:
        """Let a shard whose worker's device broke wait again. That says nothing about the shard: no try is counted."""
        self._settle(hand)
        if hand.shard is not None:
            self._waiting.appendleft(hand.shard)
        hand.shard, hand.under_way = None, ()

    def _settle(self, hand: WorkerProgress) -> None:
        """Count what a worker that is gone committed; let what it did not report wait again."""
        self._outcomes.append(Outcome(tuple(hand.committed), (), (), ()))
        self._waiting.extendleft(reversed(hand.untold))  # whoever takes them checks whether they are committed
        hand.committed.clear()
        hand.untold.clear()

    def outcome(self) -> Outcome:
        """What became of all shards, once no worker is left.

        Raises:
            SynthgenError: the error that `stop` was given.
            DeviceError: shards are still waiting.
        """
        if self._error is not None:
            raise self._error
        if self._waiting:
            raise DeviceError(f"no worker is left, and {len(self._waiting)} shards are", hint="Run again to go on.")
        told = self._outcomes
        return Outcome(
            committed=tuple(sorted(shard for outcome in told for shard in outcome.committed)),
            skipped=tuple(sorted(shard for outcome in told for shard in outcome.skipped)),
            lost=tuple(sorted(shard for outcome in told for shard in outcome.lost)),
            failed=tuple(sorted([*self._set_aside, *(shard for outcome in told for shard in outcome.failed)])),
        )

    def _condemns(self, shard: int, under_way: Sequence[int]) -> bool:
        """Note what was under way at a death; return whether its candidate is now known and may be skipped."""
        deaths = self._suspects[shard]
        deaths.update(under_way)
        known = sum(times > 1 for times in deaths.values())
        return len(under_way) == 1 and deaths[under_way[0]] == 2 and known <= MAX_SKIPPED
