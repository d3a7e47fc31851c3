"""`metadata.jsonl` beside images: a line for each, with its file's name and all columns, as `datasets` reads it."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from synthgen.dataset.formats.parts import json_text

METADATA = "metadata.jsonl"
FILE, FILES = "_file_name", "_file_names"
"""How the names of columns end that name pictures: what comes before is the column."""
_LOOKED_AT = 10 * 2**20
"""`datasets` guesses the types of columns from so many bytes of a file."""


class MetadataFiles:
    """Writes the metadata of the folders of all splits.

    Args:
        folders: of each split that has images. They are made.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._stack = ExitStack()
        self._typed: dict[str, set[str]] = {split: set() for split in folders}
        self._written = dict.fromkeys(folders, 0)
        for folder in folders.values():
            folder.mkdir(parents=True)
        self._files = {
            split: self._stack.enter_context((folder / METADATA).open("w", encoding="ascii", newline="\n"))
            for split, folder in folders.items()
        }

    def __enter__(self) -> "MetadataFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, split: str, row: Mapping[str, object]) -> None:
        """Write a line."""
        line = json_text(row) + "\n"
        if self._written[split] < _LOOKED_AT:
            self._typed[split].update(_typed("", row))
        self._written[split] += self._files[split].write(line)

    @property
    def are_alike(self) -> bool:
        """Whether `datasets` guesses the same types for all splits: it refuses others, even if it gets the types."""
        return len({frozenset(typed) for typed in self._typed.values()}) <= 1


def _typed(name: str, value: object) -> Collection[str]:
    """Name the parts of a value that have a type: null has none, and a list without entries half of one."""
    if isinstance(value, Mapping):
        return [found for key, cell in value.items() for found in _typed(f"{name}/{key}", cell)]
    if isinstance(value, list):
        return [found for cell in value for found in _typed(f"{name}/", cell)]
    return [] if value is None else [name]
