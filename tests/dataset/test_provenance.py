"""By what the shards of a dataset were made."""

from dataclasses import replace

from synthgen.dataset.provenance import made_with
from synthgen.records import File, ShardRecord

RECORD = ShardRecord(0, "f", File("i", 1, "0"), File("l", 1, "0"), {}, {}, (), 1.0, {"device": "cpu", "torch": "2"})


def test_a_fact_that_differs_between_shards_is_told_with_each_value() -> None:
    others = [replace(RECORD, provenance={"device": "H200", "torch": "2", "cuda": "13"}) for _ in range(2)]
    assert made_with([RECORD, *others]) == {"device": "H200 (2 shards); cpu (1 shard)", "torch": "2", "cuda": "13"}
    assert made_with([]) == {}


def test_many_values_are_counted() -> None:
    records = [replace(RECORD, provenance={"batch_size": str(size)}) for size in range(9)]
    assert made_with(records)["batch_size"].endswith("4 (1 shard); 4 others")
