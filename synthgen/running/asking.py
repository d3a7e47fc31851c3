"""Asking a judge again about the accepted images of a run. No image is made, and nothing is written."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from synthgen.files import as_damage
from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.table import read_images, read_ledger
from synthgen.planning import Plan
from synthgen.records import Rendered, ShardRecord, Verdict
from synthgen.running.replay import candidate_of
from synthgen.running.shard.encode import decoded
from synthgen.running.shard.protocols import Judge
from synthgen.running.state import read_state
from synthgen.store.store import RunStore

_BATCH = 32


class Remeasured(NamedTuple):
    """What a judge measures on an accepted image now."""

    image_id: str
    class_name: str
    scores: Mapping[str, float]


def asked_again(plan: Plan, store: RunStore, judge: Judge) -> Iterator[Remeasured]:
    """Let a judge, which is set up, measure every accepted image of the committed shards.

    Raises:
        StorageError: the run cannot be read, or is damaged.
    """
    for record in read_state(plan, store).done.values():
        for batch in _batches(plan, store, record):
            for one, found in zip(batch, judge.assess(batch), strict=True):
                yield Remeasured(one.candidate.id, one.candidate.class_name, found.scores)


def _batches(plan: Plan, store: RunStore, record: ShardRecord) -> Iterator[list[Rendered]]:
    with as_damage(f"{store.location}/{record.ledger.name}"):
        rows = {row["id"]: row for row in read_ledger(store, record.ledger.name) if row["verdict"] == Verdict.ACCEPTED}
    with as_damage(f"{store.location}/{record.images.name}"):
        images = iter(read_images(store, record.images.name, ["id", "image"]))
        while some := list(islice(images, _BATCH)):
            yield [_rendered(rows[image["id"]], image["image"]["bytes"], plan) for image in some]


def _rendered(row: LedgerRow, png: bytes, plan: Plan) -> Rendered:
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.array(decoded(png), dtype=np.uint8)).permute(2, 0, 1).contiguous()
    return Rendered(candidate_of(row, plan), pixels, None, seconds=0.0, batch_size=1)
