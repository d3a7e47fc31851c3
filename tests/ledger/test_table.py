"""The tables of a shard: their row groups."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.ledger import table
from synthgen.ledger.source import pixel_bytes
from synthgen.ledger.table import TableFile

PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


@pytest.mark.parametrize(("size", "rows"), [(10, [100, 20]), (30, [34, 34, 34, 18])])
def test_row_groups_are_capped_by_rows_and_by_the_bytes_of_pictures(
    monkeypatch: pytest.MonkeyPatch, size: int, rows: list[int]
) -> None:
    monkeypatch.setattr(table, "BYTES_PER_GROUP", 2000)
    file = io.BytesIO()
    written = TableFile(file, pa.schema({"id": pa.string(), "image": PICTURE, "masks": pa.list_(PICTURE)}))
    picture = {"bytes": bytes(size), "path": "x"}
    for row in range(120):
        written.add({"id": str(row), "image": picture, "masks": [picture] if size == 30 else None})
    written.finish()
    metadata = pq.read_metadata(io.BytesIO(file.getvalue()))
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == rows


def test_rows_without_an_image_keep_no_bytes_of_images(tmp_path: Path) -> None:
    picture = {"bytes": bytes(range(200)), "path": "x"}
    for name, pictures in (("none", [None, None]), ("one", [None, picture])):
        with (tmp_path / name).open("wb") as file:
            written = TableFile(file, pa.schema({"id": pa.string(), "image": PICTURE}))
            for each in pictures:
                written.add({"id": "1", "image": each})
            written.finish()
    assert pixel_bytes([tmp_path / "none"]) == 0
    assert pixel_bytes([tmp_path / "one"]) >= 200
