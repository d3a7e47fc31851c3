"""The rows of one set as they are read: pictures, and the columns that it brings along."""

from collections.abc import Iterator, Sequence
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.joining.side import PICTURE, JoinedSide
from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.arrow_rows import arrow_rows

PICTURE_FIELDS = tuple(field.name for field in PICTURE)


def rows_of(side: JoinedSide) -> Iterator[tuple[int, list[bytes], pa.Table]]:
    """Read the images of a set with the columns that it brings along, some rows at a time; and where they begin."""
    apart = {*side.as_names, *side.as_pictures, *side.as_lists}
    typed = pa.schema([one for one in side.columns if one.name not in apart])
    tables, waiting, first = arrow_rows(side.found, typed), typed.empty_table(), 0
    for pictures in side.found.images():
        while typed.names and waiting.num_rows < len(pictures):
            waiting = pa.concat_tables([waiting, next(tables)])
        found = [one for one in pictures if isinstance(one, bytes)]
        if len(found) < len(pictures):
            refuse(side, first, pictures)
        here = slice(first, first + len(found))
        columns = {one: waiting[one][: len(found)] for one in typed.names}
        for name, (column, there) in side.as_pictures.items():
            columns[name] = pa.chunked_array([read_pictures(side, column, range(here.start, here.stop), there[here])])
        columns |= {name: _read_lists(side, name, range(here.start, here.stop)) for name in side.as_lists}
        yield first, found, pa.table(columns)
        waiting, first = waiting.slice(len(found)), first + len(found)


def refuse(side: JoinedSide, first: int, pictures: Sequence[bytes | LeftOut], of: str = "") -> NoReturn:
    place, why = next((place, one) for place, one in enumerate(pictures) if isinstance(one, LeftOut))
    what = f"{side.title}: {of}{side.ids[first + place]} is among images {why.reason}"
    hint = why.hint or "Mend it, or take it out of the set."
    raise UsageError(f"{what}: {why.detail}" if why.detail else what, hint=hint)


def read_pictures(side: JoinedSide, column: str, places: range, has: Sequence[bool]) -> pa.Array:
    """Read the pictures of another column, such as masks, of the rows that have one."""
    read = side.found.pictures(column, places)
    found = [picture if there else None for picture, there in zip(read, has, strict=True)]
    if any(isinstance(one, LeftOut) for one in found):
        refuse(side, places.start, [one or b"" for one in found], f"{column} of ")
    return as_pictures(pa.array(found, pa.binary()))


def _read_lists(side: JoinedSide, name: str, places: range) -> pa.ChunkedArray:
    """Read the lists of pictures of some rows."""
    read = side.as_lists[name].read(places)
    for place, pictures in zip(places, read, strict=True):
        if left := next((one for one in pictures if isinstance(one, LeftOut)), None):
            refuse(side, place, [left], f"{name} of ")
    cells = [[{"bytes": one, "path": None} for one in pictures] for pictures in read]
    return pa.chunked_array([pa.array(cells, pa.list_(PICTURE))])


def as_pictures(data: pa.Array) -> pa.Array:
    paths = pa.nulls(len(data), pa.string())
    return pa.StructArray.from_arrays([data, paths], [*PICTURE_FIELDS], mask=data.is_null())


def are_beside(pictures: pa.Array) -> bool:
    """Whether one of these pictures, or of these lists of them, has a path and is not in the table itself."""
    each = pictures.flatten() if pa.types.is_list(pictures.type) else pictures
    return bool(pc.any(pc.and_(each.is_valid(), pc.struct_field(each, "bytes").is_null())).as_py())
