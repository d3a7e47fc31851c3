"""Several pictures of one row beside its image, such as a mask for each object: which sets have some, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from synthgen.images import LeftOut
from synthgen.sets.files import FileSet
from synthgen.sets.image_set import ImageSet
from synthgen.sets.web_dataset import TarSet

_NAMES = "_file_names"


@dataclass(frozen=True, slots=True)
class PictureList:
    """A list of pictures that each row has, which may be empty.

    Attributes:
        columns: those of the set that it stands for.
        read: gives the encoded pictures of some rows, which are sorted.
    """

    columns: tuple[str, ...]
    read: Callable[[Sequence[int]], list[list[bytes | LeftOut]]]


def picture_lists(found: ImageSet) -> dict[str, PictureList]:
    """Return the lists of pictures that a set has besides its table, by what their column is called.

    They are files in shards, such as `masks.0.png` and `masks.1.png` of one sample; files that a column such as
    `masks_file_names` names, as `datasets` reads it; and the masks of COCO and YOLO.
    """
    if isinstance(found, TarSet):
        return _of_shards(found)
    if isinstance(found, FileSet):
        named = {name.removesuffix(_NAMES): name for name in found.columns if name.endswith(_NAMES)}
        lists = {new: PictureList((name,), partial(found.several, name)) for new, name in named.items() if new}
        return lists | {name: PictureList((), read) for name, read in found.own_lists.items()}
    return {}


def _of_shards(found: TarSet) -> dict[str, PictureList]:
    parts: dict[str, list[str]] = {}
    for column in found.picture_columns:
        name, _, number = column.rpartition(".")
        if name and number.isdecimal():
            parts.setdefault(name, []).append(column)

    def read(columns: Sequence[str], rows: Sequence[int]) -> list[list[bytes | LeftOut]]:
        return [[found.pictures(one, [row])[0] for one in columns if found.picture_columns[one][row]] for row in rows]

    ordered = {name: tuple(sorted(columns, key=_number)) for name, columns in parts.items()}
    return {name: PictureList(columns, partial(read, columns)) for name, columns in ordered.items()}


def _number(column: str) -> int:
    return int(column.rpartition(".")[2])
