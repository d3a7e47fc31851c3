"""Paths in a spec: relative to the file that names them."""

import os
from collections.abc import Callable
from dataclasses import replace

from synthgen.spec.document import Mapping, Node, Scalar, Sequence

_FOLDER = "local-dir:"
_ANY = "*"


def with_paths(root: Mapping, folders: dict[str, str]) -> Mapping:
    """Return the spec with its relative paths as seen from the working folder.

    Args:
        folders: by file, its folder, empty for the working folder. Paths from elsewhere, such as an override's, stay as
            they are.
    """
    found: Node = root
    for path, moved in _PLACES:
        found = _changed(found, path, moved, folders)
    assert isinstance(found, Mapping)
    return found


def _changed(node: Node, path: tuple[str, ...], moved: Callable[[str, str], str], folders: dict[str, str]) -> Node:
    """Change the text at `path`, where there is one; `*` is every item of a list or entry of a mapping."""
    if not path:
        folder = folders.get(node.position.file, "")
        if not (folder and isinstance(node, Scalar) and isinstance(node.value, str)):
            return node
        text = moved(node.value, folder)
        return replace(node, value=text, text=text)
    first, rest = path[0], path[1:]
    if isinstance(node, Sequence) and first == _ANY:
        return replace(node, items=tuple(_changed(item, rest, moved, folders) for item in node.items))
    if isinstance(node, Mapping) and first == _ANY:
        inner = ((key, entry, _changed(entry.value, rest, moved, folders)) for key, entry in node.entries.items())
        return replace(node, entries={key: replace(entry, value=value) for key, entry, value in inner})
    if isinstance(node, Mapping) and first in node.entries:
        entry = node.entries[first]
        new = replace(entry, value=_changed(entry.value, rest, moved, folders))
        return replace(node, entries={**node.entries, first: new})
    return node


def _file(text: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, text)) if text.strip() and not text.startswith("~") else text


def _model(text: str, folder: str) -> str:
    """Move a model's folder. Any other id stays; a folder keeps a beginning that no id of the hub has."""
    if not text.startswith(("./", "../")):
        return text
    path = _file(text, folder)
    return path if path.startswith(("/", "../")) or path == ".." else f"./{path}"


def _judge(text: str, folder: str) -> str:
    return _FOLDER + _file(text.removeprefix(_FOLDER), folder) if text.startswith(_FOLDER) else text


_PLACES: tuple[tuple[tuple[str, ...], Callable[[str, str], str]], ...] = (
    (("model", "id"), _model),
    (("model", "adapters", _ANY, "id"), _model),
    (("model", "config"), _model),
    (("model", "components", _ANY), _model),
    (("model", "components", _ANY, "id"), _model),
    (("judge", "id"), _judge),
    (("filters", "learner", "model"), _file),
    (("source", "dataset"), _model),
    (("output", "against", _ANY), _model),
    (("output", "against", "sets", _ANY), _model),
    (("control", _ANY, "model"), _model),
    (("then", "model"), _model),
    (("then", _ANY, "model"), _model),
    (("reference", _ANY, "model"), _model),
    (("reference", _ANY, "encoder"), _model),
    (("reference", _ANY, "encoder", "id"), _model),
    (("reference", _ANY, "image"), _model),
    (("filters", "label", "calibration"), _file),
    (("filters", "kept", "calibration"), _file),
    (("filters", "changed", "calibration"), _file),
    (("filters", "box", "calibration"), _file),
    (("balance", _ANY, "target", "from"), _file),
    (("counts", "from"), _file),
    (("prompts", "variables", _ANY, "file"), _file),
    (("prompts", "expand", "file"), _file),
    (("prompts", "expand", "model"), _model),
    (("classes", _ANY, "variables", _ANY, "file"), _file),
)


def with_paths_seen_from(content: dict[str, object], folder: str) -> dict[str, object]:
    """Return the keys of a resolved spec with the folders of its models and pictures as seen from another folder.

    A resolved spec names no other files: thresholds and shares are in it.
    """
    found = dict(content)
    for key, moved in (("model", _model), ("judge", _judge)):
        section = found[key]
        if isinstance(section, dict) and isinstance(name := section["id"], str):
            found[key] = {**section, "id": moved(name, os.path.relpath(".", folder))}

    source = found.get("source")
    if isinstance(source, dict) and isinstance(place := source["dataset"], str):
        found["source"] = {**source, "dataset": _model(place, os.path.relpath(".", folder))}
    output = found.get("output")
    if isinstance(output, dict) and isinstance(against := output.get("against"), dict):
        seen_from = os.path.relpath(".", folder)
        sets = [_model(place, seen_from) for place in against["sets"]]
        found["output"] = {**output, "against": {**against, "sets": sets}}
    for key in ("control", "then"):
        if isinstance(several := found.get(key), list):
            moved_by = os.path.relpath(".", folder)
            found[key] = [
                {**each, "model": _model(each["model"], moved_by)} if isinstance(each.get("model"), str) else each
                for each in several
            ]
    references = found.get("reference")
    if isinstance(references, list):
        found["reference"] = [_reference(each, os.path.relpath(".", folder)) for each in references]
    model = found["model"]
    if isinstance(model, dict) and isinstance(adapters := model.get("adapters"), list):
        seen = [{**each, "id": _model(each["id"], os.path.relpath(".", folder))} for each in adapters]
        model = found["model"] = {**model, "adapters": seen}
    if isinstance(model, dict) and isinstance(parts := model.get("components"), dict):
        others = {
            name: {**each, "id": _model(each["id"], os.path.relpath(".", folder))} for name, each in parts.items()
        }
        model = found["model"] = {**model, "components": others}
    if isinstance(model, dict) and isinstance(config := model.get("config"), str):
        found["model"] = {**model, "config": _model(config, os.path.relpath(".", folder))}
    return found


def _reference(reference: dict[str, object], folder: str) -> dict[str, object]:
    """Move the folders and the picture of a reference."""
    moved = {key: _model(text, folder) for key in ("model", "image") if isinstance(text := reference.get(key), str)}
    encoder = reference.get("encoder")
    if isinstance(encoder, dict) and isinstance(place := encoder.get("id"), str):
        return {**reference, **moved, "encoder": {**encoder, "id": _model(place, folder)}}
    return {**reference, **moved}
