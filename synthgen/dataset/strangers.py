"""Files in the folder of a dataset that synthgen did not write: a new dataset there would replace them."""

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn

from synthgen.bounded import read_bounded
from synthgen.dataset.formats.parquet import is_parquet_of_dataset
from synthgen.dataset.summary import parse_summary
from synthgen.store.layout import CARD, CONTACT, CROISSANT, ORIGIN, SUMMARY

_OF_TOOLS = re.compile(r"(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini|labels/[^/]+\.cache)|\.cache/huggingface/.*")
"""What file managers, Ultralytics and the Hub's own uploader put into folders, and make again."""
_ALWAYS = (SUMMARY, CARD, ORIGIN, CROISSANT, CONTACT)


def strangers(folder: Path, own: Collection[str] = ()) -> list[str]:
    """List what is in the place of a dataset and not known to be synthgen's. A file in that place is one itself.

    Args:
        own: files in `folder` that synthgen is known to have made, even if nothing there says so.

    Raises:
        OSError: a folder in it cannot be listed, so nobody knows.
    """
    if not folder.is_dir():
        return [folder.name] if folder.exists() else []
    is_known = _known(folder)
    return [name for name in files_below(folder) if name not in own and not is_known(name)]


def files_below(folder: Path) -> list[str]:
    """List the files and links below a folder, relative to it. Links are not followed.

    Raises:
        OSError: a folder in it cannot be listed.
    """
    found = []
    for place, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [Path(place, name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(found)


def names_files(folder: Path) -> bool:
    """Whether the dataset in a folder says which files it has."""
    return bool(_named(folder))


def is_of_tool(name: str) -> bool:
    """Whether a file's name, relative to the folder of a dataset, is one that tools give theirs, and make again."""
    return _OF_TOOLS.fullmatch(name) is not None


def _known(folder: Path) -> Callable[[str], bool]:
    """Return what tells the files of a dataset from others. Without its summary, a folder is no dataset."""
    if not (folder / SUMMARY).exists():
        return lambda name: False
    if named := _named(folder):
        names = {SUMMARY, *named}
        return lambda name: name in names or is_of_tool(name)
    # The summary is damaged, or of an early version, which wrote Parquet only.
    return lambda name: name in _ALWAYS or is_parquet_of_dataset(name) or is_of_tool(name)


def _named(folder: Path) -> set[str]:
    try:
        summary = parse_summary(read_bounded(folder / SUMMARY).decode("utf-8"))
    except (OSError, ValueError):
        return set()
    return {*summary.digests, *(name for split in summary.splits for name in split.files)} if summary else set()


def _raise(error: OSError) -> NoReturn:
    raise error
