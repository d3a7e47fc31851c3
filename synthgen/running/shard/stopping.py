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


@dataclass(slots=True)
class EarlyRule:
    """What stops attempts, until it is learned again.

    Attributes:
        ranks: by the values of cells, the scores of good images that have them, in order: scores of frequent values are
            higher than those of rare ones, their ranks are alike.
        fair: the attempts that thresholds are chosen by.
        seen: their ranks out of sample, for each entry of `ranks`: [attempts, values].
        thresholds: by class and the values of the cells that are open, as ranks; None where nothing is stopped.
    """

    head: Head
    ranks: Mapping[_Values, Floats]
    fair: Sequence[_Known]
    seen: Floats
    thresholds: dict[tuple[str, frozenset[_Values]], float | None] = field(default_factory=dict)

    def columns(self, values: Collection[_Values]) -> list[int]:
        """Return the columns of `seen` of these values."""
        return [place for place, each in enumerate(self.ranks) if each in values]


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
        highest = self._ranked(outputs, rule.ranks)[0, rule.columns(values)].max()
        return EarlyLook(early.step, float(highest - threshold), in_control(candidate.id), begun.clean)

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
        fair, outputs = [rows[place] for place in places], head.out_of_sample[places]
        ranks = self._ranks(fair, outputs)
        return EarlyRule(head, ranks, fair, self._ranked(outputs, ranks))

    def _outputs(self, rows: Sequence[_Known]) -> Floats:
        """Return what a head learns: whether an image passed, and for each wanted value whether it was measured."""
        found = [[one.passed, *(one.answers.get(name) == value for name, value in self._values)] for one in rows]
        return np.array(found, dtype=np.float64)

    def _score(self, outputs: Floats, values: _Values) -> Floats:
        """Predict how likely images pass and have these values: [rows]."""
        columns = [0, *(1 + self._values.index(each) for each in values)]
        likely: Floats = np.clip(outputs[:, columns], _LEAST, 1.0).prod(1)
        return likely

    def _ranks(self, fair: Sequence[_Known], outputs: Floats) -> dict[_Values, Floats]:
        """Return, by the values of cells, the scores of good images that have them, in order."""
        found: dict[_Values, list[float]] = {}
        for one, row in zip(fair, outputs, strict=True):
            if one.cell is not None:
                values = self._values_of[one.cell]
                found.setdefault(values, []).append(float(self._score(row[None, :], values)[0]))
        return {values: np.sort(np.array(scores)) for values, scores in found.items()}

    def _ranked(self, outputs: Floats, ranks: Mapping[_Values, Floats]) -> Floats:
        """Rank predictions among those of good images: the share of these that are no higher, [rows, values]."""
        found = [
            np.searchsorted(good, self._score(outputs, values), side="right") / len(good)
            for values, good in ranks.items()
        ]
        return np.stack(found, axis=1)

    def _threshold(self, rule: EarlyRule, kind: str, values: frozenset[_Values]) -> float | None:
        """Return below which rank attempts at a class are stopped, while cells with these values are open.

        What counts is the highest rank among the open cells. Good images that belong to others stand in for those of
        the open ones: their own cell counts as open, too.
        """
        if not values <= rule.ranks.keys():
            return None
        open_cells = rule.columns(values)
        good = {
            place: float(rule.seen[place, [*open_cells, *rule.columns([self._values_of[one.cell]])]].max())
            for place, one in enumerate(rule.fair)
            if one.cell is not None
        }
        of_group: dict[_Group, list[float]] = {("", kind): []}
        for place, rank in good.items():
            for group in _groups(rule.fair[place]):
                of_group.setdefault(group, []).append(rank)
        asked = {("", kind), *(value for each in values for value in each)}
        asked |= {group for group in of_group if group[0] and group not in self._values}
        limits = [self._limit(group, of_group.get(group, [])) for group in sorted(asked)]
        ordered = sorted(good.values())
        limits.append(ordered[int(OVERALL * (1 - self.early.keep) * len(ordered))])
        safe = [limit for limit in limits if limit is not None]
        if len(safe) < len(limits):
            return None
        return min(safe) if self._pays(rule, kind, values, min(safe)) else None

    def _limit(self, group: _Group, ranks: Sequence[float]) -> float | None:
        """Return the threshold that is safe for a group.

        Of a rare value of which no shares are kept, nothing that is known may be lost.
        """
        found = safe_threshold(ranks, self.early.keep)
        is_wanted = not group[0] or group in self._values
        return found if is_wanted or found is not None else min(ranks, default=None)

    def _pays(self, rule: EarlyRule, kind: str, values: frozenset[_Values], threshold: float) -> bool:
        """Whether stopping saves compute per wanted image of a class, out of sample."""
        own = np.array([one.class_name == kind for one in rule.fair])
        wanted = np.array([one.cell is not None and self._values_of[one.cell] in values for one in rule.fair])
        if not (own & wanted).any():
            return False
        stopped = rule.seen[:, rule.columns(values)].max(1) < threshold
        lost, share = float(stopped[own & wanted].mean()), self.early.step / self.early.steps
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
