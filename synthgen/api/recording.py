"""Noting what runs and previews measured, for later forecasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress

from synthgen.api.measured import Speed, keep_passes, keep_speed, size_of, this_machine
from synthgen.errors import StorageError
from synthgen.events import Event, OnProgress, Progress
from synthgen.models import is_folder
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Verdict
from synthgen.spec import mean_steps
from synthgen.store import RunStore

_PASSED = (Verdict.ACCEPTED, Verdict.SURPLUS)


class Committed:
    """Passes events on, and remembers the shards that they say were committed."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.shards: list[int] = []
        self._on_progress = on_progress

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress) and event.committed:
            self.shards.append(event.shard)
        self._on_progress(event)


def note_shards(planned: Plan, store: RunStore, shards: Iterable[int], *, here: bool) -> None:
    """Note what committed shards measured. Nothing goes wrong if they cannot be read, or the cache not written.

    Args:
        here: whether this machine made them.
    """
    from synthgen.running.shard.marker import read_markers

    with suppress(StorageError):
        read = read_markers(store, sorted(set(shards)), planned.fingerprint)
        records = [record for _, record in read if isinstance(record, ShardRecord)]
        by_facts: defaultdict[tuple[str, str, str], list[ShardRecord]] = defaultdict(list)
        for record in records:
            by_facts[_facts(record.provenance)].append(record)
        for facts, alike in by_facts.items():
            images = sum(sum(record.counts.values()) for record in alike)
            _note_speed(planned, facts, images, sum(record.seconds for record in alike), here=here)
        keep_passes(planned, passed_by_class(record.by_class for record in records))


def note_preview(
    planned: Plan, provenance: Mapping[str, str], seconds: float, by_class: Mapping[str, Mapping[str, int]]
) -> None:
    """Note what a preview measured. `provenance` is the generator's own."""
    facts = _facts({f"generator.{name}": value for name, value in provenance.items()})
    images = sum(sum(counts.values()) for counts in by_class.values())
    _note_speed(planned, facts, images, seconds, here=True)
    keep_passes(planned, passed_by_class([by_class]))


def passed_by_class(counts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, tuple[int, int]]:
    """Add up attempts, and those that passed the filters, from counts by class and verdict."""
    total: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for by_class in counts:
        for name, verdicts in by_class.items():
            attempts, passed = total[name]
            good = sum(verdicts.get(verdict.value, 0) for verdict in _PASSED)
            total[name] = attempts + sum(verdicts.values()), passed + good
    return dict(total)


def _facts(provenance: Mapping[str, str]) -> tuple[str, str, str]:
    """Return batch size, dtype and device."""
    batch_size, dtype, device = (
        provenance.get(f"generator.{key}", "unknown") for key in ("batch_size", "dtype", "device")
    )
    return batch_size, dtype, device


def _note_speed(planned: Plan, facts: tuple[str, str, str], images: int, seconds: float, *, here: bool) -> None:
    batch_size, dtype, device = facts
    if images < 1 or not seconds > 0:
        return
    keep_speed(
        Speed(
            model="" if is_folder(planned.spec.model.id) else planned.spec.model.id,  # its content alone counts
            revision=planned.revisions.generator,
            size=size_of(planned),
            steps=mean_steps(planned.spec.model),
            batch_size=batch_size,
            dtype=dtype,
            device=device,
            machine=this_machine() if here else "",
            runs=1,
            images=images,
            seconds=seconds,
        )
    )
