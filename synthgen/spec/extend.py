"""`extends`: a spec over another one, or over several."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from synthgen.errors import Problem, SpecError
from synthgen.spec.document import Mapping, Node, Position, Scalar, Sequence
from synthgen.spec.merge import mapping_of, merged
from synthgen.spec.place import found, quoted

EXTENDS = "extends"
EXTENDS_HINT = "The other keys are checked after that. A base is named relative to the spec that extends it."
_DEEPEST, _MOST = 16, 64
"""Specs in one chain, and in all."""

ReadMapping = Callable[[Path], tuple[Mapping, list[Problem]]]
"""Reads the keys of a spec's file, and lists its problems; `SpecError` if it cannot be read."""


@dataclass(slots=True)
class Extending:
    """Lays specs over those that they extend.

    Attributes:
        read: reads a file.
        allowed: only files in these folders, or below them, are read.
        folders: by the name that messages give a file, the folder that paths in it are relative to.
        problems: what was found in the files.
        refused: bases that cannot be used.
    """

    read: ReadMapping
    allowed: tuple[Path, ...]
    folders: dict[str, str]
    problems: list[Problem]
    refused: list[Problem] = field(default_factory=list)
    files: int = 0

    def whole(self, root: Mapping, folder: str, chain: tuple[str, ...]) -> Mapping:
        """Return the keys of a spec over those of the specs that it extends; later ones cover earlier ones.

        Args:
            folder: of the spec's file.
            chain: the real paths of the spec's file and of those that led to it.
        """
        entry = root.entries.get(EXTENDS)
        if entry is None:
            return root
        below: Node | None = None
        for named in self._named(entry.value):
            base = self._base(named, folder, chain)
            if base is not None:
                below = base if below is None else merged(below, base)
        own = mapping_of(root, {key: each for key, each in root.entries.items() if key != EXTENDS})
        together = own if below is None else merged(below, own)
        assert isinstance(together, Mapping)
        return together

    def _named(self, node: Node) -> list[Scalar]:
        items = node.items if isinstance(node, Sequence) else (node,)
        if not items:
            self._complain(node.position, "expected the name of a spec's file, or a list of them, found an empty list")
        files = []
        for item in items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value.strip():
                files.append(item)
            else:
                expected = "a spec's file" if item is not node else "a spec's file, or a list of them"
                self._complain(item.position, f"expected the name of {expected}, found {found(item)}")
        return files

    def _base(self, named: Scalar, folder: str, chain: tuple[str, ...]) -> Mapping | None:
        """Read the spec that is named, with what it extends itself."""
        path = Path(folder, named.text)
        real = Path(os.path.realpath(path))
        self.files += 1
        if (refusal := self._refusal(named.text, path, real, chain)) is not None:
            self._complain(named.position, refusal)
            return None
        try:
            base, problems = self.read(path)
        except SpecError as error:
            self._blame(named.position, path, error)
            return None
        self.problems += problems
        self.folders[str(path)] = str(path.parent)
        return self.whole(base, str(path.parent), (*chain, str(real)))

    def _refusal(self, name: str, path: Path, real: Path, chain: tuple[str, ...]) -> str | None:
        if str(real) in chain:
            circle = " -> ".join(os.path.basename(each) for each in (*chain[chain.index(str(real)) :], str(real)))
            return f"{quoted(name)} extends itself: {circle}"
        if len(chain) >= _DEEPEST or self.files > _MOST:
            return f"too many specs extend each other: at most {_DEEPEST} in a row, {_MOST} in all"
        if not any(real.is_relative_to(folder) for folder in self.allowed):
            return (
                f"{quoted(name)} is outside the spec's folder and the working folder; "
                "copy it there, or run the command in a folder that holds both"
            )
        if path.exists() and not path.is_file():
            return f"{quoted(name)} is not a file"
        return None

    def _blame(self, position: Position, path: Path, error: SpecError) -> None:
        """Report a file that cannot be read where it is named, and its faulty content in its own place."""
        for each in error.problems:
            if each.line:
                self.refused.append(each)
            else:
                self._complain(position, f"{path}: {each.message}")

    def _complain(self, position: Position, message: str) -> None:
        self.refused.append(position.problem(f"{EXTENDS}: {message}"))
