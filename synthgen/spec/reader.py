"""Read a spec into a `Spec`, or report every problem in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from synthgen.errors import Problem, SpecError
from synthgen.spec import document
from synthgen.spec.bare import Data, Violation
from synthgen.spec.checks import check, check_attributes
from synthgen.spec.compose import composed, read_mapping
from synthgen.spec.declared import Declared
from synthgen.spec.document import Node
from synthgen.spec.early_plan import check_early
from synthgen.spec.fields import Section
from synthgen.spec.messages import problems_of
from synthgen.spec.place import KEY, locate
from synthgen.spec.source import Settings, SpecText
from synthgen.spec.spec import Spec
from synthgen.spec.text import KEYS_HINT, VARIABLES_HINT, read_text

_Kind = TypeVar("_Kind", bound=Section)

_DECLARED = "A file of attributes may contain only the keys 'attributes', 'balance' and 'gates', written as in a spec."


def text_of_file(path: Path, file: str | None = None) -> SpecText:
    """Read the text of a spec's file; `file` is what messages call it.

    Raises:
        SpecError: as `read_text`.
    """
    folder = str(path.parent)
    return SpecText(read_text(path), file or str(path), folder="" if folder == "." else folder)


def read_spec(path: Path, overrides: Sequence[str] = ()) -> Spec:
    """Read and check the spec in `path`, with `overrides` such as "model.steps=20" applied in order.

    Raises:
        SpecError: with every problem, in the file's order, those of `overrides` last.
    """
    return checked(text_of_file(path), Settings(overrides))


def parse_spec(text: str, *, file: str = "spec.yaml", overrides: Sequence[str] = ()) -> Spec:
    """Read and check the spec in `text`, as `read_spec` does; `file` is what problems name.

    Raises:
        SpecError: as `read_spec`.
    """
    return checked(SpecText(text, file), Settings(overrides))


def checked(source: SpecText, settings: Settings) -> Spec:
    """Work everything into a spec that `settings` and other files say of it, and check the result.

    Raises:
        SpecError: as `read_spec`.
    """
    root, problems = composed(source, settings)
    spec, more = _validated(root, Spec, check)
    more += [_located(root, found.path, found.message) for found in check_early(spec)] if spec is not None else []
    if problems or more or spec is None:
        raise _error([*problems, *more])
    return spec


def refusal(source: SpecText, settings: Settings, findings: Sequence[Violation], hint: str) -> SpecError:
    """Make the error for problems found after a spec was read, with their places in its text."""
    root, _ = composed(source, settings)
    return _error([_located(root, finding.path, finding.message) for finding in findings], hint)


def read_declared(path: Path) -> Declared:
    """Read and check a file with a spec's `attributes`, and its `balance` and `gates` where it has them.

    Raises:
        SpecError: as `read_spec`.
    """
    try:
        root, problems = read_mapping(read_text(path), str(path))
    except SpecError as error:
        raise SpecError(error.problems, hint=_DECLARED) from None
    declared, more = _validated(root, Declared, _check_declared)
    if problems or more or declared is None:
        raise _error([*problems, *more], _DECLARED)
    return declared


def _check_declared(data: Data) -> Iterator[Violation]:
    # Copied from a spec, an attribute may name a prompt variable: nothing is prompted here.
    return (finding for finding in check_attributes(data) if finding.path[-1] != "variable")


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


def _error(problems: list[Problem], hint: str = KEYS_HINT) -> SpecError:
    """Make one error of all problems: those of each file in its order, those without a line last."""
    files = {problem.file: index for index, problem in reversed(list(enumerate(problems)))}
    ordered = sorted(
        dict.fromkeys(problems),
        key=lambda problem: (
            not problem.line,
            files[problem.file] if problem.line else 0,
            problem.line,
            problem.column,
        ),
    )
    if all(problem.file.startswith("`variables=") for problem in problems):
        hint = VARIABLES_HINT
    return SpecError(ordered, hint=hint)
