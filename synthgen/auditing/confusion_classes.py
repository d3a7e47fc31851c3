"""Corrections where each class has a confusion matrix of its own, and what is said of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from scipy.stats import chi2

from synthgen.auditing.confusion import HOPELESS, ILL, Confusion, correct_by_matrix, corrected, prepared
from synthgen.errors import UsageError
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Corrected, Floats
from synthgen.stats.inversion import condition, invert
from synthgen.stats.strata import Stratum, combined

_TOGETHER = 256
"""Matrices that are inverted at a time."""
_RIGHT = "right if the judge errs here as often as it did there"
_MISFIT = "no shares explain these answers with the matrices of the classes: the judge errs differently here"


def check_classes(confusions: Mapping[str, Confusion], classes: Collection[str]) -> None:
    """Refuse matrices of classes that the set does not have.

    Raises:
        UsageError: there is one.
    """
    for name, confusion in confusions.items():
        if strange := [each for each, _ in confusion.classes if each not in classes]:
            hint = f"The classes are: {', '.join(sorted(classes)[:20])}. Correct the column `class`."
            what = f"the confusion matrix of {name} has the class {strange[0]!r}, which the set does not have"
            raise UsageError(what, hint=hint)


def of_classes(confusions: Mapping[str, Confusion], classes: Collection[str]) -> dict[str, Confusion]:
    """Leave out the matrices of classes that another set does not have; they still count in the sum."""
    return {
        name: replace(each, classes=tuple(own for own in each.classes if own[0] in classes))
        for name, each in confusions.items()
    }


def correct_in_classes(
    attribute: str, values: Sequence[str], classes: Sequence[str], counts: Floats, confusion: Confusion, effects: Floats
) -> list[Corrected]:
    """Estimate the true shares overall and in each class, each class by its own matrix if it has one.

    Classes without one are corrected by the sum of all matrices. The overall shares are those of the classes, weighted
    by their images: see `synthgen.stats.strata`. Without matrices of single classes, it is `correct_by_matrix`.

    Args:
        counts: [1 + classes, answers], overall first; `effects` likewise.

    Raises:
        UsageError: as `correct_by_matrix`.
    """
    if not confusion.classes:
        return correct_by_matrix(attribute, values, counts, confusion, effects)
    confusion.checked(attribute, values)
    found = _each(attribute, values, classes, counts, confusion, effects)
    strata = list(_strata(attribute, values, classes, counts, confusion, effects))
    return [_overall(strata, found, values, counts), *found]


def _each(
    attribute: str, values: Sequence[str], classes: Sequence[str], counts: Floats, confusion: Confusion, effects: Floats
) -> list[Corrected]:
    """Correct each class. Matrices of one shape are inverted together: a thousand of them in seconds."""
    own = dict(confusion.classes)
    ready = [
        prepared(
            f"{attribute} in class {name}" if name in own else attribute,
            values,
            counts[index : index + 1],
            own.get(name, confusion),
        )
        for index, name in enumerate(classes, start=1)
    ]
    found = [Corrected(None, each.reason) for each in ready]
    alike: dict[tuple[bytes, int], list[int]] = {}
    for index, each in enumerate(ready):
        if each.reason is None:
            alike.setdefault((each.used.tobytes(), len(each.matrix)), []).append(index)

    for several in alike.values():
        for start in range(0, len(several), _TOGETHER):
            places = several[start : start + _TOGETHER]
            used, truths = ready[places[0]].used, len(ready[places[0]].matrix)
            rows = counts[np.array(places) + 1]
            answers = rows[:, used] / np.maximum(effects[np.array(places) + 1], 1.0)[:, None]
            matrices = np.stack([ready[place].matrix[:, used] for place in places])
            fit = invert(answers, matrices, np.arange(truths) >= len(values))
            for index, place in enumerate(places):
                found[place] = corrected(ready[place], values, rows[index], fit, index)
    return found


def _strata(
    attribute: str, values: Sequence[str], classes: Sequence[str], counts: Floats, confusion: Confusion, effects: Floats
) -> Iterator[tuple[str, Stratum]]:
    """Yield the classes with a matrix of their own, each by its name, and the others together, by an empty one.

    Classes in which no image has a value are left out.
    """
    own = dict(confusion.classes)
    valued = (counts[1:, : len(values)].sum(1) > 0).tolist()
    for index, name in enumerate(classes):
        if name in own and valued[index]:
            matrix = own[name].checked(f"{attribute} in class {name}", values)
            yield name, Stratum(counts[1 + index], matrix, max(1.0, float(effects[1 + index])))
    if rest := [index for index, name in enumerate(classes) if name not in own and valued[index]]:
        places = np.array(rest) + 1
        effect = max(1.0, float(effects[places].max()))
        yield "", Stratum(counts[places].sum(0), confusion.checked(attribute, values), effect, shared=True)


def _overall(
    strata: Sequence[tuple[str, Stratum]], found: Sequence[Corrected], values: Sequence[str], counts: Floats
) -> Corrected:
    if not strata:
        return Corrected(None, "no image has a value" if counts[0].any() else "no images")
    numbers = {name: condition(each.matrix[:, each.matrix.any(0)]) for name, each in strata}
    worst = max(numbers, key=lambda name: numbers[name])
    whose = f"of class {worst}" if worst else "of all classes together"
    if numbers[worst] > HOPELESS:
        reason = f"the confusion matrix {whose} cannot tell the values apart: two of them get the same answers"
        return Corrected(None, reason)

    fit = combined([each for _, each in strata], len(values))
    doubts = []
    if numbers[worst] >= ILL:
        amplified = "small errors in it become large ones in the shares"
        doubts.append(f"that {whose} is badly conditioned ({numbers[worst]:.0f}): {amplified}")
    if fit.misfit > chi2.isf(0.01, max(1, fit.spare)):
        doubts.append(_MISFIT)

    shares, caveats = fit.shares, list(dict.fromkeys(chain.from_iterable(each.caveats for each in found)))
    images = sum(float(each.counts.sum()) for _, each in strata)
    unseen = 1 - images / float(counts[0].sum())
    if unseen > 0:
        caveats.append(f"{unseen:.1%} of the images are in classes where none has a value: they may have any shares")
        shares = tuple(
            replace(each, low=each.low * (1 - unseen), high=each.high * (1 - unseen) + unseen) for each in shares
        )
    return Corrected(shares, None, tuple(caveats), tuple(doubts))


def told(confusion: Confusion, class_name: str | None, classes: Collection[str]) -> str | None:
    """Say which matrix corrects a place, and when that is right. None if no class has a matrix of its own."""
    own = {name for name, _ in confusion.classes}
    if not own:
        return None
    if class_name in own:
        return f"the confusion matrix of this class: {_RIGHT}"
    if class_name is not None:
        return (
            "the confusion matrix of all its classes together, since it has no rows of this class: "
            f"{_RIGHT}, in every class"
        )
    others = len(set(classes) - own)
    rest = f", {others} of {len(classes)} classes without rows by that of all classes together" if others else ""
    return f"the confusion matrix of each class{rest}: {_RIGHT}"


def matrices(confusion: Confusion, attribute: str, values: Sequence[str], classes: Sequence[str]) -> list[Floats]:
    """Return the matrix that corrects each class, without truths that are no values: [values, answers]."""
    own = dict(confusion.classes)
    found = []
    for name in classes:
        what = f"{attribute} in class {name}" if name in own else attribute
        found.append(own.get(name, confusion).checked(what, values)[: len(values)])
    assert all(each.shape == (len(values), len(values) + len(ASIDE)) for each in found)
    return found
