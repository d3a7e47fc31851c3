"""Failures: what ended a shard, or a worker with it, kept in `failed/` and read back for the screen."""

import json
import traceback
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from pydantic_core import to_json

from synthgen.errors import BUGS, ModelError, ModelUnavailable, cause_of
from synthgen.redaction import without_secrets
from synthgen.running.shard.environment import environment
from synthgen.store import layout
from synthgen.store.store import RunStore

_LISTED = 20
"""Shards of one cause that are named; the others are counted."""
MOST_FAILURES = 10
"""A shard that failed so often, on whatever machine, is not to be tried again by a scheduler."""
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
    store.create(layout.new_failure(shard), to_json(content, indent=2) + b"\n")


def read_causes(store: RunStore, shards: Collection[int]) -> Mapping[int, str]:
    """Read the first line of each shard's last failure. A shard without a readable failure is left out."""
    wanted = set(shards)
    names = [name for name in store.names(layout.FAILED) if layout.shard_of_failure(name) in wanted] if wanted else []
    found = sorted((time, layout.shard_of_failure(name), cause) for name, time, cause in _read(store, names))
    return {shard: cause for _, shard, cause in found if shard is not None}


def count_failures(store: RunStore, shards: Collection[int]) -> Counter[int]:
    """Count how often each shard failed, on whatever machine."""
    found = Counter(layout.shard_of_failure(name) for name in store.names(layout.FAILED)) if shards else Counter()
    return Counter({shard: found[shard] for shard in shards})


def read_end(store: RunStore, names: Iterable[str]) -> str | None:
    """Read the first line of what last ended a worker with no shard to blame, from these files in `failed/`."""
    names = [name for name in names if layout.is_worker_failure(name)]
    return max(((time, cause) for _, time, cause in _read(store, names)), default=(None, None))[1]


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


def _read(store: RunStore, names: list[str]) -> Iterable[tuple[str, str, str]]:
    """Read name, time and cause of each intact file; earlier versions wrote no time, and all lines of the cause."""
    for name, data in zip(names, store.read_many(names), strict=True):
        if not isinstance(data, bytes):
            continue
        try:
            content = json.loads(data)
        except ValueError:
            continue
        if isinstance(content, dict):
            cause = str(content.get("cause") or content.get("error") or "no cause was kept").splitlines()[0]
            yield name, str(content.get("time", "")), cause
