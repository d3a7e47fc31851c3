"""What is stopped early: learned within a shard, from its attempts in their order.

The first attempts are all finished. From what the judge said of them, a head learns to predict it from the clean
latents that an early step predicts. A cell's threshold is so low that no more than 1 - keep of the good images are lost
of its class, nor of any value of an attribute, by a bound for each; where too few good ones are known for that, nothing
is stopped. After that, a control arm is finished whatever is predicted: what is learned again later, at fixed attempts,
is learned without bias from it, and from attempts that nothing could have stopped.
"""

import hashlib
from collections import Counter
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
GROWTH = 1.25
"""What is known has grown by this factor when it is learned again."""
LARGEST = 1536
"""A head is fitted to at most so many attempts: the latest of those that it may have."""
_PAYS = 0.97
"""Stopping must bring the compute per good image below this share of what it is without."""
_LEAST = 0.02
"""The least probability that a prediction is taken for: the product of two must still order attempts."""

_Group = tuple[str, str]
"""A class, as `("", name)`, or the value of an attribute."""


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
        thresholds: by cell; a cell that is missing stops nothing, and neither does any other of its class.
    """

    head: Head
    thresholds: Mapping[str, float]
    classes: tuple[str, ...]


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

    def __post_init__(self) -> None:
        spec = self.plan.spec
        self._all = self.plan.cells
        self._values = tuple(
            (each.attribute, value) for each in spec.wanted for value in spec.attributes[each.attribute].values
        )

    def look(self, begun: Begun, wanted: Collection[str]) -> EarlyLook:
        """Decide on an attempt.

        Args:
            wanted: the names of the cells of its class that may need its image.
        """
        candidate, early = begun.candidate, self.early
        rule = self._rule(candidate.attempt)
        if rule is None or begun.clean is None or any(name not in rule.thresholds for name in wanted):
            return EarlyLook(early.step, None, False, begun.clean)
        numbers = begun.clean.astype(np.float64)[None, :]
        outputs = rule.head.predict(numbers, [rule.classes.index(candidate.class_name)])
        cells = [cell for cell in self._cells(candidate.class_name) if cell.name in wanted]
        margins = [self._score(outputs, cell)[0] - rule.thresholds[cell.name] for cell in cells]
        return EarlyLook(early.step, float(max(margins, default=-1.0)), in_control(candidate.id), begun.clean)

    def learn(self, judged: Judged, home: str | None) -> None:
        """Take the next attempt's verdict.

        Args:
            home: the cell that its image belongs to, if it passed every filter.
        """
        rendered, assessment, look = judged.rendered, judged.assessment, judged.rendered.early
        if assessment is None or look is None or look.clean is None:
            self._known.append(None)
            return
        passed = assessment.reason in (None, Reason.ATTRIBUTE, Reason.DUPLICATE)
        fair = look.score is None or look.control
        kind = rendered.candidate.class_name
        self._known.append(_Known(look.clean, kind, passed, assessment.attributes, home, fair))

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
        fair = [one for one in there if one.is_fair]
        rows = sorted(there, key=lambda one: one.is_fair)[-LARGEST:]  # those that are fair are kept first
        if not any(one.cell for one in fair) or len({one.clean.size for one in rows}) != 1:
            return None
        classes = tuple(self.plan.spec.classes)
        codes = [classes.index(one.class_name) for one in rows]
        head = fit_head(np.stack([one.clean for one in rows]).astype(np.float64), codes, self._outputs(rows))
        places = [place for place, one in enumerate(rows) if one.is_fair]
        thresholds = self._thresholds([rows[place] for place in places], head.out_of_sample[places])
        return EarlyRule(head, thresholds, classes) if thresholds else None

    def _outputs(self, rows: Sequence[_Known]) -> Floats:
        """Return what a head learns: whether an image passed, and for each wanted value whether it was measured."""
        found = [[one.passed, *(one.answers.get(name) == value for name, value in self._values)] for one in rows]
        return np.array(found, dtype=np.float64)

    def _score(self, outputs: Floats, cell: Cell) -> Floats:
        """Predict how likely images pass and belong to a cell: [rows]."""
        columns = [0, *(1 + self._values.index(each) for each in cell.values)]
        likely: Floats = np.clip(outputs[:, columns], _LEAST, 1.0).prod(1)
        return likely

    def _thresholds(self, fair: Sequence[_Known], outputs: Floats) -> dict[str, float]:
        """Return the threshold of each cell of classes in which stopping is safe and pays."""
        by_name = {cell.name: cell for cell in self._all}
        own: dict[int, float] = {
            place: float(self._score(outputs[place : place + 1], by_name[one.cell])[0])
            for place, one in enumerate(fair)
            if one.cell is not None
        }
        safe: dict[_Group, float | None] = {}
        counts = Counter(group for place in own for group in _groups(fair[place]))
        for group in counts:
            scores = [score for place, score in own.items() if group in _groups(fair[place])]
            found = safe_threshold(scores, self.early.keep)
            if found is None and group[0] and group not in self._values:
                found = min(scores)  # a rare value of which no shares are kept: not one that is known is lost
            safe[group] = found

        thresholds: dict[str, float] = {}
        for kind in self.plan.spec.classes:
            cells = self._cells(kind)
            of_all = [safe[group] for group in safe if group[0] and group not in self._values]
            needed = {cell.name: [safe.get(("", kind)), *(safe.get(each) for each in cell.values)] for cell in cells}
            if any(each is None for found in needed.values() for each in found):
                continue
            least = {
                name: min(each for each in (*found, *of_all) if each is not None) for name, found in needed.items()
            }
            if self._pays(kind, cells, least, fair, outputs):
                thresholds |= least
        return thresholds

    def _pays(
        self, kind: str, cells: Sequence[Cell], least: Mapping[str, float], fair: Sequence[_Known], outputs: Floats
    ) -> bool:
        """Whether stopping saves compute per good image of a class, out of sample."""
        places = [place for place, one in enumerate(fair) if one.class_name == kind]
        margins = np.max([self._score(outputs[places], cell) - least[cell.name] for cell in cells], axis=0)
        good = np.array([fair[place].cell is not None for place in places])
        stopped = margins < 0
        lost, early = float(stopped[good].mean()), self.early
        finished = 1 - float(stopped.mean()) * (1 - CONTROL)
        share = early.step / early.steps
        return (share + finished * (1 - share)) / max(1 - lost, 1e-9) < _PAYS

    def _cells(self, class_name: str) -> list[Cell]:
        return [cell for cell in self._all if cell.class_name == class_name]


def last_fit(known: int) -> int | None:
    """Return after how many known attempts the head was last fitted; None if it was not.

    Example:
        >>> from synthgen.running.shard.stopping import last_fit
        >>> [last_fit(known) for known in (10, 64, 79, 80, 99, 100)]
        [None, 64, 64, 80, 80, 100]
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
