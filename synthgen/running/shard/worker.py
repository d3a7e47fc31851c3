"""The worker that every executor runs: shards in, commits out."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from synthgen.errors import Interrupted, StorageError, SynthgenError, UsageError, cause_of, stopped
from synthgen.events import ClassProgress, Progress
from synthgen.ledger.rows import reason
from synthgen.planning import Plan
from synthgen.records import Candidate, Failure, Judged, Rendered, Shard, ShardRecord
from synthgen.redaction import without_secrets
from synthgen.running.assignment import Assignment
from synthgen.running.failures import failed_for, grouped, write_failure
from synthgen.running.shard.environment import environment
from synthgen.running.shard.filling import Filling
from synthgen.running.shard.journal import Journal
from synthgen.running.shard.marker import read_marker
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import Generator, Judge
from synthgen.running.shard.writer import ShardWriter
from synthgen.store.store import RunStore

ALIKE = 3
"""If this many shards in a row fail with the same first line, the shards are not the cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the shards that a worker was given. Each is in one of the lists.

    Attributes:
        skipped: committed before this worker got to them.
        lost: made, but another worker committed them first.
        failed: `failed/` says why.
    """

    committed: tuple[int, ...]
    skipped: tuple[int, ...]
    lost: tuple[int, ...]
    failed: tuple[int, ...]


def work(
    plan: Plan,
    store: RunStore,
    generator: Generator,
    judge: Judge,
    assignments: Iterable[int | Assignment],
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Fill and commit each shard that is not committed yet. Models load at the first that is not.

    An unforeseen error ends its shard alone. Whatever would end every shard is raised, and no shard is to blame for it.

    Raises:
        Interrupted: `stop()` was true between two batches; those of the shard under way are kept in its journal.
        StorageError: the run cannot be read or written.
        UsageError: the model does not take what the spec asks of it.
        ModelError: the models cannot be set up, their first batch fails, or shard after shard fails alike.
        DeviceLost: the device broke. Another process may use it again, and make the shard.
        DeviceError: the device is missing, or has too little memory.
    """
    fates: dict[str, list[int]] = {"committed": [], "skipped": [], "lost": [], "failed": []}
    fingerprint = plan.fingerprint
    models, alike = Models(generator, judge, store.location), _Alike()

    for one in assignments:
        assignment = one if isinstance(one, Assignment) else Assignment(one)
        index = assignment.shard
        if read_marker(store, index, fingerprint) is not None:
            fates["skipped"].append(index)
            continue

        try:
            _check(stop)
            models.set_up()
            record = _make(plan, store, models, assignment, on_progress, stop)
        except Interrupted:
            raise
        except StorageError:
            # Whoever committed it first may have finished the run, and cleared away what no marker names.
            if read_marker(store, index, fingerprint) is None:
                raise
            fates["lost"].append(index)
        except SynthgenError as error:
            _keep(store, error)
            raise
        except Exception as error:
            write_failure(store, index, error)
            fates["failed"].append(index)
            alike.count(index, error, store.location)
        else:
            fates["committed" if record is not None else "lost"].append(index)
            alike = _Alike()

    return Outcome(**{fate: tuple(indices) for fate, indices in fates.items()})


@dataclass(slots=True)
class _Alike:
    """Shards that failed in a row, all with the same first line."""

    cause: str = ""
    shards: list[int] = field(default_factory=list)

    def count(self, shard: int, error: Exception, location: str) -> None:
        """Count one more.

        Raises:
            ModelError: there are too many for single shards to be the cause.
        """
        cause = without_secrets(cause_of(error))
        self.shards = [*self.shards, shard] if cause == self.cause else [shard]
        self.cause = cause
        if len(self.shards) == ALIKE:
            what = grouped(dict.fromkeys(self.shards, cause))[0]
            raise failed_for(f"{ALIKE} shards in turn failed alike: {what}", location, [cause])


def _keep(store: RunStore, error: SynthgenError) -> None:
    """Keep what ended this worker, for whoever looks for the cause. A full disk must not hide it."""
    if not isinstance(error, UsageError):
        with suppress(StorageError):
            write_failure(store, None, error)


def _make(
    plan: Plan,
    store: RunStore,
    models: Models,
    assignment: Assignment,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> ShardRecord | None:
    generator, judge, plan = models.generator, models.judge, plan.part_of(assignment.shard)
    judge.begin_shard()
    shard = plan.shard(assignment.shard)
    filling, attempts, began = Filling(plan, shard), Counter[str](), time.perf_counter()
    outcomes = Counter[str]()

    def report(*, committed: bool = False, under_way: Sequence[Candidate] = ()) -> None:
        speed = attempts.total() / (time.perf_counter() - began)
        classes = _by_class(shard, filling.accepted, attempts)
        rendering = tuple(one.attempt for one in under_way)
        on_progress(Progress(shard.index, classes, speed, committed, rendering, journal.used, dict(outcomes)))

    journal = Journal(store, shard.index, plan.fingerprint, plan.window)

    def provenance() -> dict[str, str]:
        made_by = environment() | _prefixed("generator", generator.provenance())
        return made_by | _prefixed("judge", judge.provenance())

    with ShardWriter(plan, store, shard.index, judge.score_names, journal, provenance) as writer:
        while not filling.done:
            if stop():
                report()  # what was made, for whoever asked to stop
                raise stopped()
            kept = journal.size_of_next()
            most = min(generator.batch_size, plan.window)
            batch = filling.propose(kept) if kept else filling.propose_needed(most)
            again = journal.take(batch) if kept else None
            for part in [batch] if again else _parted(batch, assignment):
                report(under_way=part)
                with models.batch(f"making shard {shard.index}", proves=again is None):
                    rendered = again or _new(part, generator, assignment)
                    judged = _apply(filling, judge, rendered)
                    writer.add(judged, is_new=again is None)
                outcomes.update(map(_outcome, judged))
                attempts.update(one.class_name for one in part)

        seconds = time.perf_counter() - began + journal.seconds
        record = writer.commit(filling.shortfalls(), seconds, _joined(journal.provenance, provenance()))
    report(committed=record is not None)
    return record


def _parted(batch: list[Candidate], assignment: Assignment) -> list[list[Candidate]]:
    """Give the batch as it is, or one by one if it holds a suspect."""
    unsure = assignment.suspects | assignment.skipped
    return [[one] for one in batch] if any(one.attempt in unsure for one in batch) else [batch]


def _new(candidates: list[Candidate], generator: Generator, assignment: Assignment) -> list[Rendered]:
    return _skipped(candidates) if candidates[0].attempt in assignment.skipped else generator.render(candidates)


def _joined(earlier: Mapping[str, Sequence[str]], now: Mapping[str, str]) -> dict[str, str]:
    """Say what made a shard: all values of a fact, if it was made in several goes by different means."""
    return {key: ", then ".join(dict.fromkeys([*earlier.get(key, ()), value])) for key, value in now.items()}


def _skipped(candidates: list[Candidate]) -> list[Rendered]:
    failure = Failure("killed_workers", "two workers died while they rendered or judged it")
    return [Rendered(candidate, None, failure, seconds=0.0, batch_size=1) for candidate in candidates]


def _apply(filling: Filling, judge: Judge, batch: list[Rendered]) -> list[Judged]:
    images = [rendered for rendered in batch if rendered.image is not None]
    assessments = iter(judge.assess(images) if images else ())
    return [filling.apply(rendered, None if rendered.image is None else next(assessments)) for rendered in batch]


def _outcome(judged: Judged) -> str:
    return ":".join(filter(None, (judged.verdict.value, reason(judged))))


def _check(stop: Callable[[], bool]) -> None:
    if stop():
        raise stopped()


def _by_class(shard: Shard, accepted: Mapping[str, int], attempts: Mapping[str, int]) -> dict[str, ClassProgress]:
    filled, quotas = Counter[str](), Counter[str]()
    for cell in shard.cells:
        quotas[cell.class_name] += cell.quota
        filled[cell.class_name] += accepted[cell.name]
    return {name: ClassProgress(filled[name], quota, attempts.get(name, 0)) for name, quota in quotas.items()}


def _prefixed(prefix: str, facts: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{key}": value for key, value in facts.items()}
