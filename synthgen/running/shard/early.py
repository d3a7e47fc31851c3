"""Attempts that were begun: some are stopped, others wait until there are enough to finish together."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from synthgen.records import Candidate, EarlyLook, Rendered
from synthgen.records.begun import Begun
from synthgen.running.shard.filling import Filling
from synthgen.running.shard.protocols import EarlyGenerator
from synthgen.running.shard.stopping import Stopping


@dataclass(slots=True, eq=False)
class _Waiting:
    begun: Begun
    look: EarlyLook
    rendered: Rendered | None


@dataclass(slots=True)
class BegunAttempts:
    """The attempts of one shard that were begun and have no verdict yet, in their order."""

    generator: EarlyGenerator
    filling: Filling
    stopping: Stopping
    _attempts: deque[_Waiting] = field(default_factory=deque)

    @property
    def waiting(self) -> int:
        """How many are worth finishing and are not finished."""
        return sum(1 for one in self._attempts if one.rendered is None)

    def begin(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Begin a batch, and return all that come before the first that waits.

        Raises:
            CannotLeaveError: the generator cannot leave images after a few steps.
        """
        for begun in self.generator.begin(candidates, self.stopping.early.step):
            look = self.stopping.look(begun, self.filling.wanted(begun.candidate.attempt))
            if look.stops:
                stopped = Rendered(begun.candidate, None, None, begun.seconds, begun.batch_size, early=look)
                self._attempts.append(_Waiting(replace(begun, state=None), look, stopped))
            else:
                self._attempts.append(_Waiting(begun, look, None))
        return self._ready()

    def next_batch(self) -> list[Candidate]:
        """Return those that are finished next."""
        return [one.begun.candidate for one in self._next()]

    def finish(self) -> list[Rendered]:
        """Finish a batch of those that wait, and return all that come before the first that still waits."""
        batch = self._next()
        for one, rendered in zip(batch, self.generator.finish([each.begun for each in batch]), strict=True):
            one.rendered = replace(rendered, seconds=rendered.seconds + one.begun.seconds, early=one.look)
        return self._ready()

    def _next(self) -> list[_Waiting]:
        waiting = [one for one in self._attempts if one.rendered is None]
        return waiting[: self.generator.batch_size]

    def _ready(self) -> list[Rendered]:
        found: list[Rendered] = []
        while self._attempts and (rendered := self._attempts[0].rendered) is not None:
            found.append(rendered)
            self._attempts.popleft()
        return found
