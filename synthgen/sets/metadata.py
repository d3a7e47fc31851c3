"""Metadata files of image folders: metadata.csv, .jsonl or .parquet, with a row for each image and its `file_name`."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from synthgen.errors import UsageError
from synthgen.sets.csv_file import read_csv
from synthgen.sets.json_rows import Kinds, read_jsonl
from synthgen.sets.own_folder import OwnFolder
from synthgen.sets.parquet import ParquetSet

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_FILE = "file_name"
_HINT = "Expected a row for each image, with its path relative to that file in file_name."


@dataclass(frozen=True, slots=True)
class Listed:
    """What metadata files list.

    Attributes:
        frame: their columns; `file_name` is relative to the set's folder.
        paths: of the images, absolute.
        label_columns: those that are class labels by their type.
        companions: other files that the rows name, such as masks: absolute paths.
    """

    frame: pd.DataFrame
    paths: Sequence[str]
    label_columns: tuple[str, ...] = ()
    companions: frozenset[str] = frozenset()


def read_metadata(files: Sequence[Path], folder: Path, own: OwnFolder) -> Listed:
    """Read the metadata files of the set in `folder`.

    Raises:
        UsageError: they are of several kinds, have different columns, lack `file_name` or cannot be read, or two of
            them list the same image.
    """
    for file in files:
        own.check(file)
    if other := [file for file in files if file.suffix != files[0].suffix]:
        hint = f"Which of them counts is unclear. {_HINT}"
        raise UsageError(f"{files[0]} and {other[0]} are both metadata", hint=hint)

    label_columns: tuple[str, ...] = ()
    if files[0].suffix == ".parquet":
        parquet = ParquetSet(folder.name, f"the metadata {files[0]}", files, own)
        label_columns = parquet.label_columns
        whole = parquet.table([name for name in parquet.columns if _is_plain(parquet.types[name])])
        ends = [*accumulate(parquet.lengths, initial=0)]
        frames = [whole.iloc[start:end] for start, end in pairwise(ends)]
    elif files[0].suffix == ".csv":
        frames = [read_csv(file)[0] for file in files]
    else:
        kinds = Kinds()
        frames = [read_jsonl(file, kinds) for file in files]

    names: list[str] = []
    paths: dict[str, Path] = {}
    located: list[str] = []
    companions: set[str] = set()
    for file, frame in zip(files, frames, strict=True):
        _check(file, frame, files[0], frames[0])
        companions.update(_companions(file.parent, frame))
        for name in frame[_FILE]:
            path = _located(file.parent, name)
            if paths.setdefault(path, file) != file:
                raise UsageError(f"{file} and {paths[path]} both list {name}", hint="List each image once.")
            located.append(path)
            names.append(Path(os.path.relpath(path, folder.absolute())).as_posix() if "://" not in name else name)
    frame = pd.concat([_from_folder(*each, folder) for each in zip(files, frames, strict=True)], ignore_index=True)
    frame = frame.assign(**{_FILE: pd.Series(names, dtype="object")})
    return Listed(frame, located, label_columns, frozenset(companions))


def _companions(folder: Path, frame: pd.DataFrame) -> Iterator[str]:
    """Yield the paths in columns such as `mask_file_name` and `mask_file_names`, which `datasets` opens as images."""
    for column in frame.columns:
        if str(column).endswith(("_file_name", "_file_names")):
            for cell in frame[column]:
                names = [cell] if isinstance(cell, str) else cell if isinstance(cell, list | np.ndarray) else []
                yield from (_located(folder, name) for name in names if isinstance(name, str))


def _from_folder(file: Path, frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Make the paths in columns such as `mask_file_name` and `masks_file_names` relative to the set's folder, as those
    of images are.
    """
    if file.parent.absolute() == folder.absolute():
        return frame

    def moved(cell: object) -> object:
        if isinstance(cell, list | np.ndarray):
            return [moved(one) for one in cell]
        if not isinstance(cell, str) or "://" in cell:
            return cell
        return Path(os.path.relpath(_located(file.parent, cell), folder.absolute())).as_posix()

    columns = [column for column in frame.columns if str(column).endswith(("_file_name", "_file_names"))]
    return frame.assign(**{column: frame[column].map(moved).astype("object") for column in columns})


def _located(folder: Path, name: str) -> str:
    return name if "://" in name else os.path.normpath(os.path.join(folder.absolute(), name))


def _check(file: Path, frame: pd.DataFrame, first: Path, wanted: pd.DataFrame) -> None:
    if _FILE not in frame:
        hint = f"{_HINT} If it is something else, give it another name."
        raise UsageError(f"{file} has no column {_FILE!r}: it has {', '.join(frame.columns)}", hint=hint)
    if differing := sorted({*frame.columns} ^ {*wanted.columns}):
        which = "also has" if differing[0] in frame else "has no"
        what = f"{file} has other columns than {first}: it {which} {differing[0]!r}"
        raise UsageError(what, hint="Give all metadata files the same columns, or name one `split`.")
    for row, name in enumerate(frame[_FILE]):
        if not isinstance(name, str) or not name:
            raise UsageError(f"{file}: row {row + 1} has no {_FILE}", hint=_HINT)


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether pandas can hold a column of this type."""
    return not (pa.types.is_map(kind) or pa.types.is_union(kind) or isinstance(kind, pa.BaseExtensionType))
