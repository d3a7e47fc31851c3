"""Files that appear whole or not at all, and the rules for writing in a folder that somebody else may have made."""

import errno
import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import StorageError
from synthgen.leftovers import clear, hold
from synthgen.local_names import check_is_no_address, check_name_is_text

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class MissingFileError(StorageError):
    """There is no file of that name."""


def expanded(path: str | os.PathLike[str]) -> Path:
    """Replace `~` at the beginning of a path by the home folder; leave it if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


class NoLinksError(StorageError):
    """The file system has no hard links, which make a file appear whole under a free name."""


_ROOM = "Make room there and run again: what was committed stays, and the run goes on from it."
_RIGHTS = "Give this user the right to read and write there, or choose another place."
_LINKS = "This file system has no hard links, which runs are committed with: choose another folder."
_HINTS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "A limit on the size of files is set here (ulimit -f): raise it and run again.",
    errno.EROFS: "It is read-only: choose another folder.",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOTDIR: "Something on the way there is a file and not a folder: choose another folder.",
    errno.EEXIST: "Something else has that name: choose another folder.",
    errno.ELOOP: "The links there lead in a circle: choose another folder.",
    errno.EISDIR: "A folder has that name: move it, or choose another folder.",
}
_STRANGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, MemoryError, OSError)
"""RecursionError and what Arrow raises are among them."""
_DRAFT = re.compile(r"\..+\.[0-9a-f]{16}", re.DOTALL)
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What link(2) reports where a file could be made in the folder, but cannot be linked."""


@contextmanager
def as_storage_error(place: Path, doing: str = "") -> Iterator[None]:
    """Turn an OSError into a StorageError that names `place`, what was being done, and what to do now."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError(f"{doing}{place}: {error.strerror}") from error
    except OSError as error:
        raise StorageError(f"{doing}{place}: {error.strerror or error}", hint=_HINTS.get(error.errno or 0)) from error


@contextmanager
def named_by_itself(place: object) -> Iterator[None]:
    """Turn an OSError of a long step, in which a mere look such as `is_file` may raise too, into a StorageError."""
    try:
        yield
    except OSError as error:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else place
        raise StorageError(f"{where}: {error.strerror or error}", hint=_HINTS.get(error.errno or 0)) from error


@contextmanager
def as_damage(place: object) -> Iterator[None]:
    """Turn the errors that a file's unexpected content causes into a StorageError that names the file.

    Use it for a block that reads one file and does nothing else.
    """
    try:
        yield
    except _STRANGE as error:
        what = " ".join(str(error).split())[:200] or "no reason given"
        hint = "Run `synthgen verify` on the run folder."
        raise StorageError(
            f"{place} is damaged, or of another version: {type(error).__name__}: {what}", hint=hint
        ) from error


class CheckedFile(io.FileIO):
    """A file whose own errors are StorageErrors, even when a library reads or writes it."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._place = path

    def write(self, data: "ReadableBuffer") -> int:
        with as_storage_error(self._place):
            return super().write(data)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        with as_storage_error(self._place):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with as_storage_error(self._place):
            return super().readall()

    def close(self) -> None:
        """Close it. Some file systems, NFS for one, report only now what went wrong before."""
        with as_storage_error(self._place):
            super().close()


class Draft(io.BufferedWriter):
    """A file that is written beside its place under an unpredictable name, and then moved into place in one step."""

    def __init__(self, path: Path) -> None:
        # Only the beginning of a long name: the temporary name is longer, and the limit is 255 bytes.
        self.path, self.temporary = path, path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        super().__init__(io.FileIO(os.open(self.temporary, flags, 0o666), "w"), buffer_size=1 << 20)
        hold(self.fileno())

    def sync(self) -> None:
        """Make its content durable."""
        self.flush()
        os.fsync(self.fileno())

    def replace(self) -> None:
        """Replace whatever is at the path. A symbolic link is replaced too; its target stays as it is."""
        self.sync()
        self.temporary.replace(self.path)
        sync(self.path.parent)

    def link(self) -> bool:
        """Take the path if it is free; False if it is not. The temporary name stays until the draft ends."""
        try:
            os.link(self.temporary, self.path)
        except FileExistsError:
            # NFS may repeat a call whose answer was lost: the second one finds the name taken by ourselves.
            return os.path.samestat(os.fstat(self.fileno()), self.path.lstat())
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise NoLinksError(f"{self.path}: {error.strerror}", hint=_LINKS) from error
            raise
        return True


def is_draft(path: Path) -> bool:
    """Whether `path` has the name of a draft."""
    return _DRAFT.fullmatch(path.name) is not None


@contextmanager
def draft(path: Path) -> Iterator[Draft]:
    """Open a draft of `path`, and make its folder if it is missing. The temporary name is gone after the block.

    Raises:
        StorageError: it cannot be written.
    """
    with as_storage_error(path, "cannot write "):
        make_folder(path.parent)
        new = Draft(path)
        try:
            yield new
        finally:
            with suppress(OSError):
                new.close()
            with suppress(OSError):
                new.temporary.unlink()


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, durable on return, replacing any that exists.

    Raises:
        StorageError: it cannot be written.
    """
    with draft(path) as new:
        new.write(data)
        new.replace()
    sweep(path.parent, path.name)


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove the drafts in `folder` whose process was killed; only those of the file `name`, if one is given."""
    with suppress(OSError):
        for path in folder.glob(".*"):
            if is_draft(path) and (name is None or path.name[1:-17] == name[:40]):
                clear(path)


def create_file(path: Path, data: bytes) -> bool:
    """Write a file like `write_file`, but if the name is taken, change nothing and return False."""
    with draft(path) as new:
        new.write(data)
        new.sync()
        try:
            created = new.link()
            sync(path.parent)
        except NoLinksError:
            created = _claim(path)
            if created:
                new.replace()
    return created


def _claim(path: Path) -> bool:
    """Take a free name with an empty file; False if it is not free. A kill before its replacement leaves that file."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, each durable in its own parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Make what is at `path`, a file's content or a folder's names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_links(root: Path, path: Path) -> None:
    """Check every step from `root`, which may itself be a link, down to `path`.

    Raises:
        StorageError: one is a symbolic link. The folder may have been made by somebody other than the user who writes
            into it, and a link could lead to any file of that user.
    """
    step = root
    for part in path.relative_to(root).parts:
        step /= part
        if os.path.islink(step):
            hint = "Put the real file or folder in its place, if you know where the link came from."
            raise StorageError(f"{step} is a symbolic link, and a run has none", hint=hint)


def check_folder(folder: Path) -> None:
    """Check, before any work is done for it, that files can be made in `folder`, which need not exist yet.

    Raises:
        UsageError: its name is not valid UTF-8, which Parquet's library requires, or it is an address.
        StorageError: it is not a folder, or cannot be written.
    """
    check_name_is_text(folder)
    check_is_no_address(folder)
    if folder.is_symlink() and not folder.exists():
        hint = "Make that place first, or choose another folder."
        raise StorageError(f"{folder} is a link to {os.readlink(folder)}, which does not exist", hint=hint)

    with as_storage_error(folder):
        there = next(step for step in (folder, *folder.absolute().parents) if step.exists())
        if not there.is_dir():
            raise StorageError(f"{there} is a file and not a folder", hint="Choose another folder.")
        if not os.access(there, os.W_OK | os.X_OK):
            code = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(code, os.strerror(code))


def check_room(folder: Path) -> None:
    """Check like `check_folder` and, if the folder exists, make a file in it, which detects a full disk."""
    check_folder(folder)
    if folder.is_dir():
        with draft(folder / "probe") as probe:
            probe.write(bytes(4096))
            probe.sync()


def check_file(path: Path) -> None:
    """Check like `check_room`, for a file that is to be written or replaced."""
    check_name_is_text(path)
    check_room(path.parent)
    if path.exists() and not path.is_file():
        raise StorageError(f"{path} is not a file that can be replaced", hint="Choose another name.")
