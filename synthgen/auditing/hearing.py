"""Several judges of one set: who decides each attribute, and whether the others' agreement checks it.

Nothing here looks at a target, a gate or a share. The judge of an attribute is the one that labels of the set show to
be right most often, by the lower end of an interval; without labels, the first one. A judge whose figures would pass a
gate has no advantage, so the choice does not select for the verdict; nor does it select for an estimate, since
corrections by labels hold whatever judge they correct.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthgen.auditing.agreement import Agreement, agreement_of, kappa_of
from synthgen.auditing.independence import alike
from synthgen.auditing.input.audit_input import ObservedSet
from synthgen.auditing.input.judges import JudgeId
from synthgen.auditing.opinion import LEAST_KAPPA, Counted, Opinion
from synthgen.auditing.quote import FEWEST_LABELS
from synthgen.auditing.second_opinion import (
    ClassShown,
    Decision,
    HeardJudge,
    JudgeAccuracy,
    JudgePair,
    PairInPlace,
    SecondOpinion,
)
from synthgen.auditing.table import Answers, Table, crossed, read_answers, read_table
from synthgen.stats.estimates import Ints, wilson

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.auditing.input.observations import AuditQuestion
    from synthgen.auditing.measure import AuditOptions

FEWEST_FOR_KAPPA = 20


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What several judges say.

    Attributes:
        choice: by attribute, the position of the judge that decides.
        opinions: by attribute, what the others say of its answers.
        agreement: of the first two judges.
    """

    opinion: SecondOpinion
    choice: Mapping[str, int]
    opinions: Mapping[str, Opinion]
    agreement: tuple[Agreement, ...]

    def applied(self, seen: ObservedSet) -> ObservedSet:
        """Replace the answers of each attribute by those of the judge that decides it."""
        looked, frame = seen.looked, seen.looked.frame
        for name, place in self.choice.items():
            if place:
                frame = frame.assign(**{name: looked.others[place - 1][name].to_numpy()})
        return seen._replace(looked=replace(looked, frame=frame))


def hear(
    seen: ObservedSet, question: AuditQuestion, values: Mapping[str, Sequence[str]], options: AuditOptions
) -> Heard | None:
    """Compare the judges of a set; None if there is one, and it is not asked.

    Raises:
        UsageError: the labels are not valid.
    """
    judges, looked = question.judges, seen.looked
    if not question.attributes or (len(judges) < 2 and not looked.confirmed):
        return None
    judged = {name: values[name] for name in question.attributes}
    table = read_table(looked.frame, judged, options.classes)
    answers = [table.attributes]
    for other in looked.others:
        answers.append({name: read_answers(other, name, judged[name]) for name in judged if name in other.columns})

    accuracies: list[JudgeAccuracy] = []
    choice: dict[str, int] = {}
    decisions: list[Decision] = []
    opinions: dict[str, Opinion] = {}
    for name in judged:
        found = list(_accuracies(name, judges, answers, table, looked.frame, options))
        choice[name], reason = _choose(found, name in options.confusions)
        accuracies += [replace(each, decides=place == choice[name]) for place, each in found]
        opinion = _opinion(name, choice[name], judges, answers, table)
        if len(judges) > 1:
            opinions[name] = opinion
        checked = name not in options.confusions and not _has_labels(options, name)
        decided = judges[choice[name]].name
        unchecked = opinion.unchecked if checked else None
        by = opinion.judges if checked and unchecked is None else None
        decisions.append(Decision(name, decided, reason, by, unchecked))

    pairs = tuple(_pairs(judges, answers, table))
    whole = SecondOpinion(
        judges=tuple(HeardJudge(each.name, each.revision, each.kind, each.family) for each in judges),
        pairs=pairs,
        accuracies=tuple(accuracies),
        decisions=tuple(decisions),
        classes=tuple(_shown(looked.confirmed, looked.frame, table.classes)),
        unanswered=question.unanswered,
    )
    return Heard(whole, choice, opinions, tuple(_agreement(answers, table)))


def _has_labels(options: AuditOptions, name: str) -> bool:
    return options.labels is not None and name in options.labels.columns


def _accuracies(
    name: str,
    judges: Sequence[JudgeId],
    answers: Sequence[Mapping[str, Answers]],
    table: Table,
    frame: pd.DataFrame,
    options: AuditOptions,
) -> Iterator[tuple[int, JudgeAccuracy]]:
    """Compare each judge with the labels of an attribute."""
    from synthgen.auditing.labelled import read_truth

    if options.labels is None or not _has_labels(options, name):
        return
    for place, judge in enumerate(judges):
        own = answers[place].get(name)
        if own is None:
            continue
        truth = read_truth(replace(table, attributes={name: own}), options.labels, own)
        many = len(own.values)
        weight, square = truth.weight.sum(0), truth.square.sum(0)
        counted = weight[:many].sum() + weight[many:, :many].sum()
        squares = square[:many].sum() + square[many:, :many].sum()
        effective = counted**2 / squares if squares else 0.0  # Kish's effective number
        right = np.trace(weight[:many, :many]) / counted * effective if counted else 0.0
        labelled = int(truth.images.sum())
        yield place, JudgeAccuracy(name, judge.name, labelled, wilson(right, effective), decides=False)


def _choose(found: Sequence[tuple[int, JudgeAccuracy]], has_matrix: bool) -> tuple[int, str]:
    """Choose the judge that decides, and say why."""
    if has_matrix:
        return 0, "the first judge: the confusion matrix is about its errors"
    enough = [(place, each.right) for place, each in found if each.right and each.labelled >= FEWEST_LABELS]
    if not found:
        return 0, "the first judge: no labels compare it with others"
    if not enough:
        return 0, f"the first judge: fewer than {FEWEST_LABELS} labels compare it with others"
    place, right = max(enough, key=lambda each: (each[1].low, -each[0]))
    if len(enough) == 1 and place == 0:
        return 0, f"the labels find it right in at least {right.low:.0%}"
    return place, f"of the judges compared with the labels, it is right most often: in at least {right.low:.0%}"


def _opinion(
    name: str, chosen: int, judges: Sequence[JudgeId], answers: Sequence[Mapping[str, Answers]], table: Table
) -> Opinion:
    """Say whether the agreement of independent judges checks the chosen one."""
    own, others = judges[chosen], [place for place, each in enumerate(answers) if place != chosen and name in each]
    if not others:
        return Opinion("", "no second judge was asked about it")
    free = [place for place in others if alike(own, judges[place]) is None]
    if not free:
        return Opinion("", f"no second judge is independent: {alike(own, judges[others[0]])}")

    counts = [_counts(answers[chosen][name], answers[place][name], table) for place in free]
    names = " or ".join(judges[place].name for place in free)
    classes = tuple(_by_class(each, table.classes, len(answers[chosen][name].values)) for each in counts)
    reasons = [
        _too_little(judges[place].name, each, len(answers[chosen][name].values))
        for place, each in zip(free, counts, strict=True)
    ]
    return Opinion(names, next((each for each in reasons if each), None), classes)


def _too_little(name: str, counts: Ints, values: int) -> str | None:
    """Say why a judge's agreement checks nothing; None if it does."""
    kappa, reason = kappa_of(counts.sum(0)[:values, :values])
    if kappa is None:
        return f"the agreement of {name} shows nothing: {reason}"
    if kappa.low < LEAST_KAPPA:
        seen = f"kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f})"
        return f"{name}, which is independent, agrees too little: {seen}, of at least {LEAST_KAPPA} for sure"
    return None


def _counts(first: Answers, second: Answers, table: Table) -> Ints:
    """Count images by class and by both judges' answers."""
    many = len(first.answers)
    return crossed((table.label, len(table.classes)), (first.codes, many), (second.codes, many))


def _either(counts: Ints, values: int) -> Counted:
    either = int(counts.sum() - counts[values:, values:].sum())
    return Counted(either, either - int(np.trace(counts[:values, :values])))


def _by_class(counts: Ints, classes: Sequence[str], values: int) -> dict[str, Counted]:
    return {name: _either(own, values) for name, own in zip(classes, counts, strict=True)}


def _pairs(judges: Sequence[JudgeId], answers: Sequence[Mapping[str, Answers]], table: Table) -> Iterator[JudgePair]:
    for first, second in _two(len(judges)):
        for name, own in answers[first].items():
            if (other := answers[second].get(name)) is None:
                continue
            counts, values = _counts(own, other, table), len(own.values)
            places = [_in_place(None, counts.sum(0), values)]
            places += [_in_place(kind, each, values) for kind, each in zip(table.classes, counts, strict=True)]
            one, two = judges[first], judges[second]
            yield JudgePair(name, one.name, two.name, alike(one, two), tuple(places))


def _two(count: int) -> Iterator[tuple[int, int]]:
    yield from ((first, second) for first in range(count) for second in range(first + 1, count))


def _in_place(class_name: str | None, counts: Ints, values: int) -> PairInPlace:
    found, both = _either(counts, values), counts[:values, :values]
    kappa, reason = kappa_of(both)
    if both.sum() < FEWEST_FOR_KAPPA:
        kappa, reason = None, f"fewer than {FEWEST_FOR_KAPPA} images that both judges gave a value"
    return PairInPlace(class_name, found.either, wilson(found.differ, found.either), kappa, reason)


def _agreement(answers: Sequence[Mapping[str, Answers]], table: Table) -> Iterator[Agreement]:
    if len(answers) < 2:
        return
    for name, own in answers[0].items():
        if (other := answers[1].get(name)) is not None:
            yield agreement_of(own, _counts(own, other, table).sum(0))


def _shown(
    confirmed: Mapping[JudgeId, Sequence[bool | None]], frame: pd.DataFrame, classes: Sequence[str]
) -> Iterator[ClassShown]:
    label: NDArray[np.object_] = frame["label"].astype(str).to_numpy(dtype=object)
    for judge, found in confirmed.items():
        told = np.array([-1 if each is None else int(each) for each in found], dtype=int)
        for name in classes:
            own = told[label == name]
            yes, no, unsure = (int((own == value).sum()) for value in (1, 0, -1))
            yield ClassShown(judge.name, name, yes, no, unsure, wilson(yes, yes + no))
