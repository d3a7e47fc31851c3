"""Prompts of a spec of which a model would read only the beginning. Loads no weights, and no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from synthgen import bundled
from synthgen.api.controls import control_models
from synthgen.api.recorded_model import RecordedModel, recorded
from synthgen.api.references import reference_models
from synthgen.errors import ModelError, UsageError
from synthgen.spec import BUNDLED_MODEL, PLUGIN, PromptSpace, Spec, Violation, spaces_of

if TYPE_CHECKING:
    from synthgen.families import PipelineCall
    from synthgen.families.encoders import Encoder
    from synthgen.families.tokens import Counter, Cut
    from synthgen.models import ModelSource

_ALL = 4096
"""Up to how many prompts of a template are counted each; of more, some and those with the longest values."""
_CLIP = 77
"""Tokens that CLIP reads."""
_SHOWN = 160
"""Letters of what would be cut off, in a message."""
HINT = "Shorten these texts: what is cut off has no effect, and nothing says so in the pictures."

_Path = tuple[str | int, ...]


class TextLengthError(UsageError):
    """Texts are longer than what reads them.

    Args:
        findings: each text, with its place in the spec.
    """

    def __init__(self, findings: Sequence[Violation]) -> None:
        lines = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in findings]
        super().__init__("\n".join(lines), hint=HINT)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class PromptLength:
    """How long the longest prompt of a spec is for a text encoder.

    Attributes:
        part: its tokenizer.
        tokens: how many; None if they were not counted.
        size: bytes of the longest prompt, which has no more tokens than these.
        limit: how many tokens it reads; None if it has no limit that is known.
    """

    part: str
    tokens: int | None
    size: int
    limit: int | None


class TextLengths(NamedTuple):
    """What was found out about the lengths of a spec's texts.

    Attributes:
        findings: texts that would be cut.
        notes: what is cut for one encoder and read by another, or could not be counted.
        counted: whether the tokens of all prompts were counted.
        lengths: of the longest prompt, for each text encoder.
    """

    findings: list[Violation]
    notes: list[str]
    counted: bool
    lengths: tuple[PromptLength, ...]


class _Reader(NamedTuple):
    part: str
    counter: Counter
    limit: int | None


def long_texts(spec: Spec, call: PipelineCall, source: ModelSource) -> TextLengths:
    """Count the tokens of all prompts that a spec can give, and of its negative prompt, for each text encoder."""
    from synthgen.families.encoders import encoders_of

    findings, notes = list[Violation](), list[str]()
    encoders = encoders_of(call, source.read_cached("model_index.json"))
    readers = [reader for each in encoders if (reader := _reader(each, call, spec, source))]
    missing = [each.part for each in encoders if each.part not in {one.part for one in readers}]
    if missing and not isinstance(source, RecordedModel):
        notes.append(f"tokens of prompts were not counted for {', '.join(missing)}: it has no file that can be read")

    short, most, size = dict[str, int](), dict[str, int](), 0
    for path, class_name, space in _spaces(spec):
        texts = list(_rendered(space, class_name, readers))
        finding, note = _cut(texts, readers, f"a prompt of the class {class_name}")
        if finding and path not in {one.path for one in findings}:  # of one class is enough
            findings.append(Violation(path, finding))
        notes += [note] if note else []
        size = max(size, *(len(text.encode()) for text in texts))
        for reader in readers:
            counts = [reader.counter.count(text) for text in texts]
            short[reader.part] = min(*counts, short.get(reader.part, counts[0]))
            most[reader.part] = max(*counts, most.get(reader.part, 0))
    against = [one._replace(limit=_as_prompt(call, one, short)) for one in readers]
    for path, negative in _negatives(spec):
        finding, note = _cut([negative], against, "it")
        findings += [Violation(path, finding)] if finding else []
        notes += [note] if note else []
    limits = {each.part: _limit(each, call, spec, source) for each in encoders}
    lengths = tuple(PromptLength(part, most.get(part), size, limit) for part, limit in limits.items())
    return TextLengths(findings, list(dict.fromkeys(notes)), bool(encoders) and not missing, lengths)


def cutting(spec: Spec) -> tuple[Callable[[str], bool], int | None]:
    """Return what says whether every text encoder would read only the beginning of a prompt, and how much one reads.

    The prompt's suffix counts. Where the model's files are not here, nothing is said to be cut.
    """
    from synthgen.families import call_of
    from synthgen.families.encoders import encoders_of
    from synthgen.spec.template import after_comma

    source = source_here(spec)
    try:
        call = call_of(source.read_cached, spec.task, led=bool(spec.control)) if source else None
    except ModelError:
        call = None
    if source is None or call is None:
        return lambda _: False, None
    encoders = encoders_of(call, source.read_cached("model_index.json"))
    readers = [reader for each in encoders if (reader := _reader(each, call, spec, source))]
    suffixes = [after_comma(text) for text in spec.prompts.suffix or ()] or [""]
    limits = [one.limit for one in readers if one.limit is not None]
    most = max(limits) if limits and len(limits) == len(readers) else None
    return lambda text: _cut([text + suffix for suffix in suffixes], readers, "it")[0] is not None, most


def texts_here(spec: Spec) -> TextLengths | None:
    """Find out about the lengths of texts from the files that are here; None if they do not say what reads them."""
    from synthgen.families import call_of

    source = source_here(spec)
    try:
        return (
            long_texts(spec, call_of(source.read_cached, spec.task, led=bool(spec.control)), source) if source else None
        )
    except ModelError:
        return None


def source_here(spec: Spec) -> ModelSource | None:
    """Return the model of a spec as a folder, or as the hub's cache or else a preset has it; None for a plug-in's."""
    from synthgen.models.parts import unpinned

    name = spec.model.id
    if name.startswith(PLUGIN):
        return None
    own = bundled.GENERATOR if name == BUNDLED_MODEL else None
    source = unpinned(spec.model, own=own, controls=control_models(spec), references=reference_models(spec))
    if source is None or source.is_folder or source.checkpoint or source.read_cached("model_index.json"):
        return source
    return recorded(spec) or source


def _reader(encoder: Encoder, call: PipelineCall, spec: Spec, source: ModelSource) -> _Reader | None:
    from synthgen.families.encoders import around, is_lower
    from synthgen.families.tokens import Counter, clip_tokenizer, tokenizer_of

    folder = source.cached_part(encoder.part)
    tokenizer = tokenizer_of(folder) if folder else clip_tokenizer() if _is_clip(encoder, source) else None
    if tokenizer is None:
        return None
    before, after = around(encoder, call.from_text)
    limit = _limit(encoder, call, spec, source)
    return _Reader(encoder.part, Counter(tokenizer, encoder.bare, before, after, is_lower(call.pipeline)), limit)


def _limit(encoder: Encoder, call: PipelineCall, spec: Spec, source: ModelSource) -> int | None:
    from synthgen.families.encoders import limit_of
    from synthgen.families.tokens import length_of

    folder = source.cached_part(encoder.part)
    length = length_of(folder) if folder else _CLIP if _is_clip(encoder, source) else None
    return limit_of(encoder, call, spec.model, length)


def _is_clip(encoder: Encoder, source: ModelSource) -> bool:
    """Whether a preset says that a tokenizer is CLIP's."""
    return isinstance(source, RecordedModel) and encoder.part in source.clip


def _cut(texts: Sequence[str], readers: Sequence[_Reader], what: str) -> tuple[str | None, str | None]:
    """Return what is wrong with texts that no encoder reads to the end, and what to know of others."""
    if not readers:
        return None, None
    cuts = [(one, one.counter.cuts(texts, one.limit) if one.limit is not None else {}) for one in readers]
    longest = max(cuts, key=lambda each: float("inf") if each[0].limit is None else each[0].limit)
    nowhere = [text for text in texts if all(text in found for _, found in cuts)]
    if nowhere:
        reader, found = longest
        worst = max(nowhere, key=lambda text: found[text].tokens)
        return f"{cut_off(found[worst], what)}: the text encoder of `{reader.part}` reads {found[worst].limit}", None
    partly = {one.part: max(each.tokens for each in found.values()) for one, found in cuts if found}
    if not partly:
        return None, None
    whole = ", ".join(one.part for one, found in cuts if not found)
    some, most = ", ".join(partly), max(partly.values())
    return None, f"prompts have up to {most} tokens, of which {some} reads the beginning; {whole} reads all of them"


def cut_off(cut: Cut, what: str) -> str:
    """Say which words of a text fall."""
    falls = cut.falls if len(cut.falls) <= _SHOWN else f"{cut.falls[: _SHOWN - 3]}..."
    return f"{what} has {cut.tokens} tokens, and {falls!r} would be cut off"


def _as_prompt(call: PipelineCall, reader: _Reader, short: Mapping[str, int]) -> int | None:
    """Return how much is read of a negative prompt: some families make it as long as each prompt."""
    from synthgen.families.encoders import NEGATIVE_AS_LONG

    step = NEGATIVE_AS_LONG.get(call.from_text)
    if step is None or reader.part not in short:
        return reader.limit
    shortest = -(-short[reader.part] // step) * step
    return shortest if reader.limit is None else min(reader.limit, shortest)


def _negatives(spec: Spec) -> Iterator[tuple[_Path, str]]:
    """Yield each negative prompt with its place in the spec."""
    if spec.model.negative_prompt:
        yield ("model", "negative_prompt"), spec.model.negative_prompt
    for name, kind in spec.classes.items():
        if kind.negative_prompt:
            yield ("classes", name, "negative_prompt"), kind.negative_prompt


def _spaces(spec: Spec) -> Iterator[tuple[_Path, str, PromptSpace]]:
    """Yield the prompts of each template of each class, with the template's place in the spec."""
    for name, kind in spec.classes.items():
        path: _Path = ("classes", name, "templates") if kind.templates else ("prompts", "templates")
        places = {template.text: at for at, (template, _) in enumerate(spec.templates_of(name))}
        for space in spaces_of(spec, name, {}):
            at = places.get(space.text)
            yield ("prompts", "expand") if at is None else (*path, at, space.text), name, space


def _rendered(space: PromptSpace, class_name: str, readers: Sequence[_Reader]) -> Iterator[str]:
    """Yield all prompts of a template; or, of very many, some spread evenly, and those with the longest values."""
    count = space.count()
    for number in range(0, count, -(-count // _ALL)):
        values = space.numbered(number)
        yield space.template.render({"class": class_name, **values}, closes_gaps=True)
    if count > _ALL and not space.has_conditions:  # with conditions, the longest values need not go together
        yield from (space.longest(partial(_tokens, reader)) for reader in readers)


def _tokens(reader: _Reader, value: str) -> int:
    return reader.counter.count(f" {value}")
