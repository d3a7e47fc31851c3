"""Files that a set names: opened only inside allowed folders, only if they are regular files, and with a size limit."""

import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from synthgen.errors import UsageError
from synthgen.files import expanded
from synthgen.images import LeftOut
from synthgen.sets.remote import fetch, is_address, is_remote_allowed

MOST_BYTES = 256 * 2**20
"""The size limit of an image file: ten times what cameras write."""

_NAME_IT = "Move them into that folder, or name the folder that they are in with `images_from`."
NOT_A_FILE = LeftOut("that are not regular files", hint="Keep pipes, devices and folders out of the set.")
TOO_LARGE = LeftOut(f"that are larger than {MOST_BYTES // 2**20} MiB", hint="Make them smaller.")
ADDRESS = LeftOut(
    "whose path is an address, from which nothing is fetched",
    hint="Download them, and name the folder that they are in with `images_from`, or fetch them with `allow_remote`.",
)
MISSING = LeftOut("whose file is not there")
BACKSLASHES = LeftOut(
    "whose path has the backslashes of Windows (write / instead) and leads to no file",
    hint="Write the paths with / instead of backslashes.",
)
_NO_FOLDER = LeftOut(
    "that a set in memory names by path",
    hint="Name the folder that they are in with `images_from`, or put the images into the set.",
)
_UNREADABLE = "that cannot be opened"


class Opener(Protocol):
    """Opens files that a set names, if it is allowed to."""

    def read(self, name: str) -> bytes | LeftOut: ...


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """An `Opener` of files in a set's own folder, and in folders that the user names.

    Attributes:
        roots: the folders, without links, in one of which a file must be when its own links are resolved.
        bases: the folders that paths may be relative to; the first one with such a file counts.
        fetches: whether an address is fetched.
    """

    roots: tuple[Path, ...]
    bases: tuple[Path, ...]
    fetches: bool = field(default_factory=is_remote_allowed)

    def read(self, name: str | Path) -> bytes | LeftOut:
        """Return the content of a file that data names, or why there is none."""
        faults = []
        for base in self.bases:
            found = self._read(base / name)
            if isinstance(found, bytes):
                return found
            faults.append(found)
        if "://" in str(name) and all(fault == MISSING for fault in faults):
            return _of_address(str(name), self.fetches)
        if all(fault == MISSING for fault in faults) and has_backslashes(name):
            return BACKSLASHES
        return next((fault for fault in faults if fault.hint), faults[0])

    def lacks(self, name: str | Path) -> bool:
        """Tell whether there is no such file. Nothing outside the folders is looked at, and addresses do not count."""
        return "://" not in str(name) and all(self._place(base / name) == MISSING for base in self.bases)

    def check(self, file: Path) -> None:
        """Check a file that the set itself consists of.

        Raises:
            UsageError: the file exists, and points outside the folder or is not a regular file.
        """
        found = self._place(file)
        if isinstance(found, LeftOut) and found.hint and found != TOO_LARGE:
            what = "leads outside" if found != NOT_A_FILE else "is not a regular file in"
            hint = "A set's own files must be in its folder: copy them there, or name the folder that they are in."
            raise UsageError(f"{file} {what} {self.roots[0]}", hint=hint)

    def below(self, folder: Path) -> "OwnFolder":
        """Return an opener of the same files, with paths that may also be relative to `folder`."""
        return replace(self, bases=tuple(dict.fromkeys((*self.bases, folder))))

    def _read(self, path: Path) -> bytes | LeftOut:
        place = self._place(path)
        if isinstance(place, LeftOut):
            return place
        try:
            # The file may have been replaced a moment ago: open it without blocking, and check it again.
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                return _fault(status) or file.read(status.st_size)
        except OSError as error:
            return LeftOut(_UNREADABLE, error.strerror or "")

    def _place(self, path: Path) -> Path | LeftOut:
        """Resolve links and check the result without opening it: a pipe may block, and some devices act when opened."""
        try:
            place = Path(os.path.realpath(path, strict=True))
            if not any(map(place.is_relative_to, self.roots)):
                return LeftOut(f"whose path leads outside {' and '.join(map(str, self.roots[:2]))}", hint=_NAME_IT)
            return _fault(os.lstat(place)) or place
        except (FileNotFoundError, NotADirectoryError):
            return MISSING
        except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
            return LeftOut(_UNREADABLE, str(error))


def has_backslashes(name: str | Path) -> bool:
    """Tell whether a path was written for Windows, and this is another system."""
    return os.sep == "/" and "\\" in str(name)


def own_folder(folder: Path, images_from: Path | None = None) -> OwnFolder:
    """Return an opener of what a set in `folder` may name: files in it, and in `images_from`."""
    base = folder.resolve()
    named = [expanded(images_from).resolve()] if images_from is not None else []
    return OwnFolder((_with_blobs(base), *named), (base, *named))


@dataclass(frozen=True, slots=True)
class NoFolder:
    """An `Opener` for a set in memory, which has no folder of its own: it opens no file.

    Attributes:
        fetches: as in `OwnFolder`.
    """

    fetches: bool = field(default_factory=is_remote_allowed)

    def read(self, name: str) -> bytes | LeftOut:
        return _of_address(name, self.fetches) if "://" in name else _NO_FOLDER


def _of_address(name: str, fetches: bool) -> bytes | LeftOut:
    return fetch(name, MOST_BYTES, TOO_LARGE) if fetches and is_address(name) else ADDRESS


def named_folder(images_from: Path | None) -> Opener:
    """Return an opener of what a set in memory may name: files in `images_from`."""
    if images_from is None:
        return NoFolder()
    base = expanded(images_from).resolve()
    return OwnFolder((_with_blobs(base),), (base,))


def check_images_from(folder: Path | None) -> None:
    """Check that the folder of images exists, if one is named.

    Raises:
        UsageError: it does not exist.
    """
    if folder is not None and not expanded(folder).is_dir():
        hint = "Name the folder of the images."
        raise UsageError(f"{folder}: there is no such folder", argument="images_from", hint=hint)


def _with_blobs(folder: Path) -> Path:
    """Return the repository of a folder in huggingface_hub's cache, which has links to `blobs`; else `folder`."""
    for parent in folder.parents:
        repository = parent.parent
        if parent.name == "snapshots" and "--" in repository.name and (repository / "blobs").is_dir():
            return repository
    return folder


def _fault(status: os.stat_result) -> LeftOut | None:
    if not stat.S_ISREG(status.st_mode):
        return NOT_A_FILE
    return TOO_LARGE if status.st_size > MOST_BYTES else None
