"""Opening a set of any kind: by its path, by its id on the hub, or from memory."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from synthgen.bounded import near_name, read_object
from synthgen.errors import UsageError
from synthgen.files import expanded
from synthgen.sets.coco import find_annotations, read_coco
from synthgen.sets.files import read_listing
from synthgen.sets.image_folder import SUMMARY, holds_images, read_folder
from synthgen.sets.image_set import ImageSet
from synthgen.sets.in_memory import read_dataset, read_table
from synthgen.sets.own_folder import check_images_from, own_folder
from synthgen.sets.parquet import ParquetSet
from synthgen.sets.parquet_files import find_files
from synthgen.sets.set_name import set_name
from synthgen.sets.web_dataset import SHARDS, TarSet, find_shards
from synthgen.sets.yolo import find_boxes, read_yolo
from synthgen.sets.zip_folder import ZipSet

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

SetSource: TypeAlias = (
    "str | os.PathLike[str] | pd.DataFrame | Dataset | DatasetDict | IterableDataset | IterableDatasetDict"
)
"""Anything that `open_set` opens."""

_LOG = logging.getLogger(__name__)
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+")
_TABLES = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")
_TELLING = {name: place for place, name in enumerate(("parquet", "hf", "imagefolder", "webdataset"))}
"""Formats that keep all columns, those with types first."""


def open_set(
    place: SetSource, split: str | None = None, images_from: Path | None = None, *, classless: bool = False
) -> ImageSet:
    """Open a set.

    A DataFrame, and a dataset of the library `datasets`, are sets in memory. A path may lead to a folder that
    `save_to_disk` wrote, a Parquet file or a folder of them, a folder with a subfolder of images for each class or with
    metadata files, such a folder as a .zip, a .tar or .tar.gz of WebDataset or a folder of them, a folder with COCO's
    annotations.json or with YOLO's images and labels, or a CSV of paths and labels. Any other text of the form
    owner/name is an id on the Hugging Face hub, unless there is a folder `owner` here: then it is a typing mistake, and
    the hub is not asked.

    Images that a set names by path are read only from its own folder and from `images_from`: data may come from
    anywhere, and must not choose among the user's files. A set in memory has no folder of its own.

    Args:
        classless: open an image folder without classes too; a note then says why it has none.

    Raises:
        UsageError: there is no such set, or `place` is an address such as s3://bucket/prefix.
        StorageError: the set cannot be read.
    """
    check_images_from(images_from)
    if isinstance(place, pd.DataFrame):
        return read_table(place, split, images_from)
    if not isinstance(place, str | os.PathLike):
        return read_dataset(place, split, images_from)

    place = os.fspath(place)
    if address := _ADDRESS.match(place):
        # It may contain a key and its secret: show only its beginning.
        hint = "Copy the set here, a run with all its files (such as with `aws s3 sync`), and name the copy."
        raise UsageError(f"{address[0]}...: an audit reads sets on this machine, and on the hub", hint=hint)

    path = expanded(place)
    if path.is_file():
        return _open_file(path, split, images_from)
    if path.is_dir():
        return _open_folder(path, split, images_from, classless)

    below_local_folder = path.parent != Path() and path.parent.is_dir()
    if _HUB_ID.fullmatch(place) and not path.suffix and not below_local_folder:
        from synthgen.sets.hub import read_hub

        if images_from is not None:
            what = f"{place} is a set of the hub, which brings its images"
            raise UsageError(what, argument="images_from", hint="Leave it out.")

        # The name may be mistyped, and the hub may take its time to say so.
        _LOG.warning("%s: there is no such file or folder here; looking on the hub", place)
        return read_hub(place, split)
    raise UsageError(f"{place}: there is no such file or folder", hint=_expected(path))


def _expected(path: Path) -> str:
    """Say what a set may be, and which file or folder here has a name like that of one that does not exist."""
    try:
        near = near_name(path.name, os.listdir(path.parent))
    except OSError:
        near = None
    close = f"Did you mean {path.parent / near}? " if near else ""
    return f"{close}Give an existing file or folder, or the id of a dataset on the hub, such as owner/name."


def _open_file(file: Path, split: str | None, images_from: Path | None) -> ImageSet:
    if file.suffix.lower() == ".zip":
        return ZipSet(set_name(file), file, split)
    if split is not None:
        raise UsageError(f"{file} is one file, and has no splits", argument="split", hint="Leave it out.")
    if file.suffix.lower() in _PARQUET:
        return ParquetSet(set_name(file), f"the file {file}", [file], own_folder(file.parent, images_from))
    if file.name.lower().endswith(SHARDS):
        return TarSet(set_name(file), f"the shard {file}", [file])
    if file.suffix.lower() in _TABLES:
        return read_listing(file, images_from)
    hint = "Expected a Parquet file, a CSV, a .tar or .tar.gz of WebDataset, a .zip of an image folder, or a folder."
    raise UsageError(f"{file} is not a set of images that can be read", hint=hint)


def _open_folder(folder: Path, split: str | None, images_from: Path | None, classless: bool) -> ImageSet:
    if (first := folder_of_format(folder)) is not None:
        found = _open_folder(first, split, images_from, classless)
        found.name = set_name(folder)
        return found
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        from synthgen.sets.saved import read_saved

        return read_saved(folder, split, images_from)
    if files := find_files(folder, split):
        own = own_folder(folder)
        for file in files:
            own.check(file)
        return ParquetSet(
            folder.resolve().name, f"the dataset {folder}", files, own_folder(folder, images_from), folder
        )
    if split is not None and find_files(folder):
        hint = "Its files would begin with that name."
        raise UsageError(f"{folder} has no split {split!r}", argument="split", hint=hint)
    if find_boxes(folder, split):
        return read_yolo(folder, split, images_from)
    if annotations := find_annotations(folder, split):
        return read_coco(folder, annotations, images_from)
    if (shards := find_shards(folder, split)) and not holds_images(folder):
        own = own_folder(folder)
        for shard in shards:
            own.check(shard)
        return TarSet(folder.resolve().name, f"the shards in {folder}", shards)
    return read_folder(folder, split, images_from, classless=classless)


def folder_of_format(folder: Path) -> Path | None:
    """Return the folder of the format that tells most, of a dataset that synthgen wrote in several; None for others."""
    try:
        written = read_object(folder / SUMMARY).get("format")
    except (OSError, ValueError):
        return None
    if not isinstance(written, dict) or not isinstance(beside := written.get("beside"), list) or not beside:
        return None
    names = [one.get("name") for one in (written, *beside) if isinstance(one, dict)]
    there = [one for one in names if isinstance(one, str) and re.fullmatch(r"[a-z][a-z0-9_-]*", one)]
    places = [folder / one for one in sorted(there, key=lambda one: _TELLING.get(one, len(_TELLING)))]
    return next((one for one in places if one.is_dir() and not one.is_symlink()), None)
