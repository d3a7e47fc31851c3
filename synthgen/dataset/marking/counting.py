"""How many pictures in the files of a dataset carry a mark, whatever format the files are in."""

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.dataset.marking.mark import read_mark
from synthgen.ledger.source import BATCH_ROWS, Source

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp")
_TABLES: Final = (".parquet", ".arrow", ".tar")
_TEXTS: Final = (".json", ".jsonl", ".txt", ".csv", ".yaml", ".yml", ".xml")
_MOST_BYTES = 256 * 2**20
"""Of one picture in a file."""


@dataclass(frozen=True, slots=True)
class MarkCount:
    """How many images of a dataset carry a mark.

    Attributes:
        images: in all formats that the dataset is written in, each counted.
        marked: those that say that a model made them.
        unread: the endings of files that may hold pictures in a way that only a plug-in knows.
    """

    images: int
    marked: int
    unread: tuple[str, ...] = ()


def count_marked(name: str, source: Source) -> int:
    """Count the pictures with a mark in a file: one of pictures, or of rows with a picture, by its name.

    Raises:
        OSError, ValueError, LookupError: the file is damaged.
    """
    try:
        with source.open("rb") as file:
            return sum(read_mark(picture) is not None for picture in _pictures(name, file))
    except (pa.ArrowException, tarfile.TarError, EOFError) as error:
        raise ValueError(str(error)) from error


def unread_kinds(names: Iterable[str]) -> tuple[str, ...]:
    """List the endings of files that `count_marked` cannot look into, and that are no texts."""
    return tuple(sorted({_ending(name) for name in names} - {*_PICTURES, *_TABLES, *_TEXTS}))


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _pictures(name: str, file: BinaryIO) -> Iterator[bytes]:
    ending = _ending(name)
    if ending in _PICTURES:
        yield file.read(_MOST_BYTES)
    elif ending == ".parquet":
        with pq.ParquetFile(file) as table:
            if "image.bytes" in {table.schema.column(place).path for place in range(len(table.schema))}:
                yield from _in_column(table.iter_batches(BATCH_ROWS, columns=["image.bytes"]))
    elif ending == ".arrow":  # as `save_to_disk` writes them
        with pa.ipc.open_stream(file) as stream:
            if "image" in stream.schema.names:
                yield from _in_column(stream)
    elif ending == ".tar":
        with tarfile.open(fileobj=file, mode="r|") as members:
            for member in members:
                if member.isfile() and member.size <= _MOST_BYTES and member.name.lower().endswith(_PICTURES):
                    inside = members.extractfile(member)
                    yield inside.read() if inside else b""


def _in_column(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for batch in batches:
        yield from (image["bytes"] for image in batch["image"].to_pylist() if image and image["bytes"])
