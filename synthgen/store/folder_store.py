"""`FolderStore`: a run in a POSIX folder."""

import io
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from synthgen.errors import StorageError
from synthgen.files import (
    CheckedFile,
    MissingFileError,
    as_storage_error,
    check_room,
    draft,
    make_folder,
    refuse_links,
    sync,
)
from synthgen.records import File
from synthgen.store import faults
from synthgen.store.store import check_name

_MOST_BYTES = 1 << 30
"""Of a file that is read whole. Tables are not."""


class FolderStore:
    """A run in a POSIX folder, local or on a network file system with hard links.

    It follows no symbolic link in the folder: the run may have been made by somebody other than the user who goes on
    with it, and a link could lead to any file of that user.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    @property
    def location(self) -> str:
        return str(self._folder)

    @property
    def folder(self) -> Path:
        return self._folder

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        with as_storage_error(path):
            if path.exists():
                return False
        with draft(path) as new:
            half = len(data) // 2
            new.write(data[:half])
            new.flush()
            faults.reach("create-half-written")
            new.write(data[half:])
            new.sync()
            faults.reach("create-before-link")
            created = new.link()
            faults.reach("create-after-link")
            sync(path.parent)
        return created

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        path = self._path(name)
        with as_storage_error(path):
            make_folder(path.parent)
            file = io.BufferedWriter(CheckedFile(path, "xb"), buffer_size=1 << 20)
        with ExitStack() as undo:
            undo.callback(_discard, file, path)
            yield file
            with as_storage_error(path):
                file.flush()
                os.fsync(file.fileno())
                file.close()
                sync(path.parent)
            undo.pop_all()

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            data = file.read(_MOST_BYTES + 1) if os.fstat(file.fileno()).st_size <= _MOST_BYTES else None
        if data is None or len(data) > _MOST_BYTES:
            hint = "It was damaged, or is not what synthgen wrote: `synthgen verify` says what else is."
            raise StorageError(f"{self._folder / name} has more than {_MOST_BYTES >> 30} GiB", hint=hint)
        return data

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        for name in names:
            try:
                yield self.read(name)
            except StorageError as error:
                yield error

    def open(self, name: str) -> io.BufferedReader:
        path = self._path(name)
        with as_storage_error(path):
            if path.exists() and not path.is_file():  # a pipe would block, a device may never end
                raise StorageError(f"{path} is not a regular file", hint="Move it away, and run again.")
            return io.BufferedReader(CheckedFile(path, "rb"), buffer_size=1 << 20)

    def names(self, folder: str) -> list[str]:
        path = self._path(folder) if folder else self._folder
        prefix = f"{folder}/" if folder else ""
        try:
            with as_storage_error(path), os.scandir(path) as entries:
                files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        except MissingFileError:
            return []
        return sorted(prefix + file for file in files)

    def names_below(self, folder: str) -> list[str]:
        root = self._path(folder)
        if not root.is_dir():
            return []
        found: list[str] = []
        for place, _, files in os.walk(root, onerror=_refuse):  # links to folders are not followed
            here = Path(place)
            found += [
                f"{folder}/{(here / file).relative_to(root).as_posix()}"
                for file in files
                if _is_plain_file(here / file)
            ]
        return sorted(found)

    def delete(self, name: str) -> None:
        check_name(name, self.location)
        path = self._folder / name
        refuse_links(self._folder, path.parent)  # a link of this name is deleted itself, not its target
        with as_storage_error(path):
            path.unlink(missing_ok=True)

    def describe(self, name: str) -> File:
        with self.open(name) as file:
            digest = file_digest(file, "sha256").hexdigest()
            return File(name, file.tell(), digest)

    def free_bytes(self) -> int | None:
        with as_storage_error(self._folder):
            return shutil.disk_usage(self._folder).free

    def check_writable(self) -> None:
        check_room(self._folder)

    def _path(self, name: str) -> Path:
        check_name(name, self.location)
        path = self._folder / name
        refuse_links(self._folder, path)
        return path


def _is_plain_file(path: Path) -> bool:
    """Whether there is a file, and no link; another process may have deleted it since it was listed."""
    with suppress(MissingFileError), as_storage_error(path):
        return stat.S_ISREG(path.lstat().st_mode)
    return False


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return  # another process deleted the folder since it was listed
    with as_storage_error(Path(error.filename)):
        raise error


def _discard(file: BinaryIO, path: Path) -> None:
    with suppress(OSError, StorageError):
        file.close()
    with suppress(OSError):
        path.unlink()
