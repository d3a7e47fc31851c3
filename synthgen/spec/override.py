"""Overrides such as "a.b=c": replace one value of a document."""

from dataclasses import replace

from synthgen.errors import Problem
from synthgen.spec.document import MAX_DEPTH, Entry, Mapping, Node, Position, Scalar, Sequence, read_document


def override(root: Node, text: str) -> tuple[Node, list[Problem]]:
    """Apply `text` ("a.b=c") to `root`. The value is YAML; missing mappings on the path are created."""
    origin = Position(override_name(text), 0, 0)
    path, equals, written = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        return root, [origin.problem("expected KEY=VALUE, such as model.steps=20")]
    if len(keys) > MAX_DEPTH:
        return root, [origin.problem(f"nested deeper than {MAX_DEPTH} levels")]
    value, problems = read_document(written, origin.file, lines=False)
    if problems:
        return root, problems
    try:
        return _with(root, keys, value or Scalar(origin, None, ""), origin), []
    except _NoSuchPlaceError as error:
        return root, [origin.problem(str(error))]


def override_name(text: str) -> str:
    """Name an override in messages, as an argument in backticks."""
    return '`overrides="{}"`'.format(text.replace("`", "'"))


class _NoSuchPlaceError(Exception):
    """The path of an override does not exist in the document."""


def _with(node: Node | None, keys: list[str], value: Node, origin: Position) -> Node:
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Mapping(origin, {}, 1, 1)
    if isinstance(node, Mapping):
        old = node.entries.get(first)
        key = old.key if old and rest else origin
        entry = Entry(key, _with(old.value if old else None, rest, value, origin))
        return replace(node, entries={**node.entries, first: entry})
    if isinstance(node, Sequence):
        if not first.isdecimal() or int(first) >= len(node.items):
            raise _NoSuchPlaceError(
                f"{first!r} is not a position in a list of {len(node.items)}; positions count from 0"
            )
        items = list(node.items)
        items[int(first)] = _with(items[int(first)], rest, value, origin)
        return replace(node, items=tuple(items))
    raise _NoSuchPlaceError(f"{node.text!r} is not a mapping, so it has no {first!r}")
