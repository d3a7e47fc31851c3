"""What a row of a journal holds beside the pixels: the attempt as it was judged then, for those who look at it.

Whoever goes on with the shard judges the pixels again, and does not read this.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.rows import ledger_row
from synthgen.records import Judged

if TYPE_CHECKING:
    import pyarrow as pa


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
            "judged": pa.string(),
        }
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
