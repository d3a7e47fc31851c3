"""How many bytes each row of a table takes in memory."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

RowSizes = NDArray[np.int64]


def bytes_of_rows(rows: pa.RecordBatch) -> RowSizes:
    """Return the bytes of each row: its values and offsets, however the rows were cut out of others."""
    sizes: RowSizes = sum((_bytes_of(column) for column in rows.columns), np.zeros(rows.num_rows, np.int64))
    return sizes


def _bytes_of(column: pa.Array) -> RowSizes:
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [_bytes_of(column.field(number)) for number in range(kind.num_fields)]
        return sum(fields, np.zeros(len(column), np.int64))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = np.cumsum(_bytes_of(column.values), dtype=np.int64)
        offsets = column.offsets.to_numpy()
        return np.asarray(np.diff(np.append(0, inner)[offsets]) + 4, np.int64)
    if pa.types.is_binary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.diff(_offsets_of(column)) + 4
    return np.full(len(column), max(kind.bit_width // 8, 1), np.int64)


def _offsets_of(column: pa.Array) -> RowSizes:
    width = np.int64 if pa.types.is_large_string(column.type) else np.int32
    _, offsets, _ = column.buffers()
    if offsets is None:
        return np.zeros(len(column) + 1, np.int64)
    found = np.frombuffer(offsets, width, len(column) + 1, column.offset * np.dtype(width).itemsize)
    return found.astype(np.int64)
