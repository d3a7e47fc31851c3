"""Shards under way: what their journals hold of them, as last written."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synthgen.planning import Plan
from synthgen.running.shard.journal import Part, chain, parts_of
from synthgen.store.store import RunStore


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A shard that is not committed, as its journal has it: at most one interval of the journal is missing.

    Attributes:
        attempts: how many of its attempts are kept.
        counts: attempts by verdict, as they were judged then; empty if an earlier version wrote the journal.
        seconds: the time that they took.
        written: when the journal was last written, as an ISO time in UTC; empty as `counts`.
    """

    shard: int
    attempts: int
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    written: str = ""


def read_under_way(plan: Plan, store: RunStore, shards: Iterable[int]) -> dict[int, UnderWay]:
    """Read what the journals of these shards hold. Only the ends of the files are read, and none of their pixels.

    A shard is left out if nothing of it can be used again.
    """
    found = {shard: list(chain(parts_of(store, shard, plan.fingerprint))) for shard in shards}
    return {shard: _summed(shard, parts) for shard, parts in found.items() if parts}


def _summed(shard: int, parts: Iterable[Part]) -> UnderWay:
    attempts, seconds, counts, written = 0, 0.0, Counter[str](), ""
    for part in parts:
        attempts, seconds = attempts + part.count, seconds + part.seconds
        counts.update(part.counts)
        written = max(written, part.written)
    return UnderWay(shard, attempts, dict(counts), round(seconds, 3), written)
