"""The section on several judges: who decides, how far they agree, and what the labels say of each."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.auditing.report.words import percents, spoken
from synthgen.auditing.second_opinion import ClassShown, JudgeAccuracy, JudgePair, PairInPlace, SecondOpinion
from synthgen.pages.page import short

MOST = 12
"""At most this many classes of a pair are shown: those with the largest disagreement."""
KINDS = {"clip": "CLIP", "vqa": "answers questions", "detector": "finds objects"}


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair of judges on one attribute.

    Attributes:
        overall: None if the set has no images.
        classes: those with the largest disagreement.
        left_out: classes that are not shown.
    """

    pair: JudgePair
    overall: PairInPlace
    classes: tuple[PairInPlace, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class OpinionSection:
    """What the section shows.

    Attributes:
        shown: the classes that a judge confirms least often, at most so many of a judge.
    """

    opinion: SecondOpinion
    pairs: tuple[PairRow, ...]
    accuracies: tuple[JudgeAccuracy, ...]
    shown: tuple[ClassShown, ...]
    shown_left_out: int


def second_opinion(opinion: SecondOpinion | None) -> OpinionSection | None:
    if opinion is None:
        return None
    shown = tuple(_least(opinion))
    left_out = len(opinion.classes) - len(shown)
    return OpinionSection(opinion, tuple(map(_row, opinion.pairs)), opinion.accuracies, shown, left_out)


def opinion_lines(opinion: SecondOpinion | None) -> list[str]:
    """Write for a terminal, in a line for each attribute, who decides, and how often each other judge differs."""
    if opinion is None or len(opinion.judges) < 2:
        return []
    lines = []
    for each in opinion.decisions[:MOST]:
        name = short(spoken(each.attribute), 40)
        parts = [f"{name}: measured by {short(each.judge, 60)}"]
        for pair in opinion.pairs:
            if pair.attribute == each.attribute and each.judge in (pair.first, pair.second):
                other = pair.second if pair.first == each.judge else pair.first
                kind = "not independent" if pair.alike else "independent"
                parts.append(f"{short(other, 60)} ({kind}) differs on {percents(pair.places[0].differ)}")
        lines.append("; ".join(parts))
    return [*lines, *(short(each, 300) for each in opinion.unanswered[:MOST])]


def _row(pair: JudgePair) -> PairRow:
    overall, *classes = pair.places
    known = [each for each in classes if each.differ is not None]
    worst = sorted(known, key=lambda each: -(each.differ.value if each.differ else 0.0))[:MOST]
    return PairRow(pair, overall, tuple(worst), len(classes) - len(worst))


def _least(opinion: SecondOpinion) -> Iterator[ClassShown]:
    for judge in opinion.judges:
        own = [each for each in opinion.classes if each.judge == judge.name]
        yield from sorted(own, key=lambda each: each.share.value if each.share else 1.0)[:MOST]
