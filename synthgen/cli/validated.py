"""What `synthgen validate` says of specs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from synthgen.cli.answer import Answer
from synthgen.cli.units import counted
from synthgen.errors import ModelError, Problem, SpecError, UsageError

if TYPE_CHECKING:
    from synthgen.cli.sources import Changes


class _Valid(NamedTuple):
    """A spec that is valid, with what its author should know, and the models that were looked up."""

    file: str
    name: str
    images: int
    classes: int
    notes: list[str]
    models: list[dict[str, str]]

    def lines(self) -> Iterator[str]:
        images, classes = counted(self.images, "image"), counted(self.classes, "class", "classes")
        yield f"{self.file} is valid: {images} in {classes}"
        yield from (f"  found {each['key']} {each['id']} ({each['revision']})" for each in self.models)
        yield from (f"  note: {note}" for note in self.notes)


def answer_of_specs(specs: Sequence[str], changes: Changes, *, models: bool) -> Answer:
    """Check specs, and give all their problems at once.

    Args:
        models: also look their models up.
    """
    from synthgen.api.long_texts import texts_here
    from synthgen.api.planning import steering_notes
    from synthgen.api.text_notes import notes_of
    from synthgen.cli.sources import STDIN, checked, looked_up
    from synthgen.planning import gate_needs

    if specs.count(STDIN) > 1:
        raise UsageError("standard input (-) can be read only once", argument="specs")
    valid: list[_Valid] = []
    problems: dict[Problem, None] = {}  # problems of --set only once
    hints: dict[str, None] = {}
    unchecked: list[ModelError] = []
    for spec in specs:
        try:
            found, there = looked_up(spec, changes) if models else (checked(spec, changes)[0], [])
        except SpecError as error:
            problems |= dict.fromkeys(error.problems)
            hints |= dict.fromkeys(filter(None, [error.hint]))
        except ModelError as error:
            unchecked.append(error)
        else:
            pinned = {each.key: each.revision for each in there}
            notes = [
                *steering_notes(found),
                *(notes_of(found, texts_here(found), pinned.get("judge.id")) if models else ()),
            ]
            notes += [each.sentence for each in gate_needs(found) if not each.can_pass]
            named = [asdict(each) for each in there]
            valid.append(_Valid(spec, found.name, found.total, len(found.classes), notes, named))

    lines = [line for each in valid for line in each.lines()]
    failed = SpecError(problems, hint="\n".join(hints) or None) if problems else _joined(unchecked)
    return Answer(result={"specs": [each._asdict() for each in valid]}, lines=lines, error=failed)


def _joined(errors: Sequence[ModelError]) -> ModelError | None:
    """Make one error of several; trying again may help if it may help with one."""
    if not errors:
        return None
    worst = max(errors, key=lambda error: error.exit_code)
    return type(worst)("\n".join(error.message for error in errors), hint=worst.hint)
