"""How many pictures in the files of a dataset carry a mark or a signature, whatever format the files are in."""

import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.dataset.marking.mark import read_mark
from synthgen.dataset.marking.signing import is_signed
from synthgen.ledger.source import BATCH_ROWS, Source

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp")
_TABLES: Final = (".parquet", ".arrow", ".tar")
_TEXTS: Final = (".json", ".jsonl", ".txt", ".csv", ".yaml", ".yml", ".xml")
_MOST_BYTES = 256 * 2**20
"""Of one picture in a file."""


@dataclass(frozen=True, slots=True)
class MarkCount:
    """How many images of a dataset carry a mark, or a signature.

    Attributes:
        images: in all formats that the dataset is written in, each counted.
        marked: those that say in XMP that a model made them.
        signed: those that carry a C2PA manifest.
        invalid: the manifests that c2pa's reader takes for invalid; None if c2pa is not installed, so that none was
            verified.
        unread: the endings of files that may hold pictures in a way that only a plug-in knows.
    """

    images: int
    marked: int
    signed: int = 0
    invalid: int | None = None
    unread: tuple[str, ...] = ()


class FileMarks(NamedTuple):
    """How many pictures in a file have a mark, a manifest, and an invalid one."""

    marked: int
    signed: int
    invalid: int


def count_marked(name: str, source: Source, is_invalid: Callable[[bytes], bool] = lambda picture: False) -> FileMarks:
    """Count what the pictures in a file say: one of pictures, or of rows with a picture, by its name.

    Args:
        is_invalid: whether the manifest of a picture is.

    Raises:
        OSError, ValueError, LookupError: the file is damaged.
    """
    marked = signed = invalid = 0
    try:
        with source.open("rb") as file:
            for picture in _pictures(name, file):
                marked += read_mark(picture) is not None
                if is_signed(picture):
                    signed += 1
                    invalid += is_invalid(picture)
    except (pa.ArrowException, tarfile.TarError, EOFError) as error:
        raise ValueError(str(error)) from error
    return FileMarks(marked, signed, invalid)


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
