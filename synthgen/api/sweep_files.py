"""What a sweep keeps of each setting: one Parquet file with all of its attempts, which is there whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synthgen.files import refuse_links, write_file
from synthgen.ledger.columns import EMBEDDING, scores_in
from synthgen.planning import Plan
from synthgen.records import Candidate
from synthgen.version import __version__

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow

_COLUMNS = (
    "id",
    "class",
    "template",
    "prompt",
    "negative_prompt",
    "seed",
    "verdict",
    "reason",
    "message",
    "seconds",
    "batch_size",
    "thumbnail",
    EMBEDDING,
)
_FACTS = b"synthgen"


def file_of(folder: Path, planned: Plan, candidates: Sequence[Candidate]) -> Path:
    """Name the file of a setting by all that decides its content and its speed."""
    asked = [[one.id, one.cell, one.prompt, one.negative_prompt, one.seed] for one in candidates]
    content = json.dumps([__version__, planned.fingerprint, planned.spec.canonical(), asked])
    return folder / f"{sha256(content.encode()).hexdigest()[:24]}.parquet"


def write_rows(path: Path, rows: Sequence[LedgerRow], facts: Mapping[str, str]) -> None:
    """Write the attempts of a setting.

    Args:
        facts: the provenance of generator and judge.

    Raises:
        StorageError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = []
    for row in rows:
        kept = {name: row.get(name) for name in (*_COLUMNS, *scores_in(row).values())}
        vector = kept[EMBEDDING]
        plain.append(
            {**kept, EMBEDDING: None if vector is None else [float(x) for x in cast("Sequence[float]", vector)]}
        )
    table = pa.Table.from_pylist(plain)
    table = table.replace_schema_metadata({_FACTS: json.dumps({"facts": dict(facts), "rows": len(rows)}).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, write_page_checksum=True)
    write_file(path, buffer.getvalue())


def read_rows(path: Path, count: int) -> list[LedgerRow] | None:
    """Read the attempts of a setting; None if they are not there, or the file is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    refuse_links(path.parent, path)
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        rows = table.to_pylist()
    except (OSError, pa.ArrowException):
        return None
    is_whole = len(rows) == count and set(_COLUMNS) <= set(table.column_names)
    return cast("list[LedgerRow]", rows) if is_whole else None
