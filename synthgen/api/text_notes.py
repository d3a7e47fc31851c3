"""What is read only in part: the judge's texts, and notes on these and on prompts. Loads no weights, and no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthgen import bundled
from synthgen.api.long_texts import TextLengths, cut_off
from synthgen.spec import BUNDLED_JUDGE, Spec, Violation

if TYPE_CHECKING:
    from synthgen.judging.reading import ReadLength


def notes_of(spec: Spec, texts: TextLengths | None, judge_revision: str | None = None) -> list[str]:
    """Say what is read only in part or otherwise than written, and what could not be counted.

    Args:
        texts: as `texts_here` finds them.
        judge_revision: the commit of a judge from the hub, once it is known.
    """
    from synthgen.planning.long_prompts import long_prompts
    from synthgen.planning.unsaid_words import unsaid_words
    from synthgen.planning.weighted_phrases import weighted_phrases

    of_prompts = texts.notes if texts else []
    guessed = [] if texts and texts.counted else long_prompts(spec)
    cut = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in long_judge_texts(spec, judge_revision)]
    return [
        *weighted_phrases(spec),
        *unsaid_words(spec),
        *guessed,
        *of_prompts,
        *cut,
        *judge_notes(spec, judge_revision),
    ]


def long_judge_texts(spec: Spec, revision: str | None = None) -> Iterator[Violation]:
    """Find texts of which the judge would read only the beginning, as far as its files are here.

    Args:
        revision: the commit of a judge from the hub, without which it cannot be known what it reads.
    """
    from synthgen.judging.wordings import placed_texts

    reading = _judge_reading(spec, revision)
    if reading is None:
        return
    told = set[tuple[str | int, ...]]()
    for path, text in placed_texts(spec):
        place = path[:-1] if path[-2] == "definition" else path
        cut = reading.cut(text)
        if cut and place not in told:
            told.add(place)
            yield Violation(place, f"{cut_off(cut, 'the text')}: the judge {spec.judge.id} reads {cut.limit}")


def judge_notes(spec: Spec, revision: str | None = None) -> list[str]:
    """Say if the judge's texts cannot be counted, so that it might read only the beginning of one."""
    if _judge_reading(spec, revision) is not None:
        return []
    return [
        f"tokens of the judge's texts were not counted: the tokenizer of {spec.judge.id} is not here, or cannot be read"
    ]


def _judge_reading(spec: Spec, revision: str | None) -> ReadLength | None:
    from synthgen.judging.reading import reading_of

    name = f"local-dir:{bundled.JUDGE}" if spec.judge.id == BUNDLED_JUDGE else spec.judge.id
    return None if name.startswith("hf-hub:") and revision is None else reading_of(name, revision)
