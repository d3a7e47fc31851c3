"""What early rejection stopped, and a bound on the good images that were lost by it, from the control arm."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthgen.files import as_damage
from synthgen.ledger.columns import EARLY_CONTROL, EARLY_SCORE, answer_of, attribute
from synthgen.ledger.source import Source, batches, schema_of
from synthgen.records import Reason, Verdict
from synthgen.spec.attribute import NOT_APPLICABLE, UNKNOWN
from synthgen.stats.loss import most_lost

_SHOWN = 12
_CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class LossBound:
    """How many good images early rejection may have lost: of all, of a class, or of a value of an attribute.

    A good image passed every filter, and a cell needed it.

    Attributes:
        group: such as `skin_tone=dark`; empty for all, a class's name for a class.
        found: good images that were finished.
        stopped: attempts that were stopped: those of the class, and for a value all, since nobody knows theirs.
        control: attempts that would have been stopped and were finished, since they are in the control arm.
        good: how many of those gave a good image of this group.
        kept: how many of the control arm that would have gone on gave one.
        p_value: of a test whether the group loses as many of its good images as the others in the control arm do
            (Fisher's, one-sided), times the number of groups (Bonferroni); at most 1.
        lost: the bound of 95 % (Clopper and Pearson, one-sided) on the share of all its good images that was lost.
    """

    group: str
    found: int
    stopped: int
    control: int
    good: int
    kept: int
    p_value: float
    lost: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of the attempts that could be stopped early.

    Attributes:
        looked: attempts on which it was decided; the others came before enough was known, or of classes without.
        stopped: those that were.
        bounds: for all, for each class, and for each value of each attribute.
    """

    looked: int
    stopped: int
    bounds: tuple[LossBound, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Say it in sentences without full stops; groups with the largest bounds first, and no more than a few."""
        whole, *groups = self.bounds
        told = [
            f"{self.stopped:,} of {self.looked:,} attempts were stopped early; by the control arm, this lost at most "
            f"{_share(whole)} of the good images"
        ]
        order = sorted(groups, key=lambda one: -one.lost)[:_SHOWN]
        if order:
            told.append(f"by group at most: {', '.join(f'{one.group} {_share(one)}' for one in order)}")
        told += [
            f"{one.group} loses more than others beyond chance: {one.good} of {one.good + one.kept} in the control arm"
            for one in groups
            if one.p_value < _CHANCE
        ]
        return tuple(told)


@dataclass(slots=True)
class _Counts:
    found: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    control: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    looked: int = 0


def read_stopped(ledgers: Iterable[Source], classes: Sequence[str], attributes: Sequence[str]) -> Stopped | None:
    """Count what was stopped; None where nothing could be.

    Raises:
        StorageError: a ledger cannot be read.
    """
    counts, values, there = _Counts(), dict[str, None](), False
    for ledger in ledgers:
        names = schema_of(ledger).names
        if EARLY_SCORE not in names:
            continue
        there, own = True, [name for name in attributes if attribute(name) in names]
        columns = ["class", "verdict", "reason", EARLY_SCORE, EARLY_CONTROL, *map(attribute, own)]
        for batch in batches(ledger, columns):
            with as_damage(ledger):
                for row in batch.to_pylist():
                    values |= dict.fromkeys(_count(counts, row, own))
    if not there:
        return None
    groups = {**dict.fromkeys(sorted(values), ""), **{name: name for name in classes}}
    bounds = [_bound(counts, group, groups.get(group, ""), len(groups)) for group in ("", *classes, *sorted(values))]
    return Stopped(counts.looked, counts.stopped[""], tuple(bounds))


def _count(counts: _Counts, row: Mapping[str, object], attributes: Sequence[str]) -> list[str]:
    """Count an attempt, and return the groups of values that it belongs to."""
    kind, score = str(row["class"]), row[EARLY_SCORE]
    answers = {name: answer_of(row, name) for name in attributes}
    known = [f"{name}={value}" for name, value in answers.items() if value not in (None, UNKNOWN, NOT_APPLICABLE)]
    is_good = row["verdict"] == Verdict.ACCEPTED
    counts.looked += score is not None
    counts.found.update(["", kind, *known] if is_good else ())
    counts.stopped.update(["", kind] if row["reason"] == Reason.EARLY else ())
    if isinstance(score, float) and row[EARLY_CONTROL]:
        counts.control.update(["", kind] if score < 0 else ())
        (counts.good if score < 0 else counts.kept).update(["", kind, *known] if is_good else ())
    return known if is_good else []


def _bound(counts: _Counts, group: str, of: str, groups: int) -> LossBound:
    """Bound what a group lost.

    Args:
        of: the class whose attempts may have lost it; empty for all.
        groups: how many are tested.
    """
    from scipy.stats import fisher_exact

    stopped, control, good, found = counts.stopped[of], counts.control[of], counts.good[group], counts.found[group]
    # What was stopped and what would have been are alike but for a hash of their ids.
    most = most_lost(good, control) * stopped
    kept = counts.kept[group]
    table = np.array([[good, kept], [counts.good[""] - good, counts.kept[""] - kept]])
    p_value = min(1.0, groups * float(fisher_exact(table, "greater")[1])) if group else 1.0
    return LossBound(group, found, stopped, control, good, kept, p_value, most / (found + most) if most else 0.0)


def _share(bound: LossBound) -> str:
    return f"{bound.lost:.1%}"
