"""Where a run lies: a few operations that a POSIX folder and an object store can both promise."""

import errno
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from synthgen.errors import StorageError
from synthgen.records import File
from synthgen.run import faults

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class MissingFileError(StorageError):
    """There is no file of that name."""


class RunStore(Protocol):
    """Files by name, with `/` between folders, relative to the run. Folders come into being with their files.

    Every method raises `StorageError`, naming the place, where the storage refuses, and for a name that would
    lie outside of the run. Several processes may use one place at a time.
    """

    @property
    def location(self) -> str:
        """The run's folder or address, as users know it."""

    def create(self, name: str, data: bytes) -> bool:
        """Make a file that is seen whole or not at all, durable on return; False if the name is taken."""

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file, under a name of its own; durable after the block, removed if the block raises."""

    def read(self, name: str) -> bytes:
        """Raises:
        MissingFileError: there is none.
        """

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

    def free_bytes(self) -> int | None:
        """Room for further files; None where that cannot be told."""


class FolderStore:
    """A run in a POSIX folder, local or on a network file system with hard links."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    @property
    def location(self) -> str:
        return str(self._folder)

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with _blaming(path):
            if path.exists():
                return False
            _make_folder(path.parent)
            try:
                _write_synced(temporary, data)
                faults.reach("create-before-link")
                created = _link(temporary, path)
                faults.reach("create-after-link")
                _sync(path.parent)
            finally:
                with suppress(OSError):
                    temporary.unlink()
            return created

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        path = self._path(name)
        with _blaming(path):
            _make_folder(path.parent)
            file = io.BufferedWriter(_BlamingFile(path, "xb"), buffer_size=1 << 20)
        with ExitStack() as undo:
            undo.callback(_discard, file, path)
            yield file
            with _blaming(path):
                file.flush()
                os.fsync(file.fileno())
                file.close()
                _sync(path.parent)
            undo.pop_all()

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with _blaming(path):
            return path.read_bytes()

    def open(self, name: str) -> io.BufferedReader:
        path = self._path(name)
        with _blaming(path):
            return io.BufferedReader(_BlamingFile(path, "rb"), buffer_size=1 << 20)

    def names(self, folder: str) -> list[str]:
        path = self._path(folder) if folder else self._folder
        prefix = f"{folder}/" if folder else ""
        try:
            with _blaming(path), os.scandir(path) as entries:
                files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        except MissingFileError:
            return []
        return sorted(prefix + file for file in files)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _blaming(path):
            path.unlink(missing_ok=True)

    def describe(self, name: str) -> File:
        with self.open(name) as file:
            digest = file_digest(file, "sha256").hexdigest()
            return File(name, file.tell(), digest)

    def free_bytes(self) -> int | None:
        with _blaming(self._folder):
            return shutil.disk_usage(self._folder).free

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        if not all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part.strip(".") for part in parts):
            raise StorageError(f"{self.location}: {name!r} is no name of a file in a run")
        return self._folder.joinpath(*parts)


_ROOM = "Make room there and run again: what was committed stays, and the run goes on from it."
_RIGHTS = "Make the folder writable for this user, or choose another one with -o."
_LINKS = "This file system has no hard links, which runs are committed with: choose another folder with -o."
_HINTS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "A limit on the size of files is set here (ulimit -f): raise it and run again.",
    errno.EROFS: "It is read-only: choose another folder with -o.",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOTSUP: _LINKS,
    errno.ENOTDIR: "Something on the way there is a file and no folder: choose another folder with -o.",
    errno.EEXIST: "Something else has that name: choose another folder with -o.",
}


@contextmanager
def _blaming(place: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names `place`."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError(f"{place}: {error.strerror}") from error
    except OSError as error:
        hint = _HINTS.get(error.errno or 0)
        raise StorageError(f"{place}: {error.strerror or error}", hint=hint) from error


class _BlamingFile(io.FileIO):
    """A file whose own errors are StorageErrors, also where a library reads or writes it."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._place = path

    def write(self, data: "ReadableBuffer") -> int:
        with _blaming(self._place):
            return super().write(data)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        with _blaming(self._place):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with _blaming(self._place):
            return super().readall()


def _discard(file: BinaryIO, path: Path) -> None:
    with suppress(OSError, StorageError):
        file.close()
    with suppress(OSError):
        path.unlink()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb", buffering=0) as file:
        half = len(data) // 2
        _write_all(file, data[:half])
        faults.reach("create-half-written")
        _write_all(file, data[half:])
        os.fsync(file.fileno())


def _write_all(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def _link(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        # NFS may repeat a call whose answer was lost: the second one finds the name taken, by ourselves.
        return temporary.stat().st_nlink == 2
    return True
