"""Calibration: per class, the least posterior at which accepted images are right as often as was asked. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synthgen.errors import UsageError
from synthgen.plan import Plan

FORMAT = 1
_STEPS = 20
"""The thresholds tried lie this share of the pilot apart: a twentieth."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the labels say of one class.

    Attributes:
        min_posterior: None where no threshold reached the target.
        pictures: of the class, in the pilot, that it was found with.
        accepted, right: of those at or above the threshold; where there is none, of all. None without labels.
        precision: the lower bound of the share that is right, at the calibration's confidence. None without labels.
    """

    min_posterior: float | None
    pictures: int
    accepted: int
    right: int | None
    precision: float | None

    @property
    def share(self) -> float:
        """Of the attempts that the threshold accepts: the yield to expect."""
        return self.accepted / self.pictures if self.pictures else 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds, and what they hold for.

    Attributes:
        promise: what the thresholds were chosen for, in words.
        made_for: see `conditions`.
    """

    promise: str
    made_for: Mapping[str, Any]
    classes: Mapping[str, Threshold]

    def to_json(self) -> str:
        return json.dumps({"calibration": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> "Calibration":
        """Raises:
        UsageError: `text`, the content of the file `name`, is no calibration.
        """
        try:
            content = json.loads(text)
            if content.pop("calibration") != FORMAT:
                raise ValueError("another version")
            classes = {kind: Threshold(**threshold) for kind, threshold in content.pop("classes").items()}
            return cls(**content, classes=classes)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hint = "Expected a file that `synthgen calibrate` wrote."
            raise UsageError(f"{name} is no calibration: {error}", hint=hint) from error

    def floors_for(self, plan: Plan, name: str) -> dict[str, float]:
        """The thresholds by class, if they hold for `plan`.

        Raises:
            UsageError: they were made for something else, or a class has none.
        """
        hint = "Run `synthgen calibrate` again for this spec."
        wanted = conditions(plan)
        if other := [key for key in wanted if self.made_for.get(key) != wanted[key]]:
            differing = _shown(self.made_for, wanted, other[0])
            raise UsageError(f"{name} was made with other {other[0]}: {differing}", hint=hint)
        floors = {}
        for kind in plan.spec.classes:
            floor = self.classes[kind].min_posterior
            if floor is None:
                raise UsageError(f"{name}: no threshold of the class {kind!r} keeps {self.promise}", hint=hint)
            floors[kind] = floor
        return floors


def conditions(plan: Plan) -> dict[str, Any]:
    """All that the posteriors, and how often they are right, depend on."""
    spec = plan.spec.canonical()
    label = spec["filters"]["label"] or {"none_of_these": []}
    texts = ("definition", "prompts", "templates")
    return {
        "model": plan.revisions.generator,
        "judge": plan.revisions.judge,
        "classes": {name: {key: kind[key] for key in texts} for name, kind in spec["classes"].items()},
        "none_of_these": label["none_of_these"],
        "prompts": spec["prompts"],
        "settings": {key: spec["model"][key] for key in ("steps", "guidance", "scheduler", "negative_prompt")},
    }


def threshold(posteriors: Sequence[float], right: Sequence[bool], target: float, confidence: float) -> Threshold:
    """The lowest threshold above which at least `target` of the images are right, with `confidence`.

    The bound is Clopper and Pearson's, one-sided. Thresholds are tried from the strictest down, and the first that
    fails ends the search: fixed-sequence testing, which keeps the confidence although many are tried
    (Angelopoulos et al. 2021, "Learn then Test"). Where the search begins must not depend on the labels: with the
    images that the judge takes for their class rather than not, but with no fewer than could pass if all are right,
    and with no more than could pass with one wrong among them.
    """
    labelled = len(posteriors)
    order = sorted(range(labelled), key=lambda index: -posteriors[index])
    found = Threshold(None, labelled, labelled, sum(right), _bound(sum(right), labelled, confidence))
    least, most = (_enough(wrong, labelled, target, confidence) for wrong in (0, 1))
    enough = min(max(sum(posterior > 0.5 for posterior in posteriors), least), most)
    step = max(1, labelled // _STEPS)
    for count in sorted({*range(enough, labelled, step), labelled}):
        # Equal posteriors stand or fall together.
        floor = posteriors[order[count - 1]] if count else 0.0
        above = [index for index in order if posteriors[index] >= floor]
        good = sum(right[index] for index in above)
        bound = _bound(good, len(above), confidence)
        if bound < target:
            break
        found = Threshold(floor, labelled, len(above), good, bound)
    return found


def quantile(posteriors: Sequence[float], keep: float) -> Threshold:
    """The threshold that the share `keep` (0..1) of the pictures reaches. Nobody has looked whether they are right."""
    if not posteriors:
        return Threshold(None, 0, 0, None, None)
    floor = sorted(posteriors, reverse=True)[max(1, round(keep * len(posteriors))) - 1]
    return Threshold(floor, len(posteriors), sum(posterior >= floor for posterior in posteriors), None, None)


def curve(
    posteriors: Sequence[float], right: Sequence[bool], confidence: float
) -> tuple[tuple[float, float, float], ...]:
    """Of every threshold, from the strictest down: the share of images that it accepts, the share of those that is
    right, and its lower bound, each bound for itself."""
    points, good = [], 0
    order = sorted(range(len(posteriors)), key=lambda index: -posteriors[index])
    for count, index in enumerate(order, start=1):
        good += right[index]
        if count == len(order) or posteriors[order[count]] < posteriors[index]:
            points.append((count / len(order), good / count, _bound(good, count, confidence)))
    return tuple(points)


def _enough(wrong: int, labelled: int, target: float, confidence: float) -> int:
    """How many images must be labelled for `wrong` of them to be allowed; all, where they do not suffice."""
    counts = range(wrong + 1, labelled)
    return next((count for count in counts if _bound(count - wrong, count, confidence) >= target), labelled)


def _bound(right: int, of: int, confidence: float) -> float:
    from scipy.stats import binomtest

    if not of:
        return 0.0
    return float(binomtest(right, of, alternative="greater").proportion_ci(confidence, method="exact").low)


def _shown(made_for: Mapping[str, Any], wanted: Mapping[str, Any], key: str) -> str:
    return f"{json.dumps(made_for.get(key))[:120]} and not {json.dumps(wanted[key])[:120]}"
