"""The order of rows: a permutation by the seed alone, mixed by class; and rows put in it by way of the disk."""

from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.dataset.mixing import MixedRows
from synthgen.dataset.order import longest_possible, longest_run, mixed_order
from synthgen.dataset.row_bytes import bytes_of_rows

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=300)


@given(LABELS, st.integers(0, 2**63))
def test_every_row_comes_once_and_no_run_of_a_label_is_longer_than_the_bound(labels: list[int], seed: int) -> None:
    kinds = np.array(labels)
    order = mixed_order([f"{row:05d}-{row:06d}" for row in range(len(labels))], kinds, seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    assert longest_run(kinds[order]) <= longest_possible([labels.count(kind) for kind in range(5)])


@given(LABELS, st.integers(0, 2**63), st.randoms(use_true_random=False))
def test_the_order_is_that_of_the_seed_however_the_rows_are_stored(labels: list[int], seed: int, rng: Random) -> None:
    ids = [f"00000-{row:06d}" for row in range(len(labels))]
    other = rng.sample(range(len(labels)), len(labels))
    one = [ids[row] for row in mixed_order(ids, np.array(labels), seed)]
    assert one == [
        ids[other[row]]
        for row in mixed_order([ids[row] for row in other], np.array([labels[row] for row in other]), seed)
    ]


def test_other_seeds_give_other_orders_and_rows_of_all_shards_come_early() -> None:
    ids = [f"{shard:05d}-{attempt:06d}" for shard in range(20) for attempt in range(50)]
    labels = np.arange(1000) % 4
    orders = [mixed_order(ids, labels, seed) for seed in (0, 1, -1)]
    assert len({tuple(order.tolist()) for order in orders}) == 3
    assert len({ids[row][:5] for row in orders[0][:100]}) == 20
    assert abs(np.corrcoef(orders[0], np.arange(1000))[0, 1]) < 0.1
    assert all(np.bincount(labels[order[:100]]).tolist() == pytest.approx([25] * 4, abs=1) for order in orders)


@pytest.mark.parametrize(("labels", "longest"), [([], 0), ([3], 1), ([1, 1, 2, 1, 1, 1], 3), ([2, 2], 2)])
def test_the_longest_run_is_counted(labels: list[int], longest: int) -> None:
    assert longest_run(np.array(labels, int)) == longest


ROWS = 2000
TYPES = pa.schema(
    {
        "id": pa.string(),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "masks": pa.list_(pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        "score": pa.float32(),
    }
)


def stored() -> list[pa.RecordBatch]:
    rng = Random(1)
    rows = [
        {
            "id": f"{row:06d}",
            "image": {"bytes": rng.randbytes(rng.randrange(1, 2000)), "path": None},
            "masks": None if row % 7 == 0 else [{"bytes": rng.randbytes(30), "path": "m"}] * (row % 3),
            "score": None if row % 5 == 0 else row / 3,
        }
        for row in range(ROWS)
    ]
    return [pa.RecordBatch.from_pylist(rows[first : first + 77], TYPES) for first in range(0, ROWS, 77)]


@pytest.mark.parametrize("in_memory", [2**30, 100_000], ids=["memory", "disk"])
def test_rows_come_in_the_order_asked_for_and_twice_the_same(tmp_path: Path, in_memory: int) -> None:
    batches = stored()
    places = np.full(ROWS, -1)
    kept = Random(2).sample(range(ROWS), ROWS - 300)
    places[kept] = np.arange(len(kept))
    mixed = MixedRows(lambda: iter(batches), places, tmp_path, in_memory=in_memory, bucket=50_000)
    whole = pa.Table.from_batches(batches).take(pa.array(kept))
    for _ in range(2):
        assert pa.Table.from_batches(mixed.batches()).equals(whole)
    assert len([*tmp_path.iterdir()]) > 10 if in_memory == 100_000 else not [*tmp_path.iterdir()]


def test_the_bytes_of_rows_are_those_of_their_values_wherever_they_were_cut() -> None:
    batch = stored()[0]
    sizes = bytes_of_rows(batch)
    assert sizes.sum() == pytest.approx(batch.nbytes, rel=0.01)
    assert bytes_of_rows(batch.slice(10, 20)).tolist() == sizes[10:30].tolist()
    few = {**dict.fromkeys(TYPES.names), "id": "x"}
    nothing = pa.RecordBatch.from_pylist([few, few | {"image": {"bytes": b"", "path": None}, "masks": []}], TYPES)
    assert (bytes_of_rows(nothing) < 50).all()
