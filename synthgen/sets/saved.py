"""Hugging Face datasets that `save_to_disk` wrote."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.hub import HubSet, Split, choose_splits
from synthgen.sets.own_folder import OwnFolder, own_folder
from synthgen.sets.reading import reading

_SPLIT = re.compile(r"\w[\w.-]*")
_WHOLE = "Is it whole? If a newer `datasets` saved it, save it again with an older one, or as Parquet."


def read_saved(folder: Path, split: str | None = None, images_from: Path | None = None) -> HubSet:
    """Open a folder that `save_to_disk` wrote.

    Splits without rows are skipped. The dataset's own files are read only from inside the folder, whatever it names.

    Raises:
        UsageError: it has no such split or no row, has splits with different columns, or names files outside.
        StorageError: it is damaged.
    """
    if "::" in str(folder.resolve()):
        raise UsageError(f"{folder}: '::' in its path is an address to `datasets`", hint="Give it another name.")
    own = own_folder(folder)
    chosen = choose_splits(_folders(folder, own), split, str(folder))
    loaded = {name: found for name, place in chosen.items() if (found := _load(place, own)) is not None}
    if not loaded:
        raise UsageError(f"{folder}: there is no row in {', '.join(chosen)}", hint="Name another set, or split.")
    return HubSet(folder.resolve().name, f"the dataset {folder}", loaded, own_folder(folder, images_from))


def _folders(folder: Path, own: OwnFolder) -> Mapping[str, Path]:
    """Return the folder of each split."""
    if (folder / "state.json").exists():
        return {str(_read(folder / "state.json", own).get("_split") or "all"): folder}
    listing = folder / "dataset_dict.json"
    names = _read(listing, own).get("splits")
    if not isinstance(names, list):
        raise StorageError(f"{listing} is damaged: it has no list of splits", hint=_WHOLE)
    for name in names:
        if not isinstance(name, str) or not _SPLIT.fullmatch(name):
            hint = "Splits are folders beside that file, called by letters and digits."
            raise UsageError(f"{listing}: {name!r} is not a valid name of a split", hint=hint)
    return {name: folder / name for name in names}


def _load(folder: Path, own: OwnFolder) -> Split | None:
    """Load a split; None if it has no rows, since `datasets` writes no file for it and cannot load it."""
    from datasets import load_from_disk

    entries = _read(folder / "state.json", own).get("_data_files")
    if not isinstance(entries, list):
        raise StorageError(f"{folder / 'state.json'} is damaged: it has no list of files", hint=_WHOLE)
    own.check(folder / "dataset_info.json")
    for entry in entries:
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "::" in name:
            raise StorageError(f"{folder / 'state.json'} is damaged: {entry!r} is not a data file", hint=_WHOLE)
        own.check(folder / name)
    try:
        with reading(str(folder)):
            return load_from_disk(str(folder.resolve())) if entries else None
    # `datasets` raises these for types that it does not know, and for files that lack a key.
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise StorageError(f"{folder} cannot be read: {reason}", hint=_WHOLE) from error


def _read(file: Path, own: OwnFolder) -> Mapping[str, object]:
    own.check(file)
    content = own.read(file.absolute())
    if isinstance(content, LeftOut):
        raise StorageError(f"{file} cannot be read: {content.detail or 'it is not there'}", hint=_WHOLE)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{file} is damaged: {error}", hint=_WHOLE) from error
    if not isinstance(found, dict):
        raise StorageError(f"{file} is damaged: expected a mapping", hint=_WHOLE)
    return found
