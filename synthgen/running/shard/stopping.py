"""What is stopped early: learned within a shard, from its attempts in their order.

The first attempts are all finished. From what the judge said of them, a head learns to predict it from the clean
latents that an early step predicts: how likely an image passes, and belongs to a cell that is still open. For each set
of open cells there is a threshold, so low that no more than 1 - keep of the good images are lost of any value that is
asked for, by a bound for each; where too few good ones are known for that, nothing is stopped. After that, a control
arm is finished whatever is predicted: what is learned again later, at fixed attempts, is learned without bias from it,
and from attempts that nothing could have stopped.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthgen.planning import Plan
from synthgen.records import Cell, EarlyLook, Judged, Reason
from synthgen.records.begun import Begun
from synthgen.spec import NOT_APPLICABLE, UNKNOWN
from synthgen.spec.early_plan import EarlyPlan
from synthgen.stats.estimates import Floats
from synthgen.stats.heads import Head, fit_head
from synthgen.stats.loss import safe_threshold

CONTROL = 0.04
"""The share of attempts that are finished whatever is predicted."""
WARM_UP = 64
"""So many attempts are known before anything is learned."""
GROWTH = 1.15
"""What is known has grown by this factor when it is learned again."""
LARGEST = 1536
"""A head is fitted to at most so many attempts: the latest of those that it may have."""
OVERALL = 0.3
"""Of all good images, at most this part of 1 - keep may be lost, out of sample: 3 % where keep is 0.9."""
FEWEST = 10
"""Nothing of a class is stopped before so many good images of it are known, with the values of its open cells."""
_PAYS = 0.97
"""Stopping must bring the compute per good image below this share of what it is without."""
_LEAST = 0.02
"""The least probability that a prediction is taken for: the product of two must still order attempts."""

_Group = tuple[str, str]
"""A class, as `("", name)`, or the value of an attribute."""
_Values = tuple[tuple[str, str], ...]
"""What the images of a cell are to be measured to have: see `Cell`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An attempt whose verdict is known, as the head sees it.

    Attributes:
        good: whether it passed every filter and belongs to a cell of the plan; `cell` is its name.
        is_fair: whether it was to be finished whatever was predicted: together, such attempts are like all.
    """

    clean: NDArray[np.float16]
    class_name: str
    passed: bool
    answers: Mapping[str, str]
    cell: str | None
    is_fair: bool


@dataclass(frozen=True, slots=True)
class EarlyRule:
    """What stops attempts, until it is learned again.

    Attributes:
        fair: the attempts that thresholds are chosen by.
        outputs: what is predicted of them, out of sample: see `Stopping._outputs`.
        thresholds: by class and the values of the cells that are open; None where nothing is stopped.
    """

    head: Head
    fair: Sequence[_Known]
    outputs: Floats
    thresholds: dict[tuple[str, frozenset[_Values]], float | None] = field(default_factory=dict)


@dataclass(slots=True)
class Stopping:
    """Decides which attempts of one shard are stopped. Fed with verdicts in the order of attempts.

    What it decides on an attempt depends on nothing but verdicts that are older than the plan's `lag`.

    Args:
        plan: of the shard.
    """

    plan: Plan
    early: EarlyPlan
    _known: list[_Known | None] = field(default_factory=list)
    _rules: dict[int, EarlyRule | None] = field(default_factory=dict)
    _all: tuple[Cell, ...] = ()
    _values: tuple[_Group, ...] = ()
    _values_of: dict[str, _Values] = field(default_factory=dict)
    _classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        spec = self.plan.spec
        self._all, self._classes = self.plan.cells, tuple(spec.classes)
        self._values_of = {cell.name: cell.values for cell in self._all}
        self._values = tuple(
            (each.attribute, value) for each in spec.wanted for value in spec.attributes[each.attribute].values
        )

    def look(self, begun: Begun, wanted: Collection[str]) -> EarlyLook:
        """Decide on an attempt.

        Args:
            wanted: the names of the cells of its class that may need its image.
        """
        candidate, early = begun.candidate, self.early
        rule, kind = self._rule(candidate.attempt), candidate.class_name
        cells = [cell for cell in self._all if cell.name in wanted]
        if rule is None or begun.clean is None:
            return EarlyLook(early.step, None, False, begun.clean)
        if not cells:
            return EarlyLook(early.step, -1.0, in_control(candidate.id), begun.clean)
        values = frozenset(cell.values for cell in cells)
        if (kind, values) not in rule.thresholds:
            rule.thresholds[kind, values] = self._threshold(rule, kind, values)
        threshold = rule.thresholds[kind, values]
        if threshold is None:
            return EarlyLook(early.step, None, False, begun.clean)
        outputs = rule.head.predict(begun.clean.astype(np.float64)[None, :], [self._classes.index(kind)])
        margin = float(self._scores(outputs, values)[0]) - threshold
        return EarlyLook(early.step, margin, in_control(candidate.id), begun.clean)

    def learn(self, judged: Judged, home: str | None) -> None:
        """Take the next attempt's verdict.

        Args:
            home: the cell that its image belongs to, if it passed every filter.
        """
        rendered, assessment, look = judged.rendered, judged.assessment, judged.rendered.early
        if look is None or look.clean is None or look.stops:
            self._known.append(None)
            return
        passed = assessment is not None and assessment.reason in (None, Reason.ATTRIBUTE, Reason.DUPLICATE)
        answers = assessment.attributes if assessment is not None else {}  # a failure: nobody can use it either
        fair, kind = look.score is None or look.control, rendered.candidate.class_name
        self._known.append(_Known(look.clean, kind, passed, answers, home, fair))

    def _rule(self, attempt: int) -> EarlyRule | None:
        """Return what stops an attempt: what was learned at the last fixed attempt before it."""
        count = last_fit(attempt - self.plan.lag)
        if count is None:
            return None
        assert count <= len(self._known), "verdicts are older than the lag"
        if count not in self._rules:
            self._rules = {count: self._learned(self._known[:count])}
        return self._rules[count]

    def _learned(self, known: Sequence[_Known | None]) -> EarlyRule | None:
        there = [one for one in known if one is not None]
        rows = sorted(there, key=lambda one: one.is_fair)[-LARGEST:]  # those that are fair are kept first
        if not any(one.cell for one in there if one.is_fair) or len({one.clean.size for one in rows}) != 1:
            return None
        codes = [self._classes.index(one.class_name) for one in rows]
        head = fit_head(np.stack([one.clean for one in rows]).astype(np.float64), codes, self._outputs(rows))
        places = [place for place, one in enumerate(rows) if one.is_fair]
        return EarlyRule(head, [rows[place] for place in places], head.out_of_sample[places])

    def _outputs(self, rows: Sequence[_Known]) -> Floats:
        """Return what a head learns: whether an image passed, and for each wanted value whether it was measured."""
        found = [[one.passed, *(one.answers.get(name) == value for name, value in self._values)] for one in rows]
        return np.array(found, dtype=np.float64)

    def _scores(self, outputs: Floats, values: Collection[_Values]) -> Floats:
        """Predict how likely images pass and have the values of one of the open cells: [rows]."""
        likely = np.clip(outputs, _LEAST, 1.0)
        each = [likely[:, [1 + self._values.index(one) for one in of_cell]].prod(1) for of_cell in values]
        scores: Floats = likely[:, 0] * np.minimum(np.sum(each, axis=0), 1.0)
        return scores

    def _threshold(self, rule: EarlyRule, kind: str, values: frozenset[_Values]) -> float | None:
        """Return below which score attempts at a class are stopped, while cells with these values are open.

        The good images are those of any class that have these values: the lowest limit of their groups counts.
        """
        good = np.array([one.cell is not None and self._values_of[one.cell] in values for one in rule.fair])
        scores = self._scores(rule.outputs, values)
        of_group: dict[_Group, list[float]] = {value: [] for each in values for value in each}
        for place in np.flatnonzero(good).tolist():
            for group in _groups(rule.fair[place]):
                of_group.setdefault(group, []).append(float(scores[place]))
        if len(of_group.get(("", kind), ())) < FEWEST:
            return None
        limits = [self._limit(group, each) for group, each in of_group.items() if group[0] or group[1] == kind]
        ordered = np.sort(scores[good])
        limits.append(float(ordered[int(OVERALL * (1 - self.early.keep) * len(ordered))]))
        safe = [limit for limit in limits if limit is not None]
        if len(safe) < len(limits):
            return None
        return min(safe) if self._pays(kind, rule.fair, good, scores < min(safe)) else None

    def _limit(self, group: _Group, scores: Sequence[float]) -> float | None:
        """Return the threshold that is safe for a group; None if too few of it are known.

        Of a class with few good images, or a rare value of which no shares are kept, nothing that is known may be lost.
        """
        found = safe_threshold(scores, self.early.keep)
        return found if found is not None or group in self._values else min(scores)

    def _pays(self, kind: str, fair: Sequence[_Known], good: NDArray[np.bool_], stopped: NDArray[np.bool_]) -> bool:
        """Whether stopping saves compute per wanted image of a class, out of sample."""
        own = np.array([one.class_name == kind for one in fair])
        lost, share = float(stopped[own & good].mean()), self.early.step / self.early.steps
        finished = 1 - float(stopped[own].mean()) * (1 - CONTROL)
        return (share + finished * (1 - share)) / max(1 - lost, 1e-9) < _PAYS


def last_fit(known: int) -> int | None:
    """Return after how many known attempts the head was last fitted; None if it was not.

    Example:
        >>> from synthgen.running.shard.stopping import last_fit
        >>> [last_fit(known) for known in (10, 64, 79, 80, 99, 100)]
        [None, 64, 73, 73, 95, 95]
    """
    if known < WARM_UP:
        return None
    at = WARM_UP
    while (following := int(at * GROWTH)) <= known:
        at = following
    return at


def in_control(image_id: str) -> bool:
    """Whether an attempt is in the control arm: by its id alone."""
    digest = hashlib.blake2b(f"early/{image_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < CONTROL * 2**64


def _groups(one: _Known) -> list[_Group]:
    """Return the groups that an attempt belongs to, of each of which good images are kept."""
    answers = [(name, value) for name, value in one.answers.items() if value not in (UNKNOWN, NOT_APPLICABLE)]
    return [("", one.class_name), *answers]
