"""What lies in a run, as a test reads it."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from synthgen.plan import Plan
from synthgen.run import FolderStore, RunState, read_state

Rows = list[dict[str, Any]]


def state_of(folder: Path, plan: Plan) -> RunState:
    return read_state(plan, FolderStore(folder))


def ledger_of(folder: Path, plan: Plan) -> Rows:
    return [row for record in state_of(folder, plan).done.values() for row in read(folder / record.ledger.name)]


def images_of(folder: Path, plan: Plan) -> Rows:
    return [row for record in state_of(folder, plan).done.values() for row in read(folder / record.images.name)]


def bytes_of(folder: Path, plan: Plan) -> list[bytes]:
    """The files of accepted images, shard by shard. Of equal shards they are equal to the last byte."""
    return [(folder / record.images.name).read_bytes() for record in state_of(folder, plan).done.values()]


def without(rows: Rows, *columns: str) -> Rows:
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]


def read(path: Path) -> Rows:
    rows: Rows = pq.read_table(path).to_pylist()
    return rows
