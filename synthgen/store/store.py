"""Where a run lies: a few operations that a POSIX folder and an object store can both promise."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from synthgen.errors import StorageError
from synthgen.records import File


class RunStore(Protocol):
    """Files by name, with `/` between folders, relative to the run. Folders come into being with their files.

    Every method raises `StorageError`, naming the place, where the storage refuses, and for a name that would
    lie outside of the run. Several processes may use one place at a time.
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
        """A new file, under a name of its own; durable after the block, removed if the block raises."""

    def read(self, name: str) -> bytes:
        """Raises:
        MissingFileError: there is none.
        """

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        """The content of each, in order, or why it cannot be read. An object store fetches several at a time."""

    def open(self, name: str) -> BinaryIO:
        """For reading, with `seek`.

        Raises:
            MissingFileError: there is none.
        """

    def names(self, folder: str) -> list[str]:
        """The files directly in `folder` ("" is the run itself), sorted; temporary ones too."""

    def delete(self, name: str) -> None:
        """Deleting what is not there is no error."""

    def describe(self, name: str) -> File:
        """Size and sha256 of what can be read back.

        Raises:
            MissingFileError: there is none.
        """

    def check_writable(self) -> None:
        """Before anything is made for it: find out whether files can be made there.

        Raises:
            UsageError: the place has a name that cannot be used.
            StorageError: they cannot.
        """

    def free_bytes(self) -> int | None:
        """Room for further files; None where that cannot be told."""


def check_name(name: str, location: str) -> None:
    """
    Raises:
        StorageError: `name` would lie outside of the run, or is no name that a run gives to a file.
    """
    parts = name.split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part.strip(".") for part in parts):
        raise StorageError(f"{location}: {name!r} is no name of a file in a run")
