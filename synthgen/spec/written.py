"""A spec written out again: with everything worked in, so that it stands on its own."""

from collections.abc import Mapping
from hashlib import sha256

from synthgen.spec.document import Mapping as MappingNode
from synthgen.spec.document import read_document
from synthgen.spec.extend import EXTENDS
from synthgen.spec.paths import with_paths_seen_from
from synthgen.spec.spec import Spec
from synthgen.spec.variables import VARS

CHANGE_NAMES = ("override", "file", "variable")
"""What a comment above the text of a spec begins with, where something changed the spec."""
EXTENDED, CHANGED = "extended to", "changed since"
"""What it begins with where a run has grown since, or has other values of keys that may change."""
_HEAD = "# The spec of this run, with everything worked in. Do not edit it here: copy it. sha256 of what follows: "


def as_yaml(content: Mapping[str, object]) -> str:
    """Write the keys of a spec as YAML, in their order."""
    import yaml

    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def literal(content: Mapping[str, object]) -> dict[str, object]:
    """Escape what would be read as a reference to a variable, in keys and texts."""
    return {_escaped(key): _literal(value) for key, value in content.items()}


def _literal(value: object) -> object:
    if isinstance(value, Mapping):
        return literal(value)
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return _escaped(value) if isinstance(value, str) else value


def _escaped(text: str) -> str:
    return text.replace("${", "$${")


def written_in_full(spec: Spec, folder: str | None = None) -> str:
    """Write a spec with all its defaults, as YAML that reads as the same spec.

    Args:
        folder: where the text will lie, so that paths in it are relative to that; by default the working folder.
    """
    content = spec.canonical()
    return as_yaml(literal(content if folder is None else with_paths_seen_from(content, folder)))


def written_briefly(spec: Spec) -> str:
    """Write a spec without what is at its default."""
    return as_yaml(literal(spec.model_dump(mode="json", exclude_defaults=True)))


def stands_alone(text: str) -> bool:
    """Whether the text of a spec, as a run keeps it, is all of the spec: nothing is extended, filled in or changed."""
    if text.startswith(tuple(f"# {name}: " for name in (*CHANGE_NAMES, EXTENDED, CHANGED))):
        return False
    root, _ = read_document(text, "spec")
    return not (isinstance(root, MappingNode) and {EXTENDS, VARS} & root.entries.keys())


def sealed(text: str) -> str:
    """Write the sha256 of a text above it."""
    return f"{_HEAD}{sha256(text.encode()).hexdigest()}\n{text}"


def is_sealed(text: str) -> bool:
    """Whether a text is as `sealed` wrote it."""
    head, _, body = text.partition("\n")
    return head == sealed(body).partition("\n")[0]
