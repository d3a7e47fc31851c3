"""What a row of a journal holds beside the pixels: the attempt as it was judged then, for those who look at it.

Whoever goes on with the shard judges the pixels again, and does not read this.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, cast

from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.rows import ledger_row
from synthgen.records import EarlyLook, Judged
from synthgen.regions.carried import Carried

if TYPE_CHECKING:
    import pyarrow as pa

    from synthgen.running.shard.encode import Pixels


def schema() -> pa.Schema:
    """The schema of a part of a journal."""
    import pyarrow as pa

    return pa.schema(
        {
            "batch": pa.int32(),
            "id": pa.string(),
            "prompt": pa.string(),
            "seed": pa.int64(),
            "seconds": pa.float64(),
            "batch_size": pa.int32(),
            "failure": pa.string(),
            "message": pa.string(),
            "image": pa.binary(),
            "boxes": pa.list_(pa.list_(pa.float64())),
            "mask": pa.binary(),
            "box_scores": pa.list_(pa.float64()),
            "masks": pa.list_(pa.binary()),
            "mask_scores": pa.list_(pa.float64()),
            "judged": pa.string(),
            "early_step": pa.int32(),
            "early_score": pa.float64(),
            "early_control": pa.bool_(),
            "early_clean": pa.binary(),
        }
    )


class CarriedRow(TypedDict):
    """Where the object is on an image. Parts of earlier versions lack some of it."""

    boxes: Sequence[Sequence[float]] | None
    mask: bytes | None
    box_scores: Sequence[float] | None
    masks: Sequence[bytes] | None
    mask_scores: Sequence[float] | None


class LookRow(TypedDict):
    """What was seen after the first steps. Parts of earlier versions lack it, and so do attempts that were not left."""

    early_step: int | None
    early_score: float | None
    early_control: bool | None
    early_clean: bytes | None


class JournalRow(CarriedRow, LookRow):
    """An attempt of a batch, as a part keeps it."""

    batch: int
    id: str
    prompt: str
    seed: int
    seconds: float
    batch_size: int
    failure: str | None
    message: str | None
    image: bytes | Pixels | None
    judged: str | None


def as_carried(carried: Carried | None) -> CarriedRow:
    """Write where the object is."""
    if carried is None:
        return {"boxes": None, "mask": None, "box_scores": None, "masks": None, "mask_scores": None}
    return {
        "boxes": [[*box] for box in carried.boxes],
        "mask": carried.mask,
        "box_scores": [*carried.scores],
        "masks": [*carried.masks],
        "mask_scores": [*carried.mask_scores],
    }


def read_carried(row: CarriedRow) -> Carried | None:
    """Read what `as_carried` wrote."""
    boxes = row.get("boxes")
    if boxes is None:
        return None
    return Carried(
        tuple((a, b, c, d) for a, b, c, d in boxes),
        row.get("mask"),
        tuple(row.get("box_scores") or ()),
        tuple(row.get("masks") or ()),
        tuple(row.get("mask_scores") or ()),
    )


def as_look(look: EarlyLook | None) -> LookRow:
    """Write what was seen after the first steps."""
    if look is None:
        return {"early_step": None, "early_score": None, "early_control": None, "early_clean": None}
    clean = look.clean.tobytes() if look.clean is not None else None
    return {
        "early_step": look.step,
        "early_score": look.score,
        "early_control": look.control,
        "early_clean": clean,
    }


def read_look(row: LookRow) -> EarlyLook | None:
    """Read what `as_look` wrote."""
    import numpy as np

    step, clean = row.get("early_step"), row.get("early_clean")
    if step is None:
        return None
    numbers = np.frombuffer(clean, dtype=np.float16) if clean is not None else None
    return EarlyLook(step, row.get("early_score"), bool(row.get("early_control")), numbers)


def as_judged(judged: Judged) -> str:
    """Write the row that the ledger would have of this attempt, without pictures."""
    row = {key: value for key, value in ledger_row(judged, None, None).items() if key not in ("thumbnail", "image")}
    return json.dumps(row, ensure_ascii=False, default=float)


def read_judged(text: object) -> LedgerRow | None:
    """Read what `as_judged` wrote; None for a journal of an earlier version, or one that is damaged."""
    if not isinstance(text, str):
        return None
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("LedgerRow", row) if isinstance(row, dict) else None


def counted(rows: Iterable[str | None]) -> dict[str, int]:
    """Count attempts by verdict."""
    found = (read_judged(row) for row in rows)
    return dict(Counter(row["verdict"] for row in found if row is not None))


def written_now() -> str:
    """Return the time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
