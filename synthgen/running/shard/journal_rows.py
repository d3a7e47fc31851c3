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
from synthgen.records import Judged
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
        }
    )


class CarriedRow(TypedDict):
    """Where the object is on an image. Parts of earlier versions lack some of it."""

    boxes: Sequence[Sequence[float]] | None
    mask: bytes | None
    box_scores: Sequence[float] | None
    masks: Sequence[bytes] | None
    mask_scores: Sequence[float] | None


class JournalRow(CarriedRow):
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
