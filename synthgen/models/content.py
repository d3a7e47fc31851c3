"""The content of a model's folder, or of one file: its hash, and whether it holds regular files only."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from synthgen.errors import ModelError, UsageError

_BLOCK, _BLOCKS = 1 << 16, 64
"""Bytes of a block, and how many evenly spread blocks of a larger file are hashed: 4 MiB."""
OPEN_CLIP = "open_clip_config.json"


def content_hash(folder: Path) -> str:
    """Hash a folder's file names, sizes and content, of large files a sample: quick for any model.

    Hidden files do not count: `hf download --local-dir` and file managers leave some, with dates in them. Links count:
    whoever opens the folder follows them too.

    Raises:
        ModelError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise ModelError(f"model folder {folder} does not exist", hint="Check the spec's model.id and judge.id.")
    digest = hashlib.sha256()
    try:
        for name in sorted(path.relative_to(folder).as_posix() for path in files_of(folder) if path.is_file()):
            size = (folder / name).stat().st_size
            digest.update(f"{name}\0{size}\0".encode())
            digest.update(_sample(folder / name, size))
    except OSError as error:
        raise ModelError(f"model folder {folder} cannot be read: {error}", hint="Check its permissions.") from error
    return f"content:{digest.hexdigest()[:32]}"


def file_hash(file: Path) -> str:
    """Hash one file like `content_hash`, whatever its name.

    Raises:
        ModelError: there is no such file, or it cannot be read.
    """
    try:
        if not file.is_file():
            raise ModelError(f"the file {file} does not exist", hint="Paths count from the folder of the spec.")
        size = file.stat().st_size
        return f"content:{hashlib.sha256(f'{size}'.encode() + bytes(1) + _sample(file, size)).hexdigest()[:32]}"
    except OSError as error:
        raise ModelError(f"the file {file} cannot be read: {error}", hint="Check its permissions.") from error


def judge_hash(folder: Path) -> str:
    """Hash a judge's folder like `content_hash`; one that is no judge's is not read.

    Raises:
        ModelError: as `content_hash`, or it has no settings of open_clip.
    """
    if folder.is_dir() and not (folder / OPEN_CLIP).is_file():
        hint = "Give the folder of a CLIP that open_clip can open: it holds that file, the weights and the tokenizer."
        raise ModelError(f"{folder} is not a judge: it has no {OPEN_CLIP}", hint=hint)
    return content_hash(folder)


def check_regular(folder: Path) -> None:
    """Refuse a model's folder with anything that libraries would wait for, or read for ever.

    Raises:
        UsageError: something in it is neither a regular file nor a folder.
    """
    for path in files_of(folder):
        if path.exists() and not path.is_file():
            hint = "A model's folder holds files only: download it again."
            raise UsageError(f"{path} is not a regular file", hint=hint)


def files_of(folder: Path) -> Iterator[Path]:
    """Find everything in a folder that is neither hidden nor a folder itself, following links.

    Raises:
        OSError: a folder cannot be read, or contains itself by way of a link.
    """

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=fail):
        here = Path(parent)
        folders[:] = [name for name in folders if not name.startswith(".")]
        if loops := [name for name in folders if here.resolve().is_relative_to((here / name).resolve())]:
            raise OSError(f"{here / loops[0]} is a link to a folder that it lies in")
        yield from (here / name for name in names if not name.startswith("."))


def _sample(path: Path, size: int) -> bytes:
    """Read all of a small file; of a larger one, blocks from the first to the last byte."""
    with path.open("rb") as file:
        if size <= _BLOCK * _BLOCKS:
            return file.read()
        parts = []
        for index in range(_BLOCKS):
            file.seek((size - _BLOCK) * index // (_BLOCKS - 1))
            parts.append(file.read(_BLOCK))
    return b"".join(parts)
