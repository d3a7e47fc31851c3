"""`output.shard_size: auto`: how many images make some minutes of work.

The number is chosen once, when a run is planned, and the run keeps it: ids, prompts and seeds depend on it. That is why
`auto` is not the default. With it, the same spec gives other images after a machine was measured than before.
"""

from __future__ import annotations

from dataclasses import replace
from math import floor, log2
from typing import NamedTuple

from synthgen import running as runs
from synthgen.api.forecasting import forecast
from synthgen.api.measured import read_speeds, this_machine
from synthgen.planning import Plan, shard_size_of
from synthgen.spec import Spec
from synthgen.store import RunStore

SECONDS = 600.0
"""The work of a shard that is aimed at: little is repeated if a shard fails, and a queue of tasks stays busy."""
LEAST, MOST = 16, 1024


class ShardSize(NamedTuple):
    """A number of images, and why it was chosen."""

    images: int
    reason: str


def chosen(planned: Plan) -> ShardSize:
    """Choose the size of shards from what earlier runs and previews took on this machine.

    It is a power of two, so that measurements that differ a little give the same number.
    """
    found = forecast(planned)
    if found.seconds is None or all(speed.machine != this_machine() for speed in read_speeds(planned)):
        images = shard_size_of(planned.spec)
        return ShardSize(images, f"{images} images, the default: no run or preview was measured on this machine yet")
    per_image = found.seconds / planned.spec.total
    images = min(max(2 ** floor(log2(max(SECONDS / per_image, 1))), LEAST), MOST)
    return ShardSize(images, f"{images} images, about {images * per_image / 60:.2g} minutes of work on this machine")


def with_shard_size(planned: Plan) -> Plan:
    """Replace `auto` by a number."""
    if planned.spec.output.shard_size != "auto":
        return planned
    return replace(planned, spec=_with(planned.spec, chosen(planned).images))


def as_in_run(spec: Spec, store: RunStore) -> Spec:
    """Replace `auto` by the number that a run in this place has already."""
    if spec.output.shard_size != "auto" or not runs.is_begun(store) or runs.is_unused(store):
        return spec
    return _with(spec, shard_size_of(runs.open_run(store).spec))


def _with(spec: Spec, images: int) -> Spec:
    return spec.model_copy(update={"output": spec.output.model_copy(update={"shard_size": images})})
