"""The split that each image of a set is in, where the set says it."""

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from synthgen.sets.files import PATHS, FileSet
from synthgen.sets.frame import words
from synthgen.sets.hub import HubSet
from synthgen.sets.image_folder import is_split
from synthgen.sets.image_set import ImageSet
from synthgen.sets.parquet import ParquetSet
from synthgen.sets.web_dataset import TarSet
from synthgen.sets.zip_folder import ZipSet

COLUMNS = ("split", "subset", "partition")
"""The columns that may name the split of each row."""


def splits_of(found: ImageSet) -> list[str | None] | None:
    """Return the split of every row, in the order of the set's rows.

    It is named by a column, by the split of a saved or downloaded dataset, by the name or folder of a Parquet file or a
    shard, or by a folder above an image, such as train/doctor/1.png. None if the set names no split, or is a stream
    that does not know how many rows each split has.
    """
    for column in COLUMNS:
        if column in found.columns:
            named = words(found.table([column])[column])
            return list(named) if named.notna().any() else None
    rows = list(_rows(found))
    return rows if any(rows) else None


def _rows(found: ImageSet) -> Iterator[str | None]:
    if isinstance(found, HubSet):
        lengths = found.lengths
        if lengths is not None and (len(lengths) > 1 or "all" not in lengths):
            for name, many in lengths.items():
                yield from [name] * many
    elif isinstance(found, ParquetSet):
        for path, many in zip(found.paths, found.lengths, strict=True):
            yield from [_named(path, with_name=True)] * many
    elif isinstance(found, TarSet):
        yield from (_named(PurePath(shard.parent.name, shard.name), with_name=True) for shard in found.shard_of)
    elif isinstance(found, FileSet | ZipSet):
        column = next((name for name in PATHS if name in found.columns), None)
        yield from _of_files(found.table([column])[column] if column is not None else ())


def _of_files(paths: Iterable[object]) -> list[str | None]:
    """Return the split of each file. A single one need not be a split: all paths may lie below a folder 'test'."""
    named = [_named(PurePath(str(path)), with_name=False) for path in paths]
    return named if len({*named} - {None}) > 1 else []


def _named(path: PurePath, with_name: bool) -> str | None:
    """Return the first folder in a path that is a split, or else the beginning of the file's name if that is one."""
    folder = next((part for part in path.parts[:-1] if is_split(part)), None)
    begin = path.name.partition(".")[0].partition("-")[0]
    return folder or (begin if with_name and is_split(begin) else None)
