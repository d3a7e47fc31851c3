"""The worker that every executor runs: shards in, commits out."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from synthgen.errors import Interrupted, StorageError, SynthgenError, UsageError, cause_of, stopped
from synthgen.events import Progress
from synthgen.planning import Plan
from synthgen.redaction import without_secrets
from synthgen.running.assignment import Assignment
from synthgen.running.failures import failed_for, grouped, write_failure
from synthgen.running.shard.making import ShardMaking
from synthgen.running.shard.marker import read_marker
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import Generator, Judge
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
            record = ShardMaking(plan, store, models, assignment, on_progress, stop).make()
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


def _check(stop: Callable[[], bool]) -> None:
    if stop():
        raise stopped()
