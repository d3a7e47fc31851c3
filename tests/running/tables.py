"""What lies in a run, as a test reads it."""

from typing import Any

import pyarrow.parquet as pq

from synthgen.planning import Plan
from synthgen.running import RunState, read_state
from synthgen.store import Location, open_store

Rows = list[dict[str, Any]]


def state_of(location: Location, plan: Plan) -> RunState:
    return read_state(plan, open_store(location))


def ledger_of(location: Location, plan: Plan) -> Rows:
    return [row for record in state_of(location, plan).done.values() for row in read(location, record.ledger.name)]


def images_of(location: Location, plan: Plan) -> Rows:
    return [row for record in state_of(location, plan).done.values() for row in read(location, record.images.name)]


def bytes_of(location: Location, plan: Plan) -> list[bytes]:
    """The files of accepted images, shard by shard. Of equal shards they are equal to the last byte."""
    store = open_store(location)
    return [store.read(record.images.name) for record in state_of(location, plan).done.values()]


def without(rows: Rows, *columns: str) -> Rows:
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]


def read(location: Location, name: str) -> Rows:
    with open_store(location).open(name) as file:
        rows: Rows = pq.read_table(file).to_pylist()
    return rows
