"""The header of a safetensors file: names and shapes of its weights. Reads no weights.

Such a file begins with the length of its header, eight bytes, and the header, a JSON object. Nothing in it is believed
before it is checked against the size of the file.
"""

import json
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

_LONGEST = 32 * 2**20
"""Bytes of a header. One of ten thousand weights has about 1 MiB."""
_POINTER = b"version https://git-lfs"

Shapes = Mapping[str, tuple[int, ...]]


def shapes_in(file: Path) -> Shapes:
    """Return the shape of each weight in a file, by its name.

    Raises:
        OSError: the file cannot be read, or is not a regular one.
        ValueError: it is not a whole safetensors file; the message says why.
    """
    if not stat.S_ISREG(os.stat(file).st_mode):  # before it is opened: a pipe would wait
        raise ValueError("it is not a regular file")
    with file.open("rb") as opened:
        return parsed(opened, os.fstat(opened.fileno()).st_size)[0]


def parsed(file: BinaryIO, size: int) -> tuple[Shapes, Mapping[str, str]]:
    """Read the header of an open file: the shapes of its weights, and the texts that its author wrote.

    Raises:
        ValueError: it is not a whole safetensors file.
    """
    start = file.read(8)
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise ValueError("it is a pickle, which can run code")
    if _POINTER.startswith(start) and start:
        raise ValueError("it is only a pointer of Git LFS: run `git lfs pull` where it was cloned")
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= size - 8:
        raise ValueError(f"it is not a safetensors file: its {size:,} bytes do not begin with a header's length")
    if length > _LONGEST:
        raise ValueError(f"its header has {length:,} bytes, more than {_LONGEST:,}")
    try:
        header = json.loads(file.read(length).decode("utf-8"))
    except RecursionError as error:
        raise ValueError("its header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")

    about = header.pop("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(text, str) for text in about.values()):
        raise ValueError("its metadata is not texts by name")
    if not header:
        raise ValueError("it has no weights")
    return {name: _shape(name, entry, size - 8 - length) for name, entry in header.items()}, about


def _shape(name: str, entry: object, size: int) -> tuple[int, ...]:
    shape, place = (entry.get("shape"), entry.get("data_offsets")) if isinstance(entry, dict) else (None, None)
    for numbers in (shape, place):
        if not isinstance(numbers, list) or len(numbers) > 8:
            raise ValueError(f"its header has no place for {name[:80]!r}")
        if not all(type(number) is int and 0 <= number <= 1 << 50 for number in numbers):
            raise ValueError(f"its header has no size of {name[:80]!r}")
    assert isinstance(shape, list)
    assert isinstance(place, list)
    if max(place, default=0) > size:
        raise ValueError(f"it was cut off: its header puts {name[:80]!r} outside the file")
    return tuple(shape)


def sizes_of(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each weight in a folder's safetensors files, as far as their headers can be read."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            yield from shapes_in(file).items()
        except (OSError, ValueError):
            return
