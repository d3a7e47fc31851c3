"""What is stopped early: learned within a shard, from its attempts in their order.

The first attempts are all finished. From what the judge said of them, a head learns to predict it from the clean
latents that an early step predicts. A cell's threshold is so low that no more than 1 - keep of the good images are lost
of its class, nor of any value of an attribute, by a bound for each; where too few good ones are known for that, nothing
is stopped. After that, a control arm is finished whatever is predicted: what is learned again later, at fixed attempts,
is learned without bias from it, and from attempts that nothing could have stopped.
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
        ranks: by the values of cells, the scores of good images that have them, in order: scores of frequent values are
            higher than those of rare ones, their ranks are alike.
        thresholds: by cell, as ranks; a cell that is missing stops nothing, and neither does any other of its class.
    """

    head: Head
    ranks: Mapping[_Values, Floats]
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
        margin = float(self._margins(outputs, cells, rule.ranks, rule.thresholds)[0]) if cells else -1.0
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
        classes = tuple(self.plan.spec.classes)
        codes = [classes.index(one.class_name) for one in rows]
        head = fit_head(np.stack([one.clean for one in rows]).astype(np.float64), codes, self._outputs(rows))
        places = [place for place, one in enumerate(rows) if one.is_fair]
        fair, outputs = [rows[place] for place in places], head.out_of_sample[places]
        ranks = self._ranks(fair, outputs)
        thresholds = self._thresholds(fair, outputs, ranks)
        return EarlyRule(head, ranks, thresholds, classes) if thresholds else None

    def _outputs(self, rows: Sequence[_Known]) -> Floats:
        """Return what a head learns: whether an image passed, and for each wanted value whether it was measured."""
        found = [[one.passed, *(one.answers.get(name) == value for name, value in self._values)] for one in rows]
        return np.array(found, dtype=np.float64)

    def _score(self, outputs: Floats, cell: Cell) -> Floats:
        """Predict how likely images pass and belong to a cell: [rows]."""
        columns = [0, *(1 + self._values.index(each) for each in cell.values)]
        likely: Floats = np.clip(outputs[:, columns], _LEAST, 1.0).prod(1)
        return likely

    def _thresholds(self, fair: Sequence[_Known], outputs: Floats, ranks: Mapping[_Values, Floats]) -> dict[str, float]:
        """Return the threshold of each cell, as a rank, in classes in which stopping is safe and pays."""
        by_name = {cell.name: cell for cell in self._all}
        found = [(one, by_name[one.cell], row) for one, row in zip(fair, outputs, strict=True) if one.cell is not None]
        own = [(one, float(self._rank(row[None, :], cell, ranks)[0])) for one, cell, row in found]
        safe: dict[_Group, float | None] = {}
        for group in dict.fromkeys(group for one, _ in own for group in _groups(one)):
            scores = [rank for one, rank in own if group in _groups(one)]
            is_wanted = group[0] == "" or group in self._values
            safe[group] = safe_threshold(scores, self.early.keep) if is_wanted else self._of_others(scores)
        ordered = sorted(rank for _, rank in own)
        of_all = ordered[int(OVERALL * (1 - self.early.keep) * len(ordered))]
        limits = [of_all, *(each for group, each in safe.items() if group[0] and group not in self._values)]

        thresholds: dict[str, float] = {}
        for kind in self.plan.spec.classes:
            cells = self._cells(kind)
            needed = {cell.name: [safe.get(("", kind)), *(safe.get(each) for each in cell.values)] for cell in cells}
            if any(each is None for found in needed.values() for each in found):
                continue
            if any(cell.values not in ranks for cell in cells):
                continue
            least = {name: min(each for each in (*of, *limits) if each is not None) for name, of in needed.items()}
            if self._pays(kind, fair, self._margins(outputs, cells, ranks, least)):
                thresholds |= least
        return thresholds

    def _of_others(self, scores: Sequence[float]) -> float:
        """Return the threshold for a value of which no shares are kept: if it is rare, none that is known is lost."""
        found = safe_threshold(scores, self.early.keep)
        return min(scores) if found is None else found

    def _rank(self, outputs: Floats, cell: Cell, ranks: Mapping[_Values, Floats]) -> Floats:
        """Rank predictions among those of good images with a cell's values: the share of these that are no higher."""
        reference = ranks[cell.values]
        found: Floats = np.searchsorted(reference, self._score(outputs, cell), side="right") / len(reference)
        return found

    def _margins(
        self, outputs: Floats, cells: Sequence[Cell], ranks: Mapping[_Values, Floats], thresholds: Mapping[str, float]
    ) -> Floats:
        """Return by how much attempts are above the threshold of the cell that suits them most: [rows]."""
        found: Floats = np.max([self._rank(outputs, cell, ranks) - thresholds[cell.name] for cell in cells], axis=0)
        return found

    def _pays(self, kind: str, fair: Sequence[_Known], margins: Floats) -> bool:
        """Whether stopping saves compute per good image of a class, out of sample."""
        own = np.array([one.class_name == kind for one in fair])
        good = np.array([one.cell is not None for one in fair])
        stopped, share = margins < 0, self.early.step / self.early.steps
        lost = float(stopped[own & good].mean())
        finished = 1 - float(stopped[own].mean()) * (1 - CONTROL)
        return (share + finished * (1 - share)) / max(1 - lost, 1e-9) < _PAYS

    def _ranks(self, fair: Sequence[_Known], outputs: Floats) -> dict[_Values, Floats]:
        """Return, by the values of cells, the scores of good images that have them, in order."""
        by_name, found = {cell.name: cell for cell in self._all}, dict[_Values, list[float]]()
        for one, row in zip(fair, outputs, strict=True):
            if one.cell is not None:
                cell = by_name[one.cell]
                found.setdefault(cell.values, []).append(float(self._score(row[None, :], cell)[0]))
        return {values: np.sort(np.array(scores)) for values, scores in found.items()}

    def _cells(self, class_name: str) -> list[Cell]:
        return [cell for cell in self._all if cell.class_name == class_name]


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
