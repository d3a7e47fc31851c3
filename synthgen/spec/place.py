"""The place of a path such as `classes.doctor.count` in a document."""

from collections.abc import Sequence as Keys
from dataclasses import dataclass

from synthgen.errors import Problem
from synthgen.inert import unbroken
from synthgen.spec.document import Mapping, Node, Position, Scalar, Sequence

Path = tuple[str | int, ...]
_FEW = 4  # items of a list that a message repeats
KEY = "[key]"  # at the end of a path: the key itself, not its value, as in pydantic's paths


@dataclass(frozen=True, slots=True)
class Place:
    path: Path
    node: Node
    key: Position  # of the node's own key; where it has none (the root, a list's item), of the node

    def problem(self, message: str, *, at_key: bool = False) -> Problem:
        position = self.key if at_key else self.node.position
        return position.problem(prefixed(self.path, message))


def prefixed(path: Path, message: str) -> str:
    """Begin a message with the path that it is about, on the same line whatever the keys are."""
    return f"{unbroken('.'.join(map(str, path)))}: {message}" if path else message


def locate(root: Node, path: Keys[str | int]) -> Place:
    """Find the place of `path`.

    Parts missing from the document are skipped, because pydantic's paths contain the names of alternatives, and a short
    form has no parts. A number is also the place of an entry of a mapping: of a choice of values with weights.
    """
    place = Place((), root, root.position)
    for part in path:
        node = place.node
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            entry = node.entries[part]
            place = Place((*place.path, part), entry.value, entry.key)
        elif isinstance(node, Mapping) and isinstance(part, int) and "range" not in node.entries:
            if part >= len(node.entries):
                continue
            key, entry = list(node.entries.items())[part]
            place = Place((*place.path, key), entry.value, entry.key)
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            item = node.items[part]
            place = Place((*place.path, part), item, item.position)
    return place


def found(node: Node) -> str:
    """Describe a node in words."""
    if isinstance(node, Mapping):
        return "a mapping" if node.entries else "an empty mapping"
    if isinstance(node, Sequence):
        return _listed(node) or "a list"
    if isinstance(node.value, str):
        return f"the text {quoted(node.value)}"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool) and node.text.lower() not in ("true", "false"):
        return f"{node.text}, which YAML reads as {str(node.value).lower()}"
    return shortened(node.text)


def _listed(node: Sequence) -> str:
    """Write out a list of a few values that are no lists themselves."""
    if not node.items:
        return "an empty list"
    if len(node.items) > _FEW or not all(isinstance(item, Scalar) and item.text for item in node.items):
        return ""
    return shortened(f"[{', '.join(item.text for item in node.items if isinstance(item, Scalar))}]")


def quoted(text: str) -> str:
    return repr(shortened(text))


def shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
