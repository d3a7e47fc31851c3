"""Hugging Face datasets that `save_to_disk` wrote."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthgen.audit.sets.hub import HubSet, choose_splits
from synthgen.audit.sets.own_folder import OwnFolder, own_folder
from synthgen.audit.sets.reading import reading
from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut

_SPLIT = re.compile(r"\w[\w.-]*")
_WHOLE = "Is it whole? `load_from_disk` of a newer `datasets` may read it; save it again with this one."


def read_saved(folder: Path, split: str | None = None, images_from: Path | None = None) -> HubSet:
    """What `save_to_disk` wrote. Nothing outside the folder is read, whatever its files name.

    Raises:
        UsageError: it has no such split, splits with different columns, or names files outside.
        StorageError: it is damaged.
    """
    from datasets import load_from_disk

    if "::" in str(folder.resolve()):
        raise UsageError(f"{folder}: '::' in its path is an address to `datasets`", hint="Give it another name.")
    own = own_folder(folder)
    for file in _named_files(folder, own):
        own.check(file)
    try:
        with reading(str(folder)):
            found = load_from_disk(str(folder.resolve()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise StorageError(f"{folder} cannot be read: {reason}", hint=_WHOLE) from error
    opener = own_folder(folder, images_from)
    return HubSet(folder.resolve().name, f"the dataset {folder}", choose_splits(found, split, str(folder)), opener)


def _named_files(folder: Path, own: OwnFolder) -> Iterator[Path]:
    """Every file that `load_from_disk` will open."""
    if (folder / "dataset_dict.json").exists():
        for name in _read(folder / "dataset_dict.json", own, "splits"):
            if not isinstance(name, str) or not _SPLIT.fullmatch(name):
                what = f"{folder / 'dataset_dict.json'}: {name!r} is not a valid name of a split"
                raise UsageError(what, hint="Splits are folders beside it, called by letters and digits.")
            yield from _named_files_of_split(folder / name, own)
    if (folder / "state.json").exists():
        yield from _named_files_of_split(folder, own)


def _named_files_of_split(folder: Path, own: OwnFolder) -> Iterator[Path]:
    yield folder / "dataset_info.json"
    for entry in _read(folder / "state.json", own, "_data_files"):
        if not isinstance(entry, dict) or not isinstance(entry.get("filename"), str) or "::" in entry["filename"]:
            raise StorageError(f"{folder / 'state.json'} is damaged: {entry!r} is not a data file", hint=_WHOLE)
        yield folder / entry["filename"]


def _read(file: Path, own: OwnFolder, key: str) -> list[Any]:
    own.check(file)
    content = own.read(file.absolute())
    if isinstance(content, LeftOut):
        raise StorageError(f"{file} cannot be read: {content.detail or 'it is not there'}", hint=_WHOLE)
    try:
        found = json.loads(content)[key]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{file} is damaged: {error}", hint=_WHOLE) from error
    if not isinstance(found, list):
        raise StorageError(f"{file} is damaged: {key} is not a list", hint=_WHOLE)
    return found
