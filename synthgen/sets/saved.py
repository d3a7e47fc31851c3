"""Hugging Face datasets that `save_to_disk` wrote."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.hub import WHOLE, HubSet, Split, choose_splits
from synthgen.sets.own_folder import OwnFolder, own_folder
from synthgen.sets.reading import reading
from synthgen.sets.unknown_types import load_without, unknown_types

_SPLIT = re.compile(r"\w[\w.-]*")


def read_saved(folder: Path, split: str | None = None, images_from: Path | None = None) -> HubSet:
    """Open a folder that `save_to_disk` wrote.

    Splits without rows are skipped. The dataset's own files are read only from inside the folder, whatever it names.
    Columns of a type that `datasets` does not know are refused only when they are asked for.

    Raises:
        UsageError: it has no such split or no row, has splits with different columns, or names files outside.
        StorageError: it is damaged.
    """
    if "::" in str(folder.resolve()):
        raise UsageError(f"{folder}: '::' in its path is an address to `datasets`", hint="Give it another name.")
    own = own_folder(folder)
    chosen = choose_splits(_folders(folder, own), split, str(folder))
    unknown: dict[str, str] = {}
    loaded = {name: found for name, place in chosen.items() if (found := _load(place, own, unknown)) is not None}
    if not loaded:
        raise UsageError(f"{folder}: there is no row in {', '.join(chosen)}", hint="Name another set, or split.")
    opener = own_folder(folder, images_from)
    return HubSet(folder.resolve().name, f"the dataset {folder}", loaded, opener, unknown)


def _folders(folder: Path, own: OwnFolder) -> Mapping[str, Path]:
    """Return the folder of each split."""
    if (folder / "state.json").exists():
        return {str(_read(folder / "state.json", own).get("_split") or "all"): folder}
    listing = folder / "dataset_dict.json"
    names = _read(listing, own).get("splits")
    if not isinstance(names, list):
        raise StorageError(f"{listing} is damaged: it has no list of splits", hint=WHOLE)
    for name in names:
        if not isinstance(name, str) or not _SPLIT.fullmatch(name):
            hint = "Splits are folders beside that file, called by letters and digits."
            raise UsageError(f"{listing}: {name!r} is not a valid name of a split", hint=hint)
    return {name: folder / name for name in names}


def _load(folder: Path, own: OwnFolder, unknown: dict[str, str]) -> Split | None:
    """Load a split; None if it has no rows, since `datasets` writes no file for it and cannot load it.

    Columns of unknown types are left out, and added to `unknown` with those types.
    """
    from datasets import load_from_disk

    state = folder / "state.json"
    files = _data_files(state, _read(state, own).get("_data_files"), own)
    own.check(folder / "dataset_info.json")
    if not files:
        return None
    try:
        with reading(str(folder)):
            return load_from_disk(str(folder.resolve()))
    # `datasets` raises these for types that it does not know, and for files that lack a key.
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        features = _read(folder / "dataset_info.json", own).get("features")
        strange = unknown_types(features)
        if strange and isinstance(features, dict) and len(strange) < len(features):
            indices = _data_files(state, _read(state, own).get("_indices_data_files") or [], own)
            with reading(str(folder)):
                unknown |= strange
                return load_without(files, indices, features, strange)
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise StorageError(f"{folder} cannot be read: {reason}", hint=WHOLE) from error


def _data_files(state: Path, entries: object, own: OwnFolder) -> list[Path]:
    if not isinstance(entries, list):
        raise StorageError(f"{state} is damaged: it has no list of files", hint=WHOLE)
    files = []
    for entry in entries:
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "::" in name:
            raise StorageError(f"{state} is damaged: {entry!r} is not a data file", hint=WHOLE)
        own.check(state.parent / name)
        files.append(state.parent / name)
    return files


def _read(file: Path, own: OwnFolder) -> Mapping[str, object]:
    own.check(file)
    content = own.read(file.absolute())
    if isinstance(content, LeftOut):
        raise StorageError(f"{file} cannot be read: {content.detail or 'it is not there'}", hint=WHOLE)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{file} is damaged: {error}", hint=WHOLE) from error
    if not isinstance(found, dict):
        raise StorageError(f"{file} is damaged: expected a mapping", hint=WHOLE)
    return found
