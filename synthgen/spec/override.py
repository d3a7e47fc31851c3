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
        return _with(root, (), keys, value or Scalar(origin, None, ""), origin), []
    except _NoSuchPlaceError as error:
        return root, [origin.problem(str(error))]


def override_name(text: str) -> str:
    """Name an override in messages, as an argument in backticks."""
    return '`overrides="{}"`'.format(text.replace("`", "'"))


_Path = tuple[str, ...]

_COUNTS = (("classes", "*"),)
"""Keys whose value may be a number, short for a mapping with `count`."""
_WEIGHTED = (("prompts", "templates"), ("prompts", "variables", "*"), ("classes", "*", "templates"))
"""Keys whose value may be a list, short for a mapping of each text to the weight 1."""


def _in_full(node: Node | None, path: _Path, key: str) -> Node | None:
    """Expand the short form of a key, so that an override may enter it. A list that is entered by position stays."""
    if isinstance(node, Scalar) and node.value is not None and _is_one_of(path, _COUNTS):
        return Mapping(node.position, {"count": Entry(node.position, node)}, node.size + 1, node.depth + 1)
    if isinstance(node, Sequence) and not key.isdecimal() and _is_one_of(path, _WEIGHTED):
        one = Scalar(node.position, 1, "1")
        texts = (item for item in node.items if isinstance(item, Scalar) and isinstance(item.value, str))
        entries = {item.text: Entry(item.position, one) for item in texts}
        return Mapping(node.position, entries, node.size, node.depth) if len(entries) == len(node.items) else node
    return node


def _is_one_of(path: _Path, patterns: tuple[_Path, ...]) -> bool:
    return any(
        len(path) == len(pattern) and all(part in ("*", key) for part, key in zip(pattern, path, strict=True))
        for pattern in patterns
    )


class _NoSuchPlaceError(Exception):
    """The path of an override does not exist in the document."""


def _with(node: Node | None, path: _Path, keys: list[str], value: Node, origin: Position) -> Node:
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
