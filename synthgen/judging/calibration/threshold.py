"""Calibration: per class, the least posterior at which accepted images are right as often as requested. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import ceil, floor, log, log10
from typing import Any

from synthgen.errors import UsageError
from synthgen.inert import inert
from synthgen.judging.calibration.conditions import conditions, difference
from synthgen.planning import Plan

FORMAT = 2
LARGEST = 10_000
"""The largest pilot, in images of each class, that is made without being asked for."""
_STEPS = 20
"""Thresholds are tried in steps of one in this many of the pilot's images: a twentieth."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the labels say about one class.

    Attributes:
        min_posterior: the least score of the filter; None where no threshold reached the target.
        pictures: how many pictures of the class in the pilot it was found with.
        accepted, right: counts at or above the threshold; where there is none, at or above the strictest that was
            tried. `right` is None without labels.
        precision: the lower bound of the share that is right, at the calibration's confidence. None without labels.
        lacking: where there is no threshold: what was reached and what is needed, in words.
        look: the how manyth look at labels of this class it is: see `looks`. None without labels.
        likely: the share that is accepted, as a two-sided interval of 95 %: low and high end. None if not computed.
        denied: accepted images that are, to the judge, likelier not of the class than of it. None with labels.
    """

    min_posterior: float | None
    pictures: int
    accepted: int
    right: int | None
    precision: float | None
    lacking: str = ""
    look: int | None = None
    likely: tuple[float, float] | None = None
    denied: int | None = None

    @property
    def share(self) -> float:
        """The share of attempts that the threshold accepts: the yield to expect."""
        return self.accepted / self.pictures if self.pictures else 0.0

    def __str__(self) -> str:
        return self.told("posterior")

    def told(self, score: str) -> str:
        """Say what the threshold of a score, which has this name, promises; or what is lacking."""
        if self.min_posterior is None:
            return f"not reached: {self.lacking}"
        precise = "" if self.precision is None else f"precision at least {_two_digits(self.precision)}, "
        likely = f"; 95 % interval {self.likely[0]:.0%} to {self.likely[1]:.0%}" if self.likely else ""
        of = f"({self.accepted} of {self.pictures}{likely})"
        if self.denied:
            of += (
                f"; {self.denied} of these {'is' if self.denied == 1 else 'are'}, to the judge, likelier something else"
            )
        return f"{score} at least {_two_digits(self.min_posterior)}: {precise}yield {self.share:.0%} {of}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds, and what they hold for.

    Attributes:
        promise: what the thresholds were chosen for, in words.
        filter: the filter whose thresholds they are.
        made_for: see `synthgen.judging.calibration.conditions`.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> found = synthgen.keep_share("specs/quickstart.yaml", "outputs/pilot", 1)
        >>> {name: threshold.share for name, threshold in found.calibration.classes.items()}
        {'doctor': 1.0, 'chef': 1.0}
    """

    promise: str
    made_for: Mapping[str, Any]
    classes: Mapping[str, Threshold]
    filter: str = "label"

    def __repr__(self) -> str:
        reached = len(self.classes) - len(self.missed)
        return f"<Calibration {inert(self.promise)}: reached for {reached:,} of {len(self.classes):,} classes>"

    @property
    def missed(self) -> tuple[str, ...]:
        """The classes without a threshold."""
        return tuple(name for name, each in self.classes.items() if each.min_posterior is None)

    def to_json(self) -> str:
        content = asdict(self)
        if self.filter == "label":  # as earlier versions wrote it
            del content["filter"]
        return json.dumps({"calibration": FORMAT, **content}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> "Calibration":
        """Read a calibration that `to_json` wrote.

        Raises:
            UsageError: `text`, the content of the file `name`, is not a calibration.
        """
        try:
            content = json.loads(text)
            if content.pop("calibration") != FORMAT:
                raise ValueError("another version wrote it")
            classes = {
                kind: Threshold(**{**threshold, "likely": _pair(threshold.get("likely"))})
                for kind, threshold in content.pop("classes").items()
            }
            return cls(**content, classes=classes)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hint = "Expected a file that `synthgen calibrate` wrote."
            raise UsageError(f"{name} is not a calibration: {error}", hint=hint) from error

    def floors_for(self, plan: Plan, name: str) -> dict[str, float]:
        """The thresholds by class, if they hold for `plan`.

        Raises:
            UsageError: they were made for something else, or a class has none.
        """
        hint = "Run `synthgen calibrate` again for this spec, or undo the difference."
        if differs := difference(self.made_for, conditions(plan)):
            raise UsageError(f"{name} is the calibration of another spec: {differs}", hint=hint)
        for kind in self.missed:
            lacking = self.classes[kind].lacking
            raise UsageError(f"{name}: no threshold of the class {kind!r} keeps {self.promise}: {lacking}", hint=hint)
        return {kind: each.min_posterior for kind, each in self.classes.items() if each.min_posterior is not None}


def _pair(written: Sequence[float] | None) -> tuple[float, float] | None:
    return None if written is None else (float(written[0]), float(written[1]))


def pilot_size(precision: float, confidence: float) -> int:
    """How many images of each class put a precision within reach.

    Twice as many as just pass with one wrong among them, in tens: half of the pilot may be of another class.

    Raises:
        UsageError: it takes more than `LARGEST`.
    """
    import numpy as np
    from scipy.stats import beta

    many = np.arange(2, LARGEST // 2 + 1)
    passing = many[beta.ppf(1 - confidence, many - 1, 2) >= precision]  # Clopper and Pearson's bound
    if not len(passing):
        what = f"a precision of {precision:g} with confidence {confidence:g} takes more than {LARGEST:,} of each class"
        raise UsageError(what, argument="precision", hint="Ask for less, or set the size of the pilot with `count`.")
    return ceil(2 * int(passing[0]) / 10) * 10


def threshold(posteriors: Sequence[float], right: Sequence[bool], target: float, confidence: float) -> Threshold:
    """The lowest threshold above which at least `target` of the images are right, with `confidence`.

    The bound is Clopper and Pearson's, one-sided. Thresholds are tried from the strictest down, and the first that
    fails ends the search: fixed-sequence testing, which keeps the confidence although many are tried
    (Angelopoulos et al. 2021, "Learn then Test"). Where the search begins must not depend on the labels: it begins with
    as many images as just pass if all are right or, if the judge finds enough images likelier to be of their class
    than not, with as many as just pass with one wrong among them.
    """
    labelled = len(posteriors)
    if not labelled:
        return Threshold(None, 0, 0, 0, 0.0, "none of its pictures is labelled")

    order = sorted(range(labelled), key=lambda index: -posteriors[index])
    found = None
    least, most = (_enough(wrong, labelled, target, confidence) for wrong in (0, 1))
    likely = sum(posterior > 0.5 for posterior in posteriors)
    enough = most if likely >= most and _bound(most - 1, most, confidence) >= target else least
    step = max(1, labelled // _STEPS)

    for count in sorted({*range(enough, labelled, step), labelled}):
        # Equal posteriors stand or fall together.
        floor = posteriors[order[count - 1]]
        above = [index for index in order if posteriors[index] >= floor]
        good = sum(right[index] for index in above)
        bound = _bound(good, len(above), confidence)
        if bound < target:
            worst = max((posterior for posterior, ok in zip(posteriors, right, strict=True) if not ok), default=-1.0)
            clean = sum(posterior > worst for posterior in posteriors)
            lacking = _lacking(good, len(above), labelled, clean, target, confidence)
            return found or Threshold(None, labelled, len(above), good, bound, lacking)
        found = Threshold(floor, labelled, len(above), good, bound)

    assert found, "the last threshold tried accepts all"
    return found


def quantile(posteriors: Sequence[float], keep: float) -> Threshold:
    """The threshold that the share `keep` (0..1) of the pictures reaches. Nobody has checked whether they are right."""
    if not posteriors:
        return Threshold(None, 0, 0, None, None, "the pilot has no picture of it")
    floor = sorted(posteriors, reverse=True)[max(1, round(keep * len(posteriors))) - 1]
    accepted = [posterior for posterior in posteriors if posterior >= floor]
    denied = sum(posterior < 0.5 for posterior in accepted)
    likely = _interval(len(accepted), len(posteriors))
    return Threshold(floor, len(posteriors), len(accepted), None, None, likely=likely, denied=denied)


def _interval(accepted: int, of: int) -> tuple[float, float]:
    """The interval of a share by Clopper and Pearson, two-sided, 95 %.

    The order statistic that the threshold is makes the yield beta distributed: with the threshold at the kth of n
    posteriors, Beta(k, n + 1 - k) (David and Nagaraja 2003, "Order Statistics"). The interval contains its own.
    """
    from scipy.stats import binomtest

    found = binomtest(accepted, of).proportion_ci(0.95, method="exact")
    return float(found.low), float(found.high)


def curve(
    posteriors: Sequence[float], right: Sequence[bool], confidence: float
) -> tuple[tuple[float, float, float], ...]:
    """Trace every threshold, from the strictest down.

    Each point is the share of images that it accepts, the share of those that is right, and its lower bound. Each
    bound holds by itself.
    """
    points, good = [], 0
    order = sorted(range(len(posteriors)), key=lambda index: -posteriors[index])
    for count, index in enumerate(order, start=1):
        good += right[index]
        if count == len(order) or posteriors[order[count]] < posteriors[index]:
            points.append((count / len(order), good / count, _bound(good, count, confidence)))
    return tuple(points)


def _enough(wrong: int, labelled: int, target: float, confidence: float) -> int:
    """How many images must be labelled for `wrong` of them to be allowed; all, if even those are not enough."""
    counts = range(wrong + 1, labelled)
    return next((count for count in counts if _bound(count - wrong, count, confidence) >= target), labelled)


@lru_cache(maxsize=100_000)
def _bound(right: int, of: int, confidence: float) -> float:
    from scipy.stats import binomtest

    if not of:
        return 0.0
    return float(binomtest(right, of, alternative="greater").proportion_ci(confidence, method="exact").low)


def _lacking(right: int, of: int, labelled: int, clean: int, target: float, confidence: float) -> str:
    """Why `right` of the likeliest `of` images are too few. The likeliest `clean` are all right."""
    of_these = f"{of} labelled" if of == labelled else f"the likeliest {of} of {labelled} labelled"
    bound = _two_digits(_bound(right, of, confidence))
    reached = f"{right} of {of_these} are right: precision at least {bound} with confidence {confidence:g}"
    if _bound(of, of, confidence) >= target:
        wrong = next(wrong for wrong in range(of - right, -1, -1) if _bound(of - wrong, of, confidence) >= target)
        return f"{reached}; for {target:g}, {wrong or 'none'} of {of} may be wrong"
    least = ceil(log(1 - confidence) / log(target))  # all right: the bound is (1 - confidence) ** (1 / least)
    if not clean:
        return f"{reached}; {target:g} takes {least} accepted that are all right"
    all_right = f"the likeliest {clean} of {labelled} labelled are all right"
    about = ceil(least * labelled / clean)
    return f"{all_right}; {target:g} with confidence {confidence:g} takes {least}, of about {about} labelled"


def _two_digits(share: float) -> str:
    """Write a share with two digits of its distance from 0 or 1, rounded down: 0.59, 0.987, 0.9987."""
    if share < 0.01 or share == 1:
        return f"{share:.2g}"
    places = min(max(2, 1 - floor(log10(1 - share))), 6)
    return f"{floor(share * 10**places + 1e-6) / 10**places:.{places}f}"
