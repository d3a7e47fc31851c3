"""YAML text -> a tree of nodes with their positions.

The tree is built from the parser's events with an explicit stack, so that neither deep nesting nor aliases of aliases
can exhaust memory. A spec is plain data: tags, merge keys and keys that are not text are refused.
"""

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from synthgen.errors import Problem
from synthgen.spec.text import lines_of

MAX_NODES = 100_000
MAX_DEPTH = 64

# `Any`, since libyaml's loader is there or not, and the two have no base in common.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INT = re.compile(r"[-+]?(0x[0-9a-fA-F]+|0b[01]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_WORDS: dict[str, bool | float | None] = {"": None, "~": None, "null": None}
_WORDS |= dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)
_WORDS |= {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}

NUMBERED = ("steps", "guidance", "size", "strength")
"""Keys whose value may be a mapping with numbers as its keys."""


@dataclass(frozen=True, slots=True)
class Position:
    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        return Problem(self.file, self.line, self.column, message)


# Every node has its `size` and `depth`, with aliases counted at each use. `bad`: already reported.


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: `text` as it was written, `value` as YAML reads it, `is_plain` if it was not in quotes."""

    position: Position
    value: str | int | float | bool | None
    text: str
    bad: bool = False
    size: int = 1
    depth: int = 0
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    position: Position
    items: tuple["Node", ...]
    size: int
    depth: int
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    key: Position
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and their values.

    Attributes:
        lacks: whether it has keys that could not be read, so that its entries are not all.
    """

    position: Position
    entries: dict[str, Entry]
    size: int
    depth: int
    bad: bool = False
    lacks: bool = False


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    event: yaml.CollectionStartEvent
    position: Position
    bad: bool
    children: list[Node] = field(default_factory=list)


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read_document(text: str, file: str, *, lines: bool = True, of: str = "") -> tuple[Node | None, list[Problem]]:
    """Read the document in `text`, and list its problems. The node is None if there is no usable document.

    Without `lines`, every position is line 0, for text that does not come from a file. `of` is the key of the whole.
    """
    reader = _Reader(file, lines, of)
    if (bad := _UNPRINTABLE.search(text)) is not None:
        before = text[: bad.start()]
        position = reader.at(before.count("\n"), len(before) - before.rfind("\n") - 1)
        return None, [position.problem(f"the character U+{ord(bad[0]):04X} is not allowed in YAML")]
    try:
        root = reader.read(text)
    except _RefusedError as refused:
        return None, [*reader.problems, refused.problem]
    except yaml.YAMLError as error:
        return None, [*reader.problems, reader.syntax_problem(error, text)]
    return root, reader.problems


def plain(node: Node) -> object:
    """Return the raw data: dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items] if isinstance(node, Sequence) else node.value


class _Reader:
    def __init__(self, file: str, lines: bool, of: str) -> None:
        self.problems: list[Problem] = []
        self._file, self._of = file, of
        self._lines = lines
        self._anchors: dict[str, Node | None] = {}  # None: still open
        self._budget = MAX_NODES

    def at(self, line: int, column: int) -> Position:
        return Position(self._file, line + 1, column + 1) if self._lines else Position(self._file, 0, 0)

    def read(self, text: str) -> Node | None:
        root: Node | None = None
        stack: list[_Open] = []
        documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            assert event.start_mark is not None, "the loader reads text"
            position = self.at(event.start_mark.line, event.start_mark.column)
            anchor: str | None
            node: Node
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _RefusedError(
                        position.problem("a second document starts here; a spec must be a single document")
                    )
                continue
            if isinstance(event, yaml.CollectionStartEvent):
                self._open(event, position, stack)
                continue

            if isinstance(event, yaml.CollectionEndEvent):
                done = stack.pop()
                above = stack[-1].children[-1:] if stack else [Scalar(position, self._of, self._of)]
                has_numbers = any(isinstance(each, Scalar) and each.text in NUMBERED for each in above)
                anchor, node = done.event.anchor, self._closed(done, has_numbers)
            elif isinstance(event, yaml.AliasEvent):
                anchor, node = None, self._alias(event, position, len(stack))
            elif isinstance(event, yaml.ScalarEvent):
                self._spend(1, position)
                anchor, node = event.anchor, self._scalar(event, position)
            else:
                continue

            if anchor:
                self._anchors[anchor] = node
            if stack:
                stack[-1].children.append(node)
            else:
                root = node
        return root

    def syntax_problem(self, error: yaml.YAMLError, text: str) -> Problem:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line, mark.column) if mark else (0, 0)
        rows = lines_of(text)
        row = rows[line] if line < len(rows) else ""
        if "\t" in row[: len(row) - len(row.lstrip())] or row[column : column + 1] == "\t":
            return self.at(line, max(row.find("\t"), 0)).problem("tabs cannot indent YAML; use spaces")
        said = (getattr(error, "problem", None), getattr(error, "context", None))
        hint = " (put text with braces in quotes)" if "{" in row else ""
        if "${" in row:
            hint = " (inside {}, YAML cannot read ${NAME}: write the key on a line of its own, or quote a text)"
        return self.at(line, column).problem(f"this is not valid YAML: {' '.join(filter(None, said))}{hint}")

    def _spend(self, nodes: int, position: Position) -> None:
        self._budget -= nodes
        if self._budget < 0:
            raise _RefusedError(
                position.problem(f"too large: more than {MAX_NODES:,} values, counting every use of an alias")
            )

    def _open(self, event: yaml.CollectionStartEvent, position: Position, stack: list[_Open]) -> None:
        self._spend(1, position)
        tagged = self._tag(event, position)
        if len(stack) >= MAX_DEPTH:
            raise _RefusedError(position.problem(f"nested deeper than {MAX_DEPTH} levels"))
        if event.anchor:
            self._anchors[event.anchor] = None
        stack.append(_Open(event, position, tagged))

    def _alias(self, event: yaml.AliasEvent, position: Position, depth: int) -> Node:
        node = self._anchors.get(str(event.anchor))
        if node is None:
            known = event.anchor in self._anchors
            what = "contains itself" if known else "is not defined above"
            raise _RefusedError(position.problem(f"the alias *{event.anchor} {what}"))
        self._spend(node.size, position)
        if depth + node.depth > MAX_DEPTH:
            raise _RefusedError(position.problem(f"nested deeper than {MAX_DEPTH} levels"))
        return node

    def _tag(self, event: yaml.CollectionStartEvent | yaml.ScalarEvent, position: Position) -> bool:
        if event.tag is None:
            return False
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        self.problems.append(position.problem(f"the YAML tag '{tag}' is not allowed; a spec is plain data"))
        return True

    def _scalar(self, event: yaml.ScalarEvent, position: Position) -> Scalar:
        tagged = self._tag(event, position)
        text: str = event.value
        value = meaning(text) if event.implicit[0] and not event.style else text
        complaint = None
        if isinstance(value, float) and not isfinite(value):
            complaint = f"expected a finite number, found {text[:60]}"
        elif not event.style and event.implicit[0] and _OCTAL.fullmatch(text):
            complaint = f"{text[:60]} is an octal number in YAML; remove the leading 0, or put it in quotes"
        elif isinstance(value, str) and (bad := re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", value)):
            complaint = f"the text contains the control character U+{ord(bad[0]):04X}"
        if complaint and not tagged:
            self.problems.append(position.problem(complaint))
        return Scalar(position, value, text, bad=tagged or complaint is not None, is_plain=not event.style)

    def _closed(self, done: _Open, has_numbers: bool) -> Node:
        children = tuple(done.children)
        size = 1 + sum(child.size for child in children)
        depth = 1 + max((child.depth for child in children), default=0)
        if isinstance(done.event, yaml.SequenceStartEvent):
            return Sequence(done.position, children, size, depth, done.bad)
        entries: dict[str, Entry] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            name = self._key(key, has_numbers)
            if name is None:
                continue
            if name in entries:
                where = f"; it is already on line {entries[name].key.line}" if self._lines else ""
                self.problems.append(key.position.problem(f"duplicate key {name!r}{where}"))
                continue
            entries[name] = Entry(key.position, value)
        return Mapping(done.position, entries, size, depth, done.bad, len(entries) < len(children) // 2)

    def _key(self, key: Node, may_be_number: bool) -> str | None:
        if not isinstance(key, Scalar):
            self.problems.append(key.position.problem("a key must be text, found a list or a mapping"))
            return None
        if key.bad:
            return None
        if key.value == "<<":
            self.problems.append(key.position.problem("merge keys (<<) are not allowed; write the keys out"))
            return None
        if may_be_number and isinstance(key.value, int | float) and not isinstance(key.value, bool):
            return key.text
        if not isinstance(key.value, str):
            found = f"{key.text!r}, which YAML reads as {spoken(key.value)}" if key.text else "nothing"
            self.problems.append(key.position.problem(f"a key must be text, found {found}; put it in quotes"))
            return None
        return key.value


def meaning(text: str) -> str | int | float | bool | None:
    """Read a scalar without quotes. Dates, times such as 1:30, and octals remain text."""
    lower = text.lower()
    if lower in _WORDS and text in (lower, lower.capitalize(), lower.upper(), text[:1] + text[1:].upper()):
        return _WORDS[lower]
    if _INT.fullmatch(text) and len(text) <= 100:
        return int(text.replace("_", ""), 0)
    if _FLOAT.fullmatch(text) and not _OCTAL.fullmatch(text):
        return float(text.replace("_", ""))
    return text


def spoken(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else f"the number {value}"
