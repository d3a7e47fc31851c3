"""What of a dataset's folder is published: the files that its `synthgen.json` names, checked against their digests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synthgen.bounded import read_bounded
from synthgen.dataset.summary import DatasetSummary, parse_summary
from synthgen.errors import StorageError
from synthgen.files import as_storage_error, named_by_itself, refuse_links
from synthgen.ledger.source import digest_of
from synthgen.seal import unseal
from synthgen.store.layout import CARD, SUMMARY

_NAMED = 3
"""How many damaged files an error names."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is published.

    Attributes:
        name: relative to the dataset's folder, and in the repository.
        size: in bytes.
        sha256: of its content, in hex.
    """

    name: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A dataset that can be published.

    Attributes:
        files: in the order in which they are published. The card and `synthgen.json` come last.
        left: files in the folder that `synthgen.json` does not name: they are not published.
    """

    folder: Path
    summary: DatasetSummary
    files: tuple[LocalFile, ...]
    left: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def read_contents(folder: Path, on_file: Callable[[int, int], None] = lambda done, total: None) -> Contents:
    """Read what a dataset consists of, and compare every file with its digest.

    Args:
        on_file: gets the number of files that are checked, and of all.

    Raises:
        StorageError: a file is missing, a link, or not what was written.
    """
    summary = _summary(folder)
    names = [*sorted(summary.digests, key=lambda name: (name == CARD, name)), SUMMARY]
    files, damaged = [], []

    for done, name in enumerate(names):
        on_file(done, len(names))
        path = folder / name
        refuse_links(folder, path)
        if not path.is_file():
            damaged.append(f"{name} is missing")
            continue
        with as_storage_error(path):
            found = LocalFile(name, path, path.stat().st_size, digest_of(path))
        if summary.digests.get(name, found.sha256) == found.sha256:
            files.append(found)
        else:
            damaged.append(f"{name} is not what was written")

    on_file(len(names), len(names))
    if damaged:
        raise _damaged(folder, damaged)
    with named_by_itself(folder):
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return Contents(folder, summary, tuple(files), tuple(sorted(there - {*names})))


def _summary(folder: Path) -> DatasetSummary:
    refuse_links(folder, folder / SUMMARY)
    with as_storage_error(folder / SUMMARY):
        text = read_bounded(folder / SUMMARY).decode("utf-8", "replace")
    summary = parse_summary(text)
    if summary is None:
        raise _damaged(folder, [f"{SUMMARY} is damaged, or of another version"])
    if not unseal(text)[1] or not summary.digests:
        hint = "Build it again with this version: `synthgen finalize` does it for a run."
        raise StorageError(f"{folder}: an earlier version wrote it, without digests to check it by", hint=hint)
    return summary


def _damaged(folder: Path, damaged: list[str]) -> StorageError:
    more = f", and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
    what = f"{folder} is damaged: {'; '.join(damaged[:_NAMED])}{more}"
    hint = "Nothing was published. `synthgen repair` and `synthgen finalize` make a run's again; else export it again."
    return StorageError(what, hint=hint)
