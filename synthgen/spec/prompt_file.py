"""The file of prompts that `synthgen expand` writes, and a spec names: read once, so that the plan has what it says."""

import hashlib
import json
from collections.abc import Iterator
from collections.abc import Mapping as Values
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from synthgen.bounded import read_bounded
from synthgen.errors import Problem
from synthgen.inert import INVISIBLE
from synthgen.seal import seal, unseal
from synthgen.spec.document import MAX_NODES, Entry, Mapping, Node, Position, Scalar, Sequence
from synthgen.spec.expand import Expand
from synthgen.spec.expanded import check_expand
from synthgen.spec.fields import ClassName, Section, Text, VariableName
from synthgen.spec.merge import mapping_of
from synthgen.spec.place import quoted

_MOST_BYTES = 64 * 2**20


class WrittenPrompts(Section):
    """What a language model wrote for a class and some values.

    Attributes:
        requests: how often it was asked.
        refused: of its answers, how many could not be used, by reason.
    """

    of: ClassName
    values: Values[VariableName, Text] = {}
    texts: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    requests: Annotated[int, Field(ge=0)] = 0
    refused: Values[str, int] = {}


class PromptFile(Section):
    """The content of the file.

    Attributes:
        asked: the model as the spec names it: a folder without its path, a hub id, or the name at an endpoint.
        model: the model's name in its own words.
        endpoint: the scheme, host and port of the endpoint; None for a model of transformers.
        date: the day of the last answer.
    """

    synthgen_prompts: Literal[1] = 1
    asked: Text
    model: Text
    revision: Text | None = None
    endpoint: Text | None = None
    instructions: Text | None = None
    temperature: float
    seed: int
    date: Text
    cells: Annotated[tuple[WrittenPrompts, ...], Field(strict=False)] = ()

    def to_json(self) -> bytes:
        return seal(json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False)).encode()

    def question(self) -> dict[str, object]:
        """What the model was asked, as far as it decides what it writes: by key of the spec."""
        return {
            "name" if self.endpoint else "model": self.asked,
            "instructions": self.instructions,
            "temperature": self.temperature,
            "seed": self.seed,
        }


class PromptFileError(Exception):
    """A file that cannot be used; the message says why."""


def question_of(expand: Expand) -> dict[str, object]:
    """What a spec asks of its model, as `PromptFile.question`."""
    who = ("name", expand.name) if expand.endpoint else ("model", written_name(expand.model or ""))
    return {who[0]: who[1], "instructions": expand.instructions, "temperature": expand.temperature, "seed": expand.seed}


def written_name(model: str) -> str:
    """Name a model without the path of its folder, which says nothing elsewhere."""
    return Path(model).name or model if model.startswith((".", "/", "~")) else model


def read_prompt_file(path: Path) -> tuple[PromptFile, str]:
    """Read the file, with its sha256.

    Raises:
        FileNotFoundError: there is none.
        PromptFileError: it cannot be used.
    """
    try:
        content = read_bounded(path, _MOST_BYTES)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PromptFileError(f"{path} cannot be read: {reason}") from None
    try:
        found, is_sealed = unseal(content.decode("utf-8"))
        file = PromptFile.model_validate(found)
    except (ValueError, ValidationError) as error:
        is_validation = isinstance(error, ValidationError)
        why = "it has other entries than `synthgen expand` writes" if is_validation else str(error)
        raise PromptFileError(f"{path} is not a file of `synthgen expand`: {why}") from None
    if not is_sealed:
        raise PromptFileError(f"{path} is not a file of `synthgen expand`: it has no sha256 of its own")
    return file, hashlib.sha256(content).hexdigest()


def with_prompt_file(root: Mapping) -> tuple[Mapping, list[Problem]]:
    """Put the prompts of the file that `prompts.expand` names in the place of the question.

    The path is as seen from the working folder. A spec that has prompts already is left as it is.
    """
    prompts = root.entries.get("prompts")
    expand = prompts.value.entries.get("expand") if prompts and isinstance(prompts.value, Mapping) else None
    if prompts is None or expand is None or not isinstance(expand.value, Mapping):
        return root, []
    node = expand.value
    file = node.entries.get("file")
    if file is None or not isinstance(file.value, Scalar) or "prompts" in node.entries:
        return root, []

    content = _plain(node)
    try:
        question = Expand.model_validate(content)
    except ValidationError:
        return root, []  # reported elsewhere
    if any(check_expand({"prompts": {"expand": content}})):
        return root, []  # likewise
    assert isinstance(prompts.value, Mapping)
    try:
        found, digest = read_prompt_file(Path(question.file or "").expanduser())
        read = _filled(node, file, question, _of_classes(found, root), digest)
    except FileNotFoundError:
        what = f"there is no file {file.value.text}: `synthgen expand` asks the model, and writes it"
        return root, [file.value.position.problem(f"prompts.expand.file: {what}")]
    except PromptFileError as error:
        return root, [file.value.position.problem(f"prompts.expand.file: {error}")]

    inner = mapping_of(prompts.value, {**prompts.value.entries, "expand": Entry(expand.key, read)})
    return mapping_of(root, {**root.entries, "prompts": Entry(prompts.key, inner)}), []


def _of_classes(found: PromptFile, root: Mapping) -> PromptFile:
    """Leave out what was written for classes that the spec does not have."""
    classes = root.entries.get("classes")
    known = classes.value.entries if classes is not None and isinstance(classes.value, Mapping) else {}
    return found.model_copy(update={"cells": tuple(cell for cell in found.cells if cell.of in known)})


def _filled(node: Mapping, file: Entry, question: Expand, found: PromptFile, digest: str) -> Mapping:
    """Write what a file says as keys of a spec."""
    asked = question_of(question)
    for key, before in found.question().items():
        if key not in asked or asked[key] != before:
            raise PromptFileError(
                f"{question.file} was asked with {key}: {_shown(before)}, and not {_shown(asked.get(key))}: "
                "`synthgen expand` can ask for all of them again"
            )
    classes: dict[str, list[object]] = {}
    for cell in found.cells:
        if len(cell.texts) < (1 if question.allow_fewer else question.n):
            raise PromptFileError(
                f"{question.file} has {len(cell.texts)} of {question.n} prompts for {quoted(_named(cell))}: "
                "`synthgen expand` asks for more, or set 'allow_fewer'"
            )
        texts = list(cell.texts[: question.n])
        if any(map(INVISIBLE.search, texts)):
            raise PromptFileError(f"{question.file} has invisible characters in a prompt for {quoted(_named(cell))}")
        classes.setdefault(cell.of, []).append({"values": dict(cell.values), "texts": texts})
    written_by = {
        "file": Path(question.file or "").name,
        "sha256": digest,
        **{key: getattr(found, key) for key in ("model", "revision", "instructions", "temperature", "seed")},
    }
    content = {"prompts": classes, "written_by": {key: each for key, each in written_by.items() if each is not None}}
    position = file.value.position
    put = {key: Entry(file.key, _node(each, position)) for key, each in content.items()}
    if sum(each.value.size for each in put.values()) > 10 * MAX_NODES:
        raise PromptFileError(f"{question.file} has more than {5 * MAX_NODES:,} prompts")
    rest = {key: entry for key, entry in node.entries.items() if key == "weight"}
    return mapping_of(node, {**rest, **put})


def _named(cell: WrittenPrompts) -> str:
    return ", ".join([cell.of, *(f"{name}={value}" for name, value in cell.values.items())])


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:80]


def _plain(node: Mapping) -> dict[str, object]:
    return dict(_scalars(node))


def _scalars(node: Mapping) -> Iterator[tuple[str, object]]:
    for key, entry in node.entries.items():
        yield key, entry.value.value if isinstance(entry.value, Scalar) else None


def _node(value: object, position: Position) -> Node:
    if isinstance(value, dict):
        entries = {key: Entry(position, _node(each, position)) for key, each in value.items()}
        return mapping_of(Mapping(position, {}, 1, 1), entries)
    if isinstance(value, list):
        items = tuple(_node(each, position) for each in value)
        return Sequence(position, items, 1 + sum(item.size for item in items), 1 + max(item.depth for item in items))
    assert isinstance(value, str | int | float)
    return Scalar(position, value, str(value))
