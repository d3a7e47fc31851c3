"""Replay: one recorded attempt rendered and judged again, and compared with what was recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.files import as_damage
from synthgen.ledger.columns import CELL_AIMED, SOURCE_ID, SOURCE_LABEL, LedgerRow, answer_of, score_of, settings_of
from synthgen.ledger.table import read_images, read_ledger
from synthgen.planning import Plan, noise_seed
from synthgen.records import Candidate, Rendered, ShardRecord
from synthgen.running.shard.encode import Pixels, decoded, png, to_host
from synthgen.running.shard.marker import read_marker
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import Generator, Judge
from synthgen.store.store import RunStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HINT = "Ids are in the ledger, in the dataset and on the contact sheet, such as 00000-000012."


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded attempt, compared with the same attempt made again.

    Attributes:
        noise: whether the plan still gives this attempt the recorded seed.
        difference: the largest difference between a recorded pixel and the new one, in 0..255; None if the recorded
            pixels were not kept, or if either attempt gave no image.
        scores: by name, the recorded score and the new one.
        attributes: by name, the recorded answer and the new one.
        verdict: the recorded verdict, with its reason if it has one.
        reason: the new reason: of the first rule that rejects, or the kind of a failure; None if the image is good.
        png: the new picture; None if there is none.

    Example:
        >>> again = synthgen.replay("outputs/quickstart", "00000-000001")
        >>> again.candidate.prompt
        'a chef'
    """

    candidate: Candidate
    noise: bool
    difference: int | None
    scores: Mapping[str, tuple[float, float]]
    attributes: Mapping[str, tuple[str, str]]
    verdict: str
    reason: str | None
    png: bytes | None = field(default=None, repr=False)


def replay(plan: Plan, store: RunStore, generator: Generator, judge: Judge, image_id: str) -> Replay:
    """Render and judge the attempt `image_id` again, in a batch of the recorded size.

    Raises:
        UsageError: the run has no such attempt.
        ModelError, DeviceError: nothing can be rendered or judged.
        StorageError: the run cannot be read.
    """
    record = _committed(plan, store, image_id)
    with as_damage(f"{store.location}/{record.ledger.name}"):
        row = _row(store, record, image_id)
        candidate, size = candidate_of(row, plan), max(1, min(row["batch_size"], plan.window))
        verdict = ": ".join(filter(None, (row["verdict"], row["reason"])))
    with as_damage(f"{store.location}/{record.images.name}"):
        then = _pixels(store, record, row)

    models = Models(generator, judge)
    models.set_up()
    judge.begin_shard()
    with models.ending(f"making {image_id} again"):
        # The numbers of an image depend on its batch's shape, and on nothing else in the batch.
        rendered = generator.render([candidate] * size)[0]
        assessment = judge.assess([rendered])[0] if rendered.image is not None else None
    scores = dict(assessment.scores) if assessment else {}
    attributes = dict(assessment.attributes) if assessment else {}
    reason = rendered.failure.kind if rendered.failure else assessment.reason if assessment else None
    with as_damage(f"{store.location}/{record.ledger.name}"):
        recorded_scores = {name: float(value) for name in scores if (value := score_of(row, name)) is not None}
        recorded_attributes = {name: answer for name in attributes if (answer := answer_of(row, name)) is not None}
    return Replay(
        candidate,
        noise_seed(plan, candidate.shard, candidate.attempt) == candidate.seed,
        _difference(rendered, then),
        {name: (before, scores[name]) for name, before in recorded_scores.items()},
        {name: (before, attributes[name]) for name, before in recorded_attributes.items()},
        verdict,
        reason,
        None if rendered.image is None else png(to_host([rendered.image])[0]),
    )


def _committed(plan: Plan, store: RunStore, image_id: str) -> ShardRecord:
    shard = image_id.partition("-")[0]
    record = None
    if shard.isdecimal() and int(shard) < plan.shard_count:
        record = read_marker(store, int(shard), plan.fingerprint)
    if record is None:
        raise UsageError(f"{store.location}: no committed shard has an attempt {image_id!r}", hint=_HINT)
    return record


def _row(store: RunStore, record: ShardRecord, image_id: str) -> LedgerRow:
    """Find the attempt's row in the ledger."""
    row = next((row for row in read_ledger(store, record.ledger.name) if row["id"] == image_id), None)
    if row is None:
        raise UsageError(f"{store.location}: shard {record.shard} has no attempt {image_id!r}", hint=_HINT)
    return row


def _pixels(store: RunStore, record: ShardRecord, row: LedgerRow) -> "NDArray[np.int16] | None":
    """Read the pixels as they were recorded; None if the PNG was not kept."""
    import numpy as np

    kept = read_images(store, record.images.name, ["id", "image"])
    image = row.get("image") or next((one["image"] for one in kept if one["id"] == row["id"]), None)
    if not image:
        return None
    return np.asarray(decoded(image["bytes"]), dtype=np.int16)


def candidate_of(row: LedgerRow, plan: Plan) -> Candidate:
    """Read a candidate from its row of the ledger."""
    return Candidate(
        id=row["id"],
        shard=row["shard"],
        attempt=row["attempt"],
        cell=row[CELL_AIMED],
        class_name=row["class"],
        label=list(plan.spec.classes).index(row["class"]),
        template=row["template"],
        variables=tuple(json.loads(row["variables"]).items()),
        prompt=row["prompt"],
        negative_prompt=row["negative_prompt"],
        seed=row["seed"],
        settings=tuple(settings_of(row).items()),
        source=row.get(SOURCE_ID),
        source_label=row.get(SOURCE_LABEL),
    )


def _difference(rendered: Rendered, then: "NDArray[np.int16] | None") -> int | None:
    if then is None or rendered.image is None:
        return None
    import numpy as np

    now: Pixels = to_host([rendered.image])[0]
    return int(np.abs(then - now).max()) if then.shape == now.shape else 255
