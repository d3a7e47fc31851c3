"""What a dataset and a repository differ in, and what is sent in which commit. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.dataset.hub.contents import LocalFile
from synthgen.store.layout import CARD, SUMMARY

ATTRIBUTES = ".gitattributes"
"""The Hub itself makes this file in every repository."""
MOST_FILES = 1000
"""In one commit: the Hub takes longer for more than it may. What is larger is published in several."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        sha256: of its content, in hex; None of a small file that git itself keeps.
        blob: the id that git gives such a file.
    """

    name: str
    size: int
    sha256: str | None
    blob: str


@dataclass(frozen=True, slots=True)
class RepositoryDifference:
    """What a dataset's files are to those of a repository.

    Attributes:
        new: the repository has no file of this name.
        changed: its file of this name is another.
        same: it has this file.
        others: names of files that only the repository has.
    """

    new: tuple[LocalFile, ...]
    changed: tuple[LocalFile, ...]
    same: tuple[LocalFile, ...]
    others: tuple[str, ...]

    @property
    def is_none(self) -> bool:
        """Whether the repository is the dataset already."""
        return not (self.new or self.changed or self.others)

    @property
    def is_foreign(self) -> bool:
        """Whether the repository has anything that is not of this dataset. A part of the dataset is not foreign."""
        return bool(self.changed or self.others)


def compare(
    files: Sequence[LocalFile], there: Mapping[str, RemoteFile], blob_of: Callable[[LocalFile], str]
) -> RepositoryDifference:
    """Compare a dataset's files with those of a repository.

    Args:
        blob_of: computes the id that git would give a file.
    """
    new, changed, same = [], [], []
    for file in files:
        found = there.get(file.name)
        if found is None:
            new.append(file)
        elif found.size == file.size and (found.sha256 or blob_of(file)) == (
            file.sha256 if found.sha256 else found.blob
        ):
            same.append(file)
        else:
            changed.append(file)
    others = sorted(there.keys() - {file.name for file in files} - {ATTRIBUTES})
    return RepositoryDifference(tuple(new), tuple(changed), tuple(same), tuple(others))


@dataclass(frozen=True, slots=True)
class CommitPart:
    """What one commit changes: files that it adds or replaces, and names that it deletes."""

    files: tuple[LocalFile, ...]
    deleted: tuple[str, ...]


def parts(difference: RepositoryDifference, most: int = MOST_FILES) -> Iterator[CommitPart]:
    """Divide what is to be sent into commits: one, unless there are more files than `most`.

    Of several, the first deletes everything that the dataset does not have, and what a later one replaces. So whatever
    is seen between two of them is a part of the new dataset, and nothing of an older one. The card and `synthgen.json`
    come last.
    """
    files = sorted((*difference.new, *difference.changed), key=lambda file: (file.name == SUMMARY, file.name == CARD))
    later = {file.name for file in files[most:]}
    replaced = tuple(file.name for file in difference.changed if file.name in later)
    for begin in range(0, max(len(files), 1), most):
        yield CommitPart(tuple(files[begin : begin + most]), () if begin else (*difference.others, *replaced))
