"""Where a run is kept: a few operations that a POSIX folder and an object store can both promise."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from synthgen.errors import StorageError
from synthgen.records import File


class RunStore(Protocol):
    """Files by name, with `/` between folders, relative to the run. Folders are created with their files.

    Every method raises `StorageError`, naming the place, if the storage refuses, and for a name that would lead
    outside the run. Several processes may use one place at the same time.
    """

    @property
    def location(self) -> str:
        """The run's folder or address, as users know it."""

    @property
    def folder(self) -> Path | None:
        """Where the files can also be read by path; None for an object store."""

    def create(self, name: str, data: bytes) -> bool:
        """Make a file that is seen whole or not at all, durable on return; False if the name is taken."""

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file under a name of its own; durable after the block, removed if the block raises."""

    def read(self, name: str) -> bytes:
        """Read a file's content.

        Raises:
            MissingFileError: there is no such file.
        """

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        """Read the content of each, in order, or why it cannot be read. An object store fetches several at a time."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, with `seek`.

        Raises:
            MissingFileError: there is no such file.
        """

    def names(self, folder: str) -> list[str]:
        """List the files directly in `folder` ("" is the run itself), sorted; temporary ones too."""

    def names_below(self, folder: str) -> list[str]:
        """List the files in `folder` and in its sub-folders, at any depth, sorted; temporary ones too."""

    def delete(self, name: str) -> None:
        """Delete a file. It is not an error if there is none."""

    def describe(self, name: str) -> File:
        """Give the size and sha256 of what can be read back.

        Raises:
            MissingFileError: there is no such file.
        """

    def check_writable(self) -> None:
        """Check, before any work is done for it, that files can be made in this place.

        Raises:
            UsageError: the place has a name that cannot be used.
            StorageError: files cannot be made.
        """

    def free_bytes(self) -> int | None:
        """Room for further files, in bytes; None where that is unknown."""


def check_name(name: str, location: str) -> None:
    """Check a file's name.

    Raises:
        StorageError: `name` would lead outside the run, or is not a name that a run gives to a file.
    """
    parts = name.split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part.strip(".") for part in parts):
        raise StorageError(f"{location}: {name!r} is not the name of a file of a run")
