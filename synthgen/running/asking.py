"""Asking a judge again about the accepted images of a run. No image is made, and nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from synthgen.files import as_damage
from synthgen.ledger.columns import BOXES, LedgerRow
from synthgen.ledger.review import Review
from synthgen.ledger.table import read_images, read_ledger
from synthgen.planning import Plan
from synthgen.records import Rendered, ShardRecord, Verdict
from synthgen.regions.carried import Carried
from synthgen.running.replay import candidate_of
from synthgen.running.shard.encode import decoded
from synthgen.running.shard.protocols import Judge
from synthgen.running.state import read_intact
from synthgen.store.store import RunStore

_BATCH = 32
_Boxes = Sequence[Sequence[float]] | None


class Remeasured(NamedTuple):
    """What a judge measures on an accepted image now."""

    image_id: str
    class_name: str
    scores: Mapping[str, float]


def asked_again(plan: Plan, store: RunStore, judge: Judge) -> Iterator[Remeasured]:
    """Let a judge, which is set up, measure every accepted image of the committed shards.

    Images that a reviewer took out are left out, and so are those that a person took in: no filter applies to these.

    Raises:
        StorageError: the run cannot be read, or is damaged.
    """
    state = read_intact(plan, store)
    for record in state.done.values():
        for batch in _batches(plan, store, record, state.review):
            for one, found in zip(batch, judge.assess(batch), strict=True):
                yield Remeasured(one.candidate.id, one.candidate.class_name, found.scores)


def _batches(plan: Plan, store: RunStore, record: ShardRecord, review: Review) -> Iterator[list[Rendered]]:
    taken = {image_id for image_id, word in review.included.items() if word.reviewer is None}
    rows, pixels = dict[str, LedgerRow](), dict[str, tuple[bytes, _Boxes]]()
    with as_damage(f"{store.location}/{record.ledger.name}"):
        for row in read_ledger(store, record.ledger.name):
            if row["verdict"] == Verdict.ACCEPTED:
                rows[row["id"]] = row
            elif row["id"] in taken and (image := row.get("image")) is not None:
                rows[row["id"]], pixels[row["id"]] = row, (image["bytes"], row.get("boxes"))

    with as_damage(f"{store.location}/{record.images.name}"):
        columns = ["id", "image", *[BOXES] * plan.spec.has_boxes]
        accepted = (
            (one["id"], (one["image"]["bytes"], one.get("boxes")))
            for one in read_images(store, record.images.name, columns)
        )
        images = (one for one in chain(accepted, pixels.items()) if one[0] not in review.excluded)
        while some := list(islice(images, _BATCH)):
            yield [_rendered(rows[image_id], png, boxes, plan) for image_id, (png, boxes) in some]


def _rendered(row: LedgerRow, png: bytes, boxes: _Boxes, plan: Plan) -> Rendered:
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.array(decoded(png), dtype=np.uint8)).permute(2, 0, 1).contiguous()
    carried = None if boxes is None else Carried(tuple((a, b, c, d) for a, b, c, d in boxes))
    return Rendered(candidate_of(row, plan), pixels, None, seconds=0.0, batch_size=1, carried=carried)
