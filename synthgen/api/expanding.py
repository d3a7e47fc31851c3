"""Asking a language model for the prompts of a spec: the one step that does, and only when the user calls it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import device_of, flag_of, one_spelling, text_of, texts_of
from synthgen.api.specs import SpecSource, checked_spec, read_source
from synthgen.api.writers import key_of, origin, writer_of
from synthgen.errors import ModelError, UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import check_file, write_file
from synthgen.inert import inert
from synthgen.spec import Settings, Spec
from synthgen.spec.expanded import named, steered_cells
from synthgen.spec.prompt_file import (
    PromptFile,
    PromptFileError,
    WrittenPrompts,
    question_of,
    read_prompt_file,
    written_name,
)

if TYPE_CHECKING:
    from synthgen.expanding.asking import PromptWriter
    from synthgen.expanding.checks import ClassChecks
    from synthgen.spec.expand import Expand

_WORDS = 0.7
"""Words of a prompt that is not too long, for each token that the image model reads: as told to the language model."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The prompts that a language model wrote for a spec.

    Attributes:
        file: where they are.
        model: its name; `revision` is None for an endpoint.
        cells: for each class and each combination of the values that steer its balance, the prompts, how often the
            model was asked for them, and how many of its texts were not used, by reason.
        requests: how often it was asked now; 0 if all prompts were there.
        removed: how many prompts of the file are not used any more.

    Example:
        >>> synthgen.Expansion(pathlib.Path("prompts.json"), "owner/writer", None, cells=(), requests=0, removed=0)
        <Expansion prompts.json: 0 prompts by owner/writer>
    """

    file: Path
    model: str
    revision: str | None
    cells: tuple[WrittenPrompts, ...]
    requests: int
    removed: int

    def __repr__(self) -> str:
        return f"<Expansion {inert(str(self.file))}: {self.total:,} prompts by {inert(self.model)}>"

    @property
    def total(self) -> int:
        return sum(len(cell.texts) for cell in self.cells)


@one_spelling
def expand(
    spec: SpecSource,
    *,
    again: bool = False,
    allow: Collection[str] = (),
    key_from: str | None = None,
    device: str = "auto",
    on_progress: OnProgress = ignore,
) -> Expansion:
    """Ask the language model of `prompts.expand` for prompts, and write them to its file.

    What the file has already is kept, and not asked for again.

    Args:
        again: ask for all prompts again.
        allow: endpoints on other machines that may be asked, such as "https://api.example.com".
        key_from: the environment variable that has the key of the endpoint. A spec cannot name it.
        device: for a model of transformers.

    Raises:
        SpecError: the spec has a problem.
        UsageError: it has no `prompts.expand`; the endpoint is not allowed; the file is of another question.
        ModelUnavailable: the endpoint or the hub cannot be reached, or is too slow.
        ModelError: the model cannot be used, or gives too few prompts that can be used. What it gave is kept.

    Example:
        >>> synthgen.expand("specs/quickstart.yaml")
        Traceback (most recent call last):
        ...
        synthgen.errors.UsageError: it has no `prompts.expand`, so there is nothing to ask
    """
    again, allow, device = flag_of(again, "again"), texts_of(allow, "allow"), device_of(device)
    key_from = None if key_from is None else text_of(key_from, "key_from", "the name of an environment variable")
    found = checked_spec(read_source(spec, "spec"), Settings(reads_prompts=False), calibrated=False)
    return ask_writer(found, again=again, allow=allow, key_from=key_from, device=device, on_progress=on_progress)


def ask_writer(
    spec: Spec,
    *,
    again: bool,
    allow: Collection[str],
    key_from: str | None,
    device: str,
    on_progress: OnProgress = ignore,
) -> Expansion:
    """As `expand`, for a spec that was read without its file of prompts."""
    from synthgen.expanding.checks import PromptChecks

    question = spec.prompts.expand
    if question is None or question.file is None:
        what = "it has the prompts themselves" if question else "it has no `prompts.expand`"
        raise UsageError(
            f"{what}, so there is nothing to ask", hint="docs/prompts.md shows how to ask a language model."
        )
    path = Path(question.file).expanduser()
    check_file(path)
    before = None if again else _before(path, question)
    key = key_of(key_from, question)
    writer = writer_of(question, device_of(device), key, allow)
    if before is not None and (before.revision, before.endpoint is None) != (
        writer.revision,
        question.endpoint is None,
    ):
        raise UsageError(
            f"{path} was written by another version of the model", hint="`again=True` asks for all of them again."
        )

    from synthgen.api.long_texts import cutting

    is_cut, tokens = cutting(spec)
    checks = PromptChecks(spec, is_cut)
    of_class = {name: checks.of_class(name) for name in spec.classes}
    cells = [
        _kept(before, name, values, of_class[name])
        for name in spec.classes
        for values in steered_cells(spec.canonical())
    ]
    removed = (sum(len(cell.texts) for cell in before.cells if cell.of in spec.classes) if before else 0) - sum(
        len(cell.texts) for cell in cells
    )
    others = tuple(cell for cell in (before.cells if before else ()) if cell.of not in spec.classes)
    asking = _Asking(spec, question, writer, path, others, tokens, on_progress)
    requests = asking.fill(cells, of_class)
    if requests or removed or before is None:
        asking.keep(cells)
    found = Expansion(path, writer.model, writer.revision, tuple(cells), requests, removed)
    _check_enough(found, question)
    return found


class _Asking:
    """Fills cells one after the other. The file always has what there is: asking may cost money."""

    def __init__(
        self,
        spec: Spec,
        question: Expand,
        writer: PromptWriter,
        path: Path,
        others: Sequence[WrittenPrompts],
        tokens: int | None,
        on_progress: OnProgress,
    ) -> None:
        self._spec, self._question, self._writer, self._path = spec, question, writer, path
        self._others, self._tokens, self._on_progress = others, tokens, on_progress

    def fill(self, cells: list[WrittenPrompts], of_class: dict[str, ClassChecks]) -> int:
        """Put the prompts that cells lack into them; return how often the model was asked."""
        from synthgen.expanding.asking import PromptRequest, ask_for

        wanted, requests = self._question.n, 0
        for index, cell in enumerate(cells):
            self._report(cells, index, len(cell.texts))
            if len(cell.texts) >= wanted:
                continue
            kind = self._spec.classes[cell.of]
            request = PromptRequest(
                cell.of,
                cell.values,
                wanted,
                kind.definition,
                self._question.instructions,
                words=max(3, int(self._tokens * _WORDS)) if self._tokens else None,
                others=tuple(name for name in self._spec.classes if name != cell.of),
            )
            filled = ask_for(
                self._writer,
                cell,
                wanted,
                of_class[cell.of],
                request,
                self._question.seed,
                partial(self._report, cells, index),
            )
            requests += filled.requests - cell.requests
            cells[index] = filled
            self.keep(cells)
        return requests

    def keep(self, cells: Sequence[WrittenPrompts]) -> None:
        question, writer = self._question, self._writer
        file = PromptFile(
            asked=question.name or written_name(question.model or ""),
            model=writer.model,
            revision=writer.revision,
            endpoint=origin(question.endpoint) if question.endpoint else None,
            instructions=question.instructions,
            temperature=question.temperature,
            seed=question.seed,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            cells=(*cells, *self._others),
        )
        write_file(self._path, file.to_json())

    def _report(self, cells: Sequence[WrittenPrompts], index: int, count: int) -> None:
        done = sum(len(cell.texts) for place, cell in enumerate(cells) if place != index) + count
        step = f"asking {self._writer.model}"
        self._on_progress(StepProgress(step, "prompts", done, self._question.n * len(cells)))


def _before(path: Path, question: Expand) -> PromptFile | None:
    """Read the file that is there; None if there is none.

    Raises:
        UsageError: it is not such a file, or that of another question.
    """
    again = "`again=True` asks for all of them again, and replaces the file."
    try:
        found, _ = read_prompt_file(path)
    except FileNotFoundError:
        return None
    except PromptFileError as error:
        raise UsageError(str(error), hint=f"Move it away. {again}") from None
    asked = question_of(question)
    for key, before in found.question().items():
        if key not in asked or asked[key] != before:
            raise UsageError(f"{path} has prompts that were asked for with another prompts.expand.{key}", hint=again)
    return found


def _kept(before: PromptFile | None, name: str, values: dict[str, str], checks: ClassChecks) -> WrittenPrompts:
    """Return the prompts of a cell that are there and still pass every check."""
    for cell in before.cells if before else ():
        if cell.of == name and cell.values == values:
            texts = tuple(text for text in cell.texts if checks.take(text, values) is None)
            return cell.model_copy(update={"texts": texts})
    return WrittenPrompts(of=name, values=values)


def _check_enough(found: Expansion, question: Expand) -> None:
    """Refuse too few prompts, unless the spec allows them.

    Raises:
        ModelError: a cell has too few.
    """
    least = 1 if question.allow_fewer else question.n
    short = [cell for cell in found.cells if len(cell.texts) < least]
    if short:
        lines = "\n".join(_short(cell, question.n) for cell in short[:20])
        more = f"\nand {len(short) - 20} more" if len(short) > 20 else ""
        hint = (
            f"{found.file} keeps them: the same command asks for more. Or change prompts.expand: a smaller n, other "
            "instructions, a higher temperature, allow_fewer, another model."
        )
        raise ModelError(f"{found.model} gave too few prompts that can be used:\n{lines}{more}", hint=hint)


def _short(cell: WrittenPrompts, wanted: int) -> str:
    why = "; ".join(refusals(cell)) or "it gave no others"
    return f"{named(cell.of, cell.values)}: {len(cell.texts)} of {wanted} in {cell.requests} requests; {why}"


def refusals(cell: WrittenPrompts) -> Iterator[str]:
    """Say of how many texts what was wrong, the most frequent first."""
    yield from (f"{count} {reason}" for reason, count in cell.refused.items())
