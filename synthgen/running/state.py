"""How far a run is, read from its files alone, even while workers write."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from synthgen.errors import StorageError
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Shortfall, Verdict
from synthgen.running.failures import read_causes, read_end
from synthgen.running.reviewing import read_review
from synthgen.running.shard.journal import journalled
from synthgen.running.shard.marker import read_markers
from synthgen.running.under_way import UnderWay
from synthgen.store import layout
from synthgen.store.store import RunStore


@dataclass(frozen=True)
class RunState:
    """How far a run is. Every shard is in one of done, pending, damaged.

    Attributes:
        damaged: why a marker cannot be trusted, by shard.
        failed: how often a shard that is not done has failed.
        causes: a line on why such a shard last failed.
        ended: a line on what last ended a worker with no shard to blame; None once all shards are done.
        orphans: files that no marker names: left by a killed worker, or still being written.
        journalled: unfinished shards of which batches are kept, so that they are not made again.
        topped_up: by cell, what stands in for missing images: quotas of committed top-ups, and images that reviewers
            took in, less those they took out.
        review: what reviewers decided.
        under_way: what the journals of unfinished shards hold; `status` reads it.

    Example:
        >>> planned, state = synthgen.status("outputs/quickstart")
        >>> state.complete, state.counts["accepted"]
        (True, 8)
    """

    shard_count: int
    done: Mapping[int, ShardRecord]
    pending: tuple[int, ...]
    damaged: Mapping[int, str]
    failed: Mapping[int, int]
    orphans: tuple[str, ...]
    topped_up: Mapping[str, int]
    causes: Mapping[int, str]
    ended: str | None
    journalled: tuple[int, ...] = ()
    under_way: Mapping[int, UnderWay] = field(default_factory=dict)
    review: Review = NO_REVIEW

    def __repr__(self) -> str:
        attempts = sum(self.counts.values())
        wrong = f", {len(self.damaged):,} damaged" if self.damaged else ""
        done = f"{len(self.done):,} of {self.shard_count:,} shards done{wrong}"
        return f"<RunState {done}: {self.accepted:,} accepted in {attempts:,} attempts>"

    @property
    def complete(self) -> bool:
        """Whether every shard is committed, even if short of its quota."""
        return len(self.done) == self.shard_count

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Committed attempts by verdict."""
        return _sum(record.counts for record in self.done.values())

    @property
    def accepted(self) -> int:
        """Committed images that the dataset has, as far as reviewers say."""
        return self.counts.get(Verdict.ACCEPTED, 0) - len(self.review.excluded) + len(self.review.included)

    @property
    def passed(self) -> int:
        """Committed attempts that passed the filters, whether a cell needed them or not."""
        return self.counts.get(Verdict.ACCEPTED, 0) + self.counts.get(Verdict.SURPLUS, 0)

    @cached_property
    def reasons(self) -> Mapping[str, int]:
        """Committed rejections and failures by reason."""
        return _sum(record.reasons for record in self.done.values())

    @cached_property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """What committed shards lack and later shards did not make up for, and what was taken out, summed by cell."""
        found: dict[str, Shortfall] = {}
        for record in self.done.values():
            for short in record.shortfalls:
                before = found.get(short.cell, Shortfall(short.cell, 0, 0, 0, 0))
                misses = Counter(before.misses) + Counter(short.misses)
                found[short.cell] = Shortfall(
                    short.cell,
                    before.missing + short.missing,
                    before.attempts + short.attempts,
                    before.hits + short.hits,
                    before.accepted + short.accepted,
                    before.spare + short.spare,
                    dict(misses.most_common()),
                )
        for cell in self.topped_up.keys() - found.keys():
            found[cell] = Shortfall(cell, 0, 0, 0, 0)
        left = (replace(short, missing=short.missing - self.topped_up.get(cell, 0)) for cell, short in found.items())
        return tuple(short for short in left if short.missing > 0)

    @property
    def seconds(self) -> float:
        """Seconds of work in the committed shards, summed over workers."""
        return sum(record.seconds for record in self.done.values())


def read_state(plan: Plan, store: RunStore, *, reviewed: bool = True) -> RunState:
    """Read how far a run is.

    A marker is trusted if it is intact and of this plan, and its files exist; `verify` reads the files too.

    Args:
        reviewed: also read what reviewers decided; otherwise, nothing was.

    Raises:
        StorageError: the folder cannot be read, or a decision is damaged.
    """
    # Files before markers: what is committed meanwhile is then never taken for an orphan.
    tables = set(_tables(store))
    in_done, count = store.names(layout.DONE), plan.shard_count
    done, damaged = _read_markers(plan, store, in_done)
    named = {name for record in done.values() for name in (record.images.name, record.ledger.name)}
    there = tables if named <= tables else tables | set(_tables(store))
    for shard, record in list(done.items()):
        if missing := {record.images.name, record.ledger.name} - there:
            damaged[shard] = f"{sorted(missing)[0]} is missing"
            del done[shard]

    kept = journalled(store)
    failures = store.names(layout.FAILED)
    numbers = [layout.shard_of_failure(name) for name in failures]
    failed = Counter(number for number in numbers if number is not None and number not in done)
    more = [name for folder in (layout.ADDITIONS, layout.CHANGES, layout.DECISIONS) for name in store.names(folder)]
    others = (*in_done, *failures, *more, *store.names(""))
    temporary = [name for name in others if layout.is_temporary(name)]
    pending = tuple(index for index in range(count) if index not in done and index not in damaged)
    review = read_review(plan, store, done) if reviewed else NO_REVIEW
    top_ups = [{cell.name: cell.quota for cell in plan.shard(index).cells} for index in plan.top_ups if index in done]

    return RunState(
        shard_count=count,
        done=dict(sorted(done.items())),
        pending=pending,
        damaged=dict(sorted(damaged.items())),
        failed=dict(sorted(failed.items())),
        orphans=(*sorted(tables - named), *temporary, *_spent(kept, pending)),
        journalled=tuple(sorted(kept.keys() & set(pending))),
        topped_up=_sum([*top_ups, review.gained, *_given(plan)]),
        causes=read_causes(store, failed),
        ended=read_end(store, failures) if pending else None,
        review=review,
    )


def read_intact(plan: Plan, store: RunStore, *, reviewed: bool = True) -> RunState:
    """Read how far a run is, for whatever would be wrong without a shard that is committed.

    Raises:
        StorageError: as `read_state`, or a marker is damaged or cannot be read: nobody knows what its shard holds.
    """
    state = read_state(plan, store, reviewed=reviewed)
    check_intact(state, store.location)
    return state


def check_intact(state: RunState, location: str) -> None:
    """Check that every marker can be trusted.

    Raises:
        StorageError: one cannot, or cannot be read.
    """
    if state.damaged:
        shard, why = next(iter(state.damaged.items()))
        hint = "Run `synthgen repair`, and then run again."
        raise StorageError(f"{location}: shard {shard} is damaged: {why}", hint=hint)


def read_part(plan: Plan, store: RunStore, shards: Collection[int]) -> RunState:
    """Read how far one task's shards are. The reading grows with them, not with the run: many tasks start at once.

    Its `shard_count` counts them; failures and orphans are left out.

    Raises:
        StorageError: the folder cannot be read.
    """
    done, damaged = _read_markers(plan, store, [layout.marker(shard) for shard in shards])
    return RunState(
        shard_count=len(shards),
        done=dict(sorted(done.items())),
        pending=tuple(shard for shard in shards if shard not in done and shard not in damaged),
        damaged=dict(sorted(damaged.items())),
        failed={},
        orphans=(),
        topped_up={},
        causes={},
        ended=None,
    )


def _given(plan: Plan) -> Iterator[dict[str, int]]:
    """Yield, less than nothing, the images that each extension did not have made, since the run had them."""
    for addition in plan.additions:
        yield {cell: -images for cell, images in addition.taken.items()}


def _spent(kept: Mapping[int, Sequence[str]], pending: Collection[int]) -> Iterator[str]:
    """Name the parts of journals whose shards are committed."""
    for shard, names in sorted(kept.items()):
        if shard not in pending:
            yield from names


def _tables(store: RunStore) -> list[str]:
    return store.names(layout.IMAGES) + store.names(layout.LEDGER)


def _read_markers(plan: Plan, store: RunStore, names: list[str]) -> tuple[dict[int, ShardRecord], dict[int, str]]:
    done: dict[int, ShardRecord] = {}
    markers = {shard: name for name in names if (shard := layout.shard_of_marker(name)) is not None}
    damaged = {
        shard: f"{name}: the plan has {plan.shard_count} shards"
        for shard, name in markers.items()
        if shard >= plan.shard_count
    }
    for shard, found in read_markers(store, sorted(markers.keys() - damaged), plan.fingerprint):
        if isinstance(found, StorageError):
            damaged[shard] = found.message
        else:
            done[shard] = found
    return done, damaged


def _sum(counters: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(total)
