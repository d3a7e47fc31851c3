"""Read a YAML file into a `Spec`, or report every problem in it."""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from synthgen.errors import Problem, SpecError
from synthgen.redaction import secret_in_address
from synthgen.spec import document
from synthgen.spec.bare import Data, Violation
from synthgen.spec.checks import check, check_attributes
from synthgen.spec.declared import Declared
from synthgen.spec.document import Node, read_document
from synthgen.spec.fields import Section
from synthgen.spec.messages import problems_of
from synthgen.spec.override import override
from synthgen.spec.place import KEY, found, locate
from synthgen.spec.spec import Spec

MAX_BYTES = 5_000_000
_Kind = TypeVar("_Kind", bound=Section)
_UTF16_OR_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_KEYS = "`synthgen schema` prints every key; docs/specs.md explains them."
_START = "`synthgen init` writes a spec to start from."
_FILE = "Check that this is the right file, and that it is UTF-8 text."
_YAML = "Fix the YAML there; the keys and values of the spec are checked after that."
_DECLARED = "A file of attributes may contain only the keys 'attributes', 'balance' and 'gates', written as in a spec."
_SECRETS = "The spec is published with its dataset. Put secrets in the environment, such as HF_TOKEN for hub models."


def read_spec(path: Path, overrides: Sequence[str] = ()) -> Spec:
    """Read and check the spec in `path`, with `overrides` such as "model.steps=20" applied in order.

    Raises:
        SpecError: with every problem, in the file's order, those of `overrides` last.
    """
    return parse_spec(read_text(path), file=str(path), overrides=overrides)


def parse_spec(text: str, *, file: str = "spec.yaml", overrides: Sequence[str] = ()) -> Spec:
    """Read and check the spec in `text`, as `read_spec` does; `file` is what problems name.

    Raises:
        SpecError: as `read_spec`.
    """
    _refuse_secrets(text, file, overrides)
    root, problems = _mapping(text, file)
    for each in overrides:
        root, more = override(root, each)
        problems += more
    spec, more = _validated(root, Spec, check)
    if problems or more or spec is None:
        raise _error([*problems, *more])
    return spec


def refusal(text: str, file: str, overrides: Sequence[str], findings: Sequence[Violation], hint: str) -> SpecError:
    """Make the error for problems found after a spec was read, with their places in its text."""
    root, _ = _mapping(text, file)
    for each in overrides:
        root, _ = override(root, each)
    return _error([_located(root, finding.path, finding.message) for finding in findings], hint)


def read_declared(path: Path) -> Declared:
    """Read and check a file with a spec's `attributes`, and its `balance` and `gates` where it has them.

    Raises:
        SpecError: as `read_spec`.
    """
    try:
        root, problems = _mapping(read_text(path), str(path))
    except SpecError as error:
        raise SpecError(error.problems, hint=_DECLARED) from None
    declared, more = _validated(root, Declared, _check_declared)
    if problems or more or declared is None:
        raise _error([*problems, *more], _DECLARED)
    return declared


def _check_declared(data: Data) -> Iterator[Violation]:
    # Copied from a spec, an attribute may name a prompt variable: nothing is prompted here.
    return (finding for finding in check_attributes(data) if finding.path[-1] != "variable")


def _mapping(text: str, file: str) -> tuple[Node, list[Problem]]:
    root, problems = read_document(text, file)
    if root is None:
        raise _error(problems, _YAML) if problems else _refused(file, "the file is empty", _START, line=1)
    if not isinstance(root, document.Mapping):
        problem = locate(root, ()).problem(f"expected keys such as `name: …`, found {found(root)}")
        raise _error([*problems, problem])
    return root, problems


def _refuse_secrets(text: str, file: str, overrides: Sequence[str]) -> None:
    """Refuse secrets, because the spec and its comments are kept with the run and shown in the dataset's card."""
    message = "the address contains a user name, a password or a token; remove it"
    if match := secret_in_address(text):
        before = text[: match.start()]
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        raise SpecError([Problem(file, line, column, message)], hint=_SECRETS)
    if any(map(secret_in_address, overrides)):
        raise SpecError([Problem("`overrides`", 0, 0, message)], hint=_SECRETS)


def _validated(
    root: Node, kind: type[_Kind], check: Callable[[Data], Iterator[Violation]]
) -> tuple[_Kind | None, list[Problem]]:
    data = document.plain(root)
    assert isinstance(data, Mapping)
    problems = [_located(root, finding.path, finding.message) for finding in check(data)]
    try:
        return kind.model_validate(data), problems
    except ValidationError as error:
        return None, [*problems_of(error, root), *problems]


def _located(root: Node, path: tuple[str | int, ...], message: str) -> Problem:
    place = locate(root, path)
    return place.problem(message, at_key=path[-1:] == (KEY,))


def _error(problems: list[Problem], hint: str = _KEYS) -> SpecError:
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: (not problem.line, problem.line, problem.column))
    return SpecError(ordered, hint=hint)


def read_text(path: Path) -> str:
    """Read the text of a spec file, without a byte-order mark.

    Raises:
        SpecError: the file cannot be read, is larger than `MAX_BYTES`, or is not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = f"Did you mean {close}?" if (close := _close_to(path)) else _START
        raise _refused(str(path), "file not found", hint) from None
    except IsADirectoryError:
        raise _refused(str(path), "this is a folder; expected a YAML file", "Give the YAML file in it.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(str(path), f"cannot be read: {reason}", "Check its permissions.") from None
    return decoded(data, str(path))


def decoded(data: bytes, file: str) -> str:
    """Decode the bytes of a spec, of which at most `MAX_BYTES` + 1 were read, and drop a byte-order mark.

    Raises:
        SpecError: they are more than `MAX_BYTES`, or not text in UTF-8.
    """
    if len(data) > MAX_BYTES:
        message = f"too large: more than {MAX_BYTES // 1_000_000} MB; a spec has a few kilobytes"
        raise _refused(file, message, _FILE, line=1)
    if data.startswith(_UTF16_OR_32):
        raise _refused(file, "the file is encoded as UTF-16 or UTF-32; save it as UTF-8", _FILE, line=1)
    text = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in text:
        raise _refused(file, "this is a binary file; expected YAML text", _FILE, line=1)

    try:
        return text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1
        message = f"the byte 0x{text[error.start]:02x} is not valid UTF-8; save the file as UTF-8"
        raise SpecError([Problem(file, line, column, message)], hint=_FILE) from None


def _refused(file: str, message: str, hint: str, *, line: int = 0) -> SpecError:
    """Refuse a whole file; where it could not be read, no line is to blame."""
    return SpecError([Problem(file, line, line, message)], hint=hint)


def _close_to(path: Path) -> str | None:
    """Find a spec whose name is like that of a file that does not exist."""
    folders = {path.parent, Path("specs")}
    known = {
        str(file.name): str(file) for folder in folders for end in ("yaml", "yml") for file in folder.glob(f"*.{end}")
    }
    close = get_close_matches(path.name, known, n=1)
    return known[close[0]] if close else None
