"""Run a format, which may be somebody else's code, and check what it wrote against what it says."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from synthgen.dataset.formats.format import FormatWriter, Manifest, WrittenSplit
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.provenance import FormatOrigin
from synthgen.dataset.select import Selection
from synthgen.errors import SynthgenError, UsageError, cause_of
from synthgen.files import as_storage_error
from synthgen.store.layout import CARD, CONTACT, CROISSANT, ORIGIN, SUMMARY, is_file_name
from synthgen.version import __version__

_RESERVED = (CARD, SUMMARY, ORIGIN, CROISSANT, CONTACT)
_OF_THE_CODE = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError)
"""In a new, empty folder, only code that is wrong meets these. Other errors of the system come from the disk."""
_OWN = f"synthgen {__version__}"


def write_in_format(
    writer: FormatWriter, origin: FormatOrigin, selection: Selection, images: SelectedImages, folder: Path
) -> Manifest:
    """Let a format write into the empty `folder`, and check what it wrote.

    Args:
        origin: names the format and its package in errors.

    Raises:
        UsageError: the format failed, left out images, or what it says is not what is in `folder`.
        StorageError: a shard cannot be read, or `folder` cannot be written.
    """
    try:
        manifest = writer.write(selection, images, folder)
    except SynthgenError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come
        if isinstance(error, OSError) and not isinstance(error, _OF_THE_CODE):
            if origin.release == _OWN:
                raise
            with as_storage_error(folder, f"the format {_named(origin)} cannot write "):
                raise
        raise _faulty(origin, f"it failed: {cause_of(error)}") from error
    check_manifest(manifest, origin, selection, images, folder)
    return manifest if origin.release == _OWN else replace(manifest, digests={})


def check_manifest(
    manifest: object, origin: FormatOrigin, selection: Selection, images: SelectedImages, folder: Path
) -> None:
    """Check what a format says that it wrote.

    Each name is given once, is that of a plain file that lies in `folder` alone, and consists of letters, digits, `.`,
    `-` and `_`, none of its parts beginning with a dot. `README.md`, `synthgen.json` and
    `provenance.json` are not for formats. No two names, nor their folders, differ only in upper and lower case: many
    file systems cannot hold both.

    Raises:
        UsageError: it left out images, or what it says is not what is in `folder`.
    """
    if problem := next(_problems(manifest, selection, images, folder), None):
        raise _faulty(origin, problem)


def _problems(manifest: object, selection: Selection, images: SelectedImages, folder: Path) -> Iterator[str]:
    if not isinstance(manifest, Manifest):
        yield f"`write` must return a Manifest, and returned {type(manifest).__name__}"
        return
    yield from _wrong_types(manifest)
    yield from _missing(manifest, selection, images)
    there = sorted(folder.rglob("*"))
    yield from (problem for path in there if (problem := _not_plain(path, path.relative_to(folder).as_posix())))

    found = {path.relative_to(folder).as_posix() for path in there if not path.is_dir()}
    for name in sorted({*manifest.files} ^ found):
        yield f"it did not name {name}, which it wrote" if name in found else f"it did not write {name}"
    yield from _wrong_names(manifest.files)


def _wrong_types(manifest: Manifest) -> Iterator[str]:
    """Say what has another type than `Manifest` and `WrittenSplit` declare."""
    splits: object = manifest.splits
    if not isinstance(splits, Mapping) or not all(isinstance(one, WrittenSplit) for one in splits.values()):
        yield f"`splits` must map names to WrittenSplit, found {splits!r:.80}"
        return
    for name, split in manifest.splits.items():
        for what, number in (("rows", split.rows), ("size", split.size)):
            if type(number) is not int or number < 0:
                yield f"`{what}` of {name} must be an integer of at least 0, found {number!r:.80}"
        if not (split.pattern is None or _is_pattern(split.pattern)):
            yield f"`pattern` of {name} must be a glob such as train/*.parquet, or None, found {split.pattern!r:.80}"
        if not _are_texts(split.files):
            yield f"`files` of {name} must be a tuple of texts, found {split.files!r:.80}"
    if not _are_texts(manifest.others):
        yield f"`others` must be a tuple of texts, found {manifest.others!r:.80}"


def _missing(manifest: Manifest, selection: Selection, images: SelectedImages) -> Iterator[str]:
    for split in selection.splits:
        wanted, written = selection.images_in(split), manifest.splits.get(split)
        if written is None or written.rows != wanted:
            yield f"it wrote {written.rows if written else 0} of the {wanted} images of {split}"
    for split in manifest.splits:
        if split not in selection.splits:
            yield f"it wrote the split {split!r:.80}, which the dataset does not have"
    if images.count != len(selection.split_of):
        yield f"it read {images.count} of {len(selection.split_of)} images"


def _not_plain(path: Path, name: str) -> str | None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{name} is a link to {os.readlink(path)}, and a dataset has none"
    if stat.S_ISDIR(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        return f"{name} is not a plain file"
    return f"{name} is a link to a file that has another name, too" if found.st_nlink > 1 else None


def _wrong_names(names: Iterable[str]) -> Iterator[str]:
    spelled = {name.casefold(): name for name in _RESERVED}  # also of folders
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"it names {name} twice"
        seen.add(name)
        if not is_file_name(name):
            yield f"{name!r} is not a name that files of a run may have: letters, digits, '.', '-', '_'"
        for part in map(str, (PurePosixPath(name), *PurePosixPath(name).parents[:-1])):
            if part.casefold() in map(str.casefold, _RESERVED):
                yield f"it wrote {part}, and synthgen itself writes {spelled[part.casefold()]}"
            if (other := spelled.setdefault(part.casefold(), part)) != part:
                yield f"the names {other} and {part} differ only in upper and lower case"


def _are_texts(names: object) -> bool:
    return isinstance(names, (tuple, list)) and all(isinstance(name, str) for name in names)


def _is_pattern(pattern: object) -> bool:
    return isinstance(pattern, str) and is_file_name(re.sub(r"[][*?]", "x", pattern))


def _named(origin: FormatOrigin) -> str:
    return f"{origin.name} ({origin.release})"


def _faulty(origin: FormatOrigin, what: str) -> UsageError:
    package = origin.release.rpartition(" ")[0]
    return UsageError(
        f"the format {_named(origin)} is at fault: {what}",
        hint=f"Report this to the authors of {package}. What was there before is as it was.",
    )
