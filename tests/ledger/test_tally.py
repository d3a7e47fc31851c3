"""What became of the attempts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.ledger.tally import read_tally
from tests.dataset.shards import ledger_row


def test_ledgers_are_counted_by_class_and_reason(tmp_path: Path) -> None:
    rows = [
        ledger_row(0, "doctor"),
        ledger_row(1, "chef", "rejected", "label"),
        ledger_row(2, "chef", "rejected", "label"),
        ledger_row(3, "chef", "failed"),
        ledger_row(4, "doctor", "surplus"),
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ledger.parquet")
    counted = read_tally([tmp_path / "ledger.parquet"], {"chef": 2, "doctor": 1})
    chef, doctor = counted.classes
    assert (chef.attempted, chef.accepted, dict(chef.others)) == (3, 0, {"label": 2, "failed": 1})
    assert (doctor.attempted, doctor.accepted, dict(doctor.others)) == (2, 1, {"surplus": 1})
    assert (counted.attempted, counted.accepted, counted.quota, counted.missing) == (5, 1, 3, 2)
    assert counted.others == {"label": 2, "failed": 1, "surplus": 1}
