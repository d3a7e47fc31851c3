"""The keys of a spec, from everything that they come from: its file, those it extends, and what the call changes."""

import os
import re
from pathlib import Path

from synthgen.errors import Problem, SpecError
from synthgen.redaction import secret_in_address
from synthgen.spec.document import MAX_DEPTH, MAX_NODES, Entry, Mapping, Node, Position, Scalar, Sequence, read_document
from synthgen.spec.extend import EXTENDS_HINT, Extending
from synthgen.spec.merge import mapping_of, merged
from synthgen.spec.override import override, put
from synthgen.spec.paths import with_paths
from synthgen.spec.place import found, locate
from synthgen.spec.preset import with_preset
from synthgen.spec.prompt_file import with_prompt_file
from synthgen.spec.source import Settings, SpecText
from synthgen.spec.text import KEYS_HINT, START_HINT, YAML_HINT, place_after, read_text, refused
from synthgen.spec.value_files import with_value_files
from synthgen.spec.variables import with_values

EXTENSION = "x-"
"""Top-level keys with this beginning mean nothing to synthgen: they become part of `metadata`."""
_METADATA = "metadata"
_FILE_OF_KEY = re.compile(r"([\w-][\w .-]*)=(.+)", re.DOTALL)
_YAML, _LINES = (".yaml", ".yml", ".json"), ".txt"
_ADDRESS = "the address contains a user name, a password or a token; remove it"
_GIVEN_FILE = "Check the name of the file; it is relative to the working folder."
_SECRETS = "The spec is published with its dataset. Put secrets in the environment, such as HF_TOKEN for hub models."


def composed(source: SpecText, settings: Settings) -> tuple[Mapping, list[Problem]]:
    """Return the keys of a spec with everything worked in, each with its place, and the problems on the way.

    In this order: what it extends, files and overrides of `settings`, variables, paths, files of values, the file of a
    language model's prompts, the preset.

    Raises:
        SpecError: the text is not a mapping in YAML, or there is a secret.
    """
    _refuse_secrets(settings)
    own, problems = read_mapping(source.text, source.file)
    folder, working = source.folder or "", Path(os.path.realpath("."))
    folders = {source.file: folder}
    chain = () if source.folder is None else (os.path.realpath(source.file),)
    extending = Extending(_read_file, (Path(os.path.realpath(folder)), working), folders, problems)
    root: Node = extending.whole(own, folder, chain)
    if extending.refused:  # their keys would be reported as missing
        raise SpecError(extending.refused, hint=EXTENDS_HINT)

    for each in settings.files:
        root, more = _with_file(root, each, folders)
        problems += more
    for each in settings.overrides:
        root, more = override(root, each)
        problems += more
    assert isinstance(root, Mapping)
    if root.size > MAX_NODES or root.depth > MAX_DEPTH:
        raise refused(
            source.file, f"too large with what it extends: more than {MAX_NODES:,} values", START_HINT, line=1
        )
    root, more = with_values(root, settings.variables)
    filled, unreadable = with_value_files(with_paths(_with_metadata(root), folders))
    filled, unread = with_prompt_file(filled) if settings.reads_prompts else (filled, [])
    return with_preset(filled), [*problems, *more, *unreadable, *unread]


def read_mapping(text: str, file: str) -> tuple[Mapping, list[Problem]]:
    """Read a document whose root is a mapping.

    Raises:
        SpecError: it is not one, or it has a secret: a spec and its comments are kept with the run and shown in the
            dataset's card.
    """
    if match := secret_in_address(text):
        line, column = place_after(text[: match.start()])
        raise SpecError([Problem(file, line, column, _ADDRESS)], hint=_SECRETS)
    root, problems = read_document(text, file)
    if root is None:
        if problems:
            raise SpecError(sorted(problems, key=lambda each: (each.line, each.column)), hint=YAML_HINT)
        raise refused(file, "the file is empty", START_HINT, line=1)
    if not isinstance(root, Mapping):
        problem = locate(root, ()).problem(f"expected keys such as `name: …`, found {found(root)}")
        raise SpecError([*problems, problem], hint=KEYS_HINT)
    return root, problems


def _read_file(path: Path) -> tuple[Mapping, list[Problem]]:
    return read_mapping(read_text(path), str(path))


def _refuse_secrets(settings: Settings) -> None:
    given = {"overrides": settings.overrides, "variables": settings.variables.values()}
    for argument, texts in given.items():
        if any(map(secret_in_address, texts)):
            raise SpecError([Problem(f"`{argument}`", 0, 0, _ADDRESS)], hint=_SECRETS)


def _with_file(root: Node, text: str, folders: dict[str, str]) -> tuple[Node, list[Problem]]:
    """Lay the content of a file over the keys: KEY=FILE over one of them, FILE over all."""
    origin = Position('`files="{}"`'.format(text.replace("`", "'")), 0, 0)
    match = _FILE_OF_KEY.fullmatch(text)
    keys, path = (match[1].split("."), Path(match[2])) if match else ([], Path(text))
    if not all(keys):
        return root, [origin.problem("expected KEY=FILE, such as prompts.templates=prompts.txt")]
    try:
        if path.exists() and not path.is_file():
            raise refused(str(path), "this is not a file", START_HINT)
        node, problems = _content(path, is_value=bool(keys))
    except SpecError as error:
        if any(each.line for each in error.problems):
            return root, [each if each.line else origin.problem(f"{path}: {each.message}") for each in error.problems]
        hint = error.hint if error.hint != START_HINT else _GIVEN_FILE
        raise SpecError([origin.problem(f"{path}: {each.message}") for each in error.problems], hint=hint) from None

    folders[str(path)] = str(path.parent)
    if problems or node is None:
        return root, problems or [origin.problem(f"{path}: the file is empty")]
    if not keys:
        return merged(root, node), []
    return put(root, keys, node, origin)


def _content(path: Path, *, is_value: bool) -> tuple[Node | None, list[Problem]]:
    """Read YAML or JSON, or the lines of a .txt that are not blank, as a list of texts.

    Raises:
        SpecError: the file cannot be read, or has another ending.
    """
    ending = path.suffix.lower()
    if ending in _YAML:
        return read_document(read_text(path), str(path)) if is_value else _read_file(path)
    if ending == _LINES and is_value:
        lines = [(number, line.strip()) for number, line in enumerate(read_text(path).splitlines(), 1)]
        items = [Scalar(Position(str(path), number, 1), line, line) for number, line in lines if line]
        if len(items) > MAX_NODES:
            raise refused(str(path), f"too large: more than {MAX_NODES:,} lines", START_HINT)
        return (Sequence(items[0].position, tuple(items), len(items) + 1, 1) if items else None), []
    endings = ", ".join((*_YAML, _LINES) if is_value else _YAML)
    raise refused(str(path), f"expected a file that ends in {endings}", START_HINT)


def _with_metadata(root: Mapping) -> Mapping:
    """Move keys such as `x-team` into `metadata`."""
    extra = {key: entry for key, entry in root.entries.items() if key.startswith(EXTENSION)}
    metadata = root.entries.get(_METADATA)
    if not extra or (metadata is not None and not isinstance(metadata.value, Mapping)):
        return root
    rest = {key: entry for key, entry in root.entries.items() if key not in extra}
    position = next(iter(extra.values())).key
    there = metadata.value if metadata is not None else Mapping(position, {}, 1, 1)
    assert isinstance(there, Mapping)
    together = mapping_of(there, {**there.entries, **extra})
    return mapping_of(root, {**rest, _METADATA: Entry(metadata.key if metadata else position, together)})
