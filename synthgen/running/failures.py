"""Failures: what ended a shard, or a worker with it, kept in `failed/` and read back for the screen."""

import traceback
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic_core import to_json

from synthgen.errors import BUGS, ModelError, ModelUnavailable, cause_of
from synthgen.redaction import without_secrets
from synthgen.running.patience import same_failures
from synthgen.running.shard.environment import environment
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore

_LISTED = 20
"""Shards of one cause that are named; the others are counted."""
_REPEATED = {kind.__name__ for kind in BUGS}


def write_failure(store: RunStore, shard: int | None, error: Exception) -> None:
    """Keep an error with its traceback.

    Args:
        shard: None where no shard is to blame: a broken device, or models that cannot be used at all.
    """
    content = {
        "shard": shard,
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "cause": without_secrets(cause_of(error)),
        "error": without_secrets(f"{type(error).__name__}: {error}"),
        "traceback": without_secrets("".join(traceback.format_exception(error))),
        "environment": environment(),
    }
    store.create(layout.new_failure(shard), seal(to_json(content, indent=2).decode()).encode())


def read_causes(store: RunStore, shards: Collection[int]) -> Mapping[int, str]:
    """Read the first line of each shard's last failure. A shard without a readable failure is left out."""
    wanted = set(shards)
    names = [name for name in store.names(layout.FAILED) if layout.shard_of_failure(name) in wanted] if wanted else []
    found = sorted(_read_failures(store, names), key=lambda one: one.time)
    numbers = ((layout.shard_of_failure(one.name), one.cause) for one in found)
    return {shard: cause for shard, cause in numbers if shard is not None}


def read_given_up(store: RunStore, shards: Collection[int]) -> Mapping[int, str]:
    """Find the shards that no task should try again, with the first line of the cause.

    Those whose last failures, as many as `same_failures` says, have the same cause, each with the libraries that are
    here now: whatever machine takes such a shard next would fail in the same way. An update of a library gives it new
    tries, and so does `forget_failures`.
    """
    enough = same_failures()
    names = defaultdict[int, list[str]](list)
    for name in store.names(layout.FAILED) if shards else []:
        if (shard := layout.shard_of_failure(name)) is not None and shard in shards:
            names[shard].append(name)
    often = {shard: several for shard, several in names.items() if len(several) >= enough}

    found: dict[int, str] = {}
    here = environment()
    for shard, several in sorted(often.items()):
        failures = sorted(_read_failures(store, several), key=lambda one: one.time)[-int(enough) :]
        alike = {(one.cause, one.environment == here) for one in failures}
        if len(failures) == enough and alike == {(failures[0].cause, True)}:
            found[shard] = failures[0].cause
    return found


def forget_failures(store: RunStore, shards: Collection[int]) -> tuple[str, ...]:
    """Delete what `failed/` keeps of these shards, so that tasks try them again; return the names of the files."""
    names = [name for name in store.names(layout.FAILED) if layout.shard_of_failure(name) in shards] if shards else []
    for name in names:
        store.delete(name)
    return tuple(names)


def count_failures(store: RunStore, shards: Collection[int]) -> Counter[int]:
    """Count how often each shard failed, on whatever machine."""
    found = Counter(layout.shard_of_failure(name) for name in store.names(layout.FAILED)) if shards else Counter()
    return Counter({shard: found[shard] for shard in shards})


def read_end(store: RunStore, names: Iterable[str]) -> str | None:
    """Read the first line of what last ended a worker with no shard to blame, from these files in `failed/`."""
    names = [name for name in names if layout.is_worker_failure(name)]
    return max(((one.time, one.cause) for one in _read_failures(store, names)), default=(None, None))[1]


def grouped(causes: Mapping[int, str]) -> list[str]:
    """Give a line for each cause: `shards 0, 1, 2: TypeError: unexpected keyword argument 'size'`."""
    shards = defaultdict[str, list[int]](list)
    for shard, cause in sorted(causes.items()):
        shards[cause].append(shard)
    return [f"{_named(several)}: {cause}" for cause, several in shards.items()]


def failed_for(message: str, location: str | None, causes: Iterable[str]) -> ModelError:
    """Make the error for what `causes` ended: whether running again may help decides its kind and its hint.

    Args:
        location: the run whose folder keeps the tracebacks, if they are kept.
        causes: as `cause_of` gives them.
    """
    tracebacks = f" Tracebacks: {location}/failed" if location else ""
    if all(cause.partition(":")[0] in _REPEATED for cause in causes):
        again = "Running again fails in the same way, unless the spec, the model or the libraries change."
        return ModelError(message, hint=again + tracebacks)
    return ModelUnavailable(message, hint=f"Run again to retry.{tracebacks}")


def _named(shards: list[int]) -> str:
    names = ", ".join(map(str, shards[:_LISTED]))
    more = f" and {len(shards) - _LISTED} more" if len(shards) > _LISTED else ""
    return f"shard{'s' if len(shards) > 1 else ''} {names}{more}"


@dataclass(frozen=True, slots=True)
class _KeptFailure:
    """What a file in `failed/` says. Earlier versions wrote no time, and all lines of the cause."""

    name: str
    time: str
    cause: str
    environment: object


def _read_failures(store: RunStore, names: list[str]) -> Iterable[_KeptFailure]:
    """Read each intact file."""
    for name, data in zip(names, store.read_many(names), strict=True):
        if not isinstance(data, bytes):
            continue
        try:
            content, _ = unseal(data.decode())
        except ValueError:
            continue
        cause = (str(content.get("cause") or content.get("error") or "").strip() or "no cause was kept").splitlines()[0]
        yield _KeptFailure(name, str(content.get("time", "")), cause, content.get("environment"))
