"""Overrides such as "a.b=c": replace one value of a document."""

from dataclasses import replace

from synthgen.errors import Problem
from synthgen.spec.document import MAX_DEPTH, Entry, Mapping, Node, Position, Scalar, Sequence, read_document
from synthgen.spec.merge import KeyPath, count_in_full, weights_in_full


def override(root: Node, text: str) -> tuple[Node, list[Problem]]:
    """Apply `text` ("a.b=c") to `root`. The value is YAML; missing mappings on the path are created."""
    origin = Position(override_name(text), 0, 0)
    path, equals, written = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        return root, [origin.problem("expected KEY=VALUE, such as model.steps=20")]
    if len(keys) > MAX_DEPTH:
        return root, [origin.problem(f"nested deeper than {MAX_DEPTH} levels")]
    value, problems = read_document(written, origin.file, lines=False, of=keys[-1])
    return (root, problems) if problems else put(root, keys, value or Scalar(origin, None, ""), origin)


def put(root: Node, keys: list[str], value: Node, origin: Position) -> tuple[Node, list[Problem]]:
    """Replace the value of the key at `keys` in `root`; `origin` is the place of what asks for it."""
    try:
        return _with(root, (), keys, value, origin), []
    except _NoSuchPlaceError as error:
        return root, [origin.problem(str(error))]


def override_name(text: str) -> str:
    """Name an override in messages, as an argument in backticks."""
    return '`overrides="{}"`'.format(text.replace("`", "'"))


def _in_full(node: Node | None, path: KeyPath, key: str) -> Node | None:
    """Expand a short form, so that an override may enter it. A list that is entered by position stays."""
    if node is None or (isinstance(node, Sequence) and key.isdecimal()):
        return node
    return weights_in_full(count_in_full(node, path), path)


class _NoSuchPlaceError(Exception):
    """The path of an override does not exist in the document."""


def _with(node: Node | None, path: KeyPath, keys: list[str], value: Node, origin: Position) -> Node:
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    node, inner = _in_full(node, path, first), (*path, first)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Mapping(origin, {}, 1, 1)
    if isinstance(node, Mapping):
        old = node.entries.get(first)
        key = old.key if old and rest else origin
        entry = Entry(key, _with(old.value if old else None, inner, rest, value, origin))
        return replace(node, entries={**node.entries, first: entry})
    if isinstance(node, Sequence):
        if not first.isdecimal() or int(first) >= len(node.items):
            raise _NoSuchPlaceError(
                f"{first!r} is not a position in a list of {len(node.items)}; positions count from 0"
            )
        items = list(node.items)
        items[int(first)] = _with(items[int(first)], inner, rest, value, origin)
        return replace(node, items=tuple(items))
    raise _NoSuchPlaceError(f"{node.text!r} is not a mapping, so it has no {first!r}")
