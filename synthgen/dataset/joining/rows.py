"""The rows of one set as they are read: pictures, and the columns that it brings along."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.checked_objects import UNUSABLE
from synthgen.dataset.joining.side import PICTURE, JoinedSide
from synthgen.images import LeftOut
from synthgen.sets.arrow_rows import arrow_rows
from synthgen.sets.complaints import Complaints

MEND = "Mend it, or take it out of the set."
"""What to do about one of them."""
PICTURE_FIELDS = tuple(field.name for field in PICTURE)


def rows_of(side: JoinedSide, complaints: Complaints | None = None) -> Iterator[tuple[int, list[bytes], pa.Table]]:
    """Read the images of a set with the columns that it brings along, some rows at a time; and where they begin.

    Args:
        complaints: hear of pictures that cannot be read, which are empty then.

    Raises:
        UsageError: a picture cannot be read, and nobody hears of it.
    """
    apart = {*side.as_names, *side.as_pictures, *side.as_lists}
    typed = pa.schema([one for one in side.columns if one.name not in apart])
    tables, waiting, first = arrow_rows(side.found, typed), typed.empty_table(), 0
    for pictures in side.found.images():
        while typed.names and waiting.num_rows < len(pictures):
            waiting = pa.concat_tables([waiting, next(tables)])
        found = [_whole(side, place, one, complaints) for place, one in enumerate(pictures, start=first)]
        here = slice(first, first + len(found))
        places = range(here.start, here.stop)
        columns = {one: waiting[one][: len(found)] for one in typed.names}
        for name, (column, there) in side.as_pictures.items():
            columns[name] = pa.chunked_array([read_pictures(side, column, places, there[here], complaints)])
        columns |= {name: _read_lists(side, name, places, complaints) for name in side.as_lists}
        yield first, found, pa.table(columns)
        waiting, first = waiting.slice(len(found)), first + len(found)


def _whole(
    side: JoinedSide, place: int, picture: bytes | LeftOut, complaints: Complaints | None, of: str = ""
) -> bytes:
    """Return a picture, or complain of it.

    Args:
        of: what it is, if it is not the image itself.
    """
    if isinstance(picture, bytes):
        if picture:
            return picture
        picture = LeftOut("whose files are empty")
    what = f"{of}{side.ids[place]} is among images {picture.reason}"
    what = f"{what}: {picture.detail}" if picture.detail else what
    complain(side, complaints, what, picture.hint or MEND)
    return b""


def complain(side: JoinedSide, complaints: Complaints | None, what: str, *hints: str | None) -> None:
    """Say what is wrong with an image of a set.

    Raises:
        UsageError: nobody hears of it.
    """
    heard = Complaints(UNUSABLE) if complaints is None else complaints
    heard.add(what if heard.of else f"{side.title}: {what}", *hints)
    if complaints is None:
        heard.refuse()


def read_pictures(
    side: JoinedSide, column: str, places: range, has: Sequence[bool], complaints: Complaints | None = None
) -> pa.Array:
    """Read the pictures of another column, such as masks, of the rows that have one.

    Args:
        complaints: see `rows_of`.
    """
    read = zip(places, side.found.pictures(column, places), has, strict=True)
    found = [_whole(side, place, one, complaints, f"{column} of ") if there else None for place, one, there in read]
    return as_pictures(pa.array(found, pa.binary()))


def _read_lists(side: JoinedSide, name: str, places: range, complaints: Complaints | None) -> pa.ChunkedArray:
    """Read the lists of pictures of some rows."""
    cells = [
        [{"bytes": _whole(side, place, one, complaints, f"{name} of "), "path": None} for one in pictures]
        for place, pictures in zip(places, side.as_lists[name].read(places), strict=True)
    ]
    return pa.chunked_array([pa.array(cells, pa.list_(PICTURE))])


def as_pictures(data: pa.Array) -> pa.Array:
    paths = pa.nulls(len(data), pa.string())
    return pa.StructArray.from_arrays([data, paths], [*PICTURE_FIELDS], mask=data.is_null())


def are_beside(pictures: pa.Array) -> bool:
    """Whether one of these pictures, or of these lists of them, has a path and is not in the table itself."""
    each = pictures.flatten() if pa.types.is_list(pictures.type) else pictures
    return bool(pc.any(pc.and_(each.is_valid(), pc.struct_field(each, "bytes").is_null())).as_py())
