"""How far shares are from a reference, and how far chance alone would put a sample of this size."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from synthgen.errors import UsageError
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate

_NULL, _TRIED, _EACH = 4000, 41, 800
"""Samples drawn from the reference; shares tried for an interval, and samples drawn from each."""
_APART = 1.25
"""Sample sizes vary by at most this factor, up or down."""
SAME = 1e-12
"""Two distances that differ by less than this are equal up to rounding."""


class Measure(StrEnum):
    TV = "tv"
    ENTROPY = "entropy"
    MIN_MAX_RATIO = "min_max_ratio"
    JS = "js"

    @property
    def falls(self) -> bool:
        """Whether equal shares give 1 and others less. For the other measures, equal shares give 0 and others more."""
        return self in (Measure.ENTROPY, Measure.MIN_MAX_RATIO)


@dataclass(frozen=True, slots=True)
class Target:
    """The target shares of an attribute's values.

    Attributes:
        images: the size of the real set in which they were counted; None if they were given, and so are exact.
    """

    shares: Mapping[str, float]
    images: int | None = None

    def checked(self, attribute: str, values: Sequence[str]) -> Floats:
        """Return the shares in the order of `values`; a missing value has share 0.

        Raises:
            UsageError: the attribute does not have a value, or the shares do not add up to 1.
        """
        found = np.array([self.shares.get(value, 0.0) for value in values], dtype=float)
        if strange := [value for value in self.shares if value not in values]:
            raise UsageError(
                f"the reference of {attribute} has the unknown value {strange[0]!r}",
                hint=f"Expected {', '.join(values)}.",
            )
        if not (found >= 0).all():
            raise UsageError(f"the reference of {attribute}: a share is below 0", hint="Shares must be from 0 to 1.")
        if abs(found.sum() - 1) > 1e-6:
            raise UsageError(
                f"the reference of {attribute}: the shares add up to {found.sum():g}", hint="They must add up to 1."
            )
        return found


@dataclass(frozen=True, slots=True)
class Reference:
    """What an attribute is measured against.

    Attributes:
        source: in words: 'uniform', 'declared shares', 'the real set'.
        overall: the target of the whole set; and of each class, if `classes` is empty.
        classes: the targets of classes.
    """

    source: str
    overall: Target
    classes: Mapping[str, Target] = field(default_factory=dict)

    def of(self, class_name: str | None) -> Target | None:
        """Return the target of a class, or of the whole set; None for a class that the real set lacks."""
        if class_name is None or not self.classes:
            return self.overall
        return self.classes.get(class_name)


def uniform(values: Sequence[str]) -> Reference:
    return Reference("uniform", Target({value: 1 / len(values) for value in values}))


@dataclass(frozen=True, slots=True)
class Distance:
    """One measure of shares against a reference.

    Attributes:
        found: with its interval.
        chance_mean: the measure's mean over samples of this size drawn from the reference itself.
        chance_limit: the limit that nineteen in twenty of these samples keep: from below or, for a measure that falls,
            from above.
        p_value: the share of these samples that are as far or farther: a Monte-Carlo test.
        images: how many independent images this is estimated from; for corrected shares, or images of common prompts,
            how many would be as precise.
        reference_images: likewise of the reference; None if it is exact.
        adjusted: the p-value with Holm's correction for the classes, or overall for the attributes, that were tested.
    """

    measure: Measure
    found: Estimate
    chance_mean: float
    chance_limit: float
    p_value: float
    images: float
    reference_images: int | None = None
    adjusted: float | None = None


def total_variation(shares: Floats, wanted: Floats) -> Floats:
    """Return half the sum of the absolute differences, in 0..1: the share of images that would have to change."""
    found: Floats = np.abs(shares - wanted).sum(-1) / 2
    return found


def entropy(shares: Floats, wanted: Floats) -> Floats:
    """Return 1 - KL(shares || wanted) / greatest possible KL, in 0..1.

    Against a uniform reference, this is Shannon's entropy over that of even shares (Pielou's evenness, 1966). It is 0
    if a value occurs whose target is 0.
    """
    ratio = np.divide(shares, wanted, out=np.where(shares > 0, np.inf, 1.0), where=(wanted > 0) & (shares > 0))
    greatest = -np.log(np.where(wanted > 0, wanted, 1.0).min(-1))
    divergence = (shares * np.log(ratio, where=shares > 0, out=np.zeros_like(ratio))).sum(-1)
    found: Floats = np.clip(1 - divergence / np.maximum(greatest, 1e-12), 0.0, 1.0)
    return found


def min_max_ratio(shares: Floats, wanted: Floats) -> Floats:
    """Return the smallest ratio of a share to its target by the largest one, in 0..1; 1 if all are on target.

    It is 0 if a value occurs whose target is 0.
    """
    unwanted = np.where(shares > 0, np.inf, np.nan)
    ratio = np.divide(shares, wanted, out=np.broadcast_arrays(unwanted, wanted)[0].copy(), where=wanted > 0)
    greatest = np.nanmax(ratio, -1)
    found: Floats = np.divide(np.nanmin(ratio, -1), greatest, out=np.zeros_like(greatest), where=greatest > 0)
    return found


def jensen_shannon(shares: Floats, wanted: Floats) -> Floats:
    """Return the Jensen-Shannon divergence to base 2, in 0..1 (Lin 1991, IEEE Trans. Information Theory 37)."""
    middle = (shares + wanted) / 2

    def kl(first: Floats) -> Floats:
        ratio = np.divide(first, middle, out=np.ones_like(middle), where=(first > 0) & (middle > 0))
        found: Floats = (first * np.log2(ratio)).sum(-1)
        return found

    return np.clip((kl(shares) + kl(np.broadcast_to(wanted, shares.shape))) / 2, 0.0, 1.0)


FUNCTIONS: Mapping[Measure, Callable[[Floats, Floats], Floats]] = {
    Measure.TV: total_variation,
    Measure.ENTROPY: entropy,
    Measure.MIN_MAX_RATIO: min_max_ratio,
    Measure.JS: jensen_shannon,
}


def distances(
    shares: Floats,
    images: float,
    wanted: Floats,
    wanted_images: int | None,
    rng: np.random.Generator,
    measures: Collection[Measure] = tuple(Measure),
) -> tuple[Distance, ...]:
    """Compute measures of `shares` against `wanted`, estimated from `images` independent images.

    A sample is farther from a reference than the set that it is drawn from, especially if it is small: with seven even
    values, 100 images show a total variation of 0.10. So each measure is given beside what samples of the reference
    show, and its interval is found by inversion. True shares are tried along lines that lead away from the reference,
    samples are drawn from each, and a distance belongs to the interval if the measure found is not among the most
    extreme 5 % of them. Quotas can make shares nearer to the reference than half of its samples would be. They count as
    no nearer than those: that a sample hits the reference says little about its source. If the reference is a real set
    of `wanted_images`, it is redrawn as well.

    `images` is a whole number only if the images were counted. Shares that are corrected, or come from images with
    common prompts, fall between what samples of one size can show. The samples then vary in size, by up to a quarter.
    """
    size, sizes = max(1, round(images)), sizes_of(shares, images)
    pooled = (shares * size + wanted * wanted_images) / (size + wanted_images) if wanted_images else wanted
    null, null_wanted = samples(pooled[None], pooled, sizes, wanted_images, _NULL, rng)
    both = 1 / (1 / size + (1 / wanted_images if wanted_images else 0))

    here, reach = float(total_variation(shares, wanted)), 1.5 * (len(shares) / both) ** 0.5
    paths = [path(wanted, direction, here, reach) for direction in directions(shares, wanted, both)]
    drawn = [samples(tried, wanted, sizes, wanted_images, _EACH, rng) for tried in paths]

    found = []
    for measure, function in ((each, FUNCTIONS[each]) for each in Measure if each in measures):
        sign = -1.0 if measure.falls else 1.0
        value = sign * float(function(shares, wanted))
        chance = sign * function(null, null_wanted)[:, 0]
        near, far = zip(
            *(
                _ends(value, sign * function(tried, wanted), sign * function(*samples), chance)
                for tried, samples in zip(paths, drawn, strict=True)
            ),
            strict=True,
        )
        found.append(
            Distance(
                measure,
                estimate(sign * value, *sorted((sign * near[0], sign * max(far)))),
                float(sign * chance.mean()) + 0.0,
                float(sign * np.quantile(chance, 1 - ALPHA)) + 0.0,  # never -0.0
                float((1 + (chance >= value - SAME).sum()) / (1 + len(chance))),
                float(images),
                wanted_images,
            )
        )
    return tuple(found)


def sizes_of(shares: Floats, images: float) -> Ints:
    """Return the sizes that samples may have: one size if the shares were counted, else those around it."""
    size = max(1, round(images))
    if np.allclose(shares * size, np.round(shares * size), atol=1e-6):
        return np.array([size])
    return np.arange(max(1, round(images / _APART)), round(images * _APART) + 2)


def directions(shares: Floats, wanted: Floats, images: float) -> tuple[Floats, ...]:
    """Return directions away from `wanted`: towards the shares found; one value in excess; one value lacking.

    The last two serve the farther end: a sample exaggerates a distance least if few values are near their target.
    """
    found = (shares * images + 0.5) / (images + 0.5 * len(shares)) - wanted
    most, least = (np.eye(len(wanted))[index] - wanted for index in (int(np.argmax(found)), int(np.argmin(found))))
    # If the reference is a single value, some directions lead nowhere.
    ways = tuple(way for way in (found, most, -least) if np.abs(way).max() > SAME)
    return ways or (np.eye(len(wanted))[int(np.argmin(wanted))] - wanted,)


def path(wanted: Floats, direction: Floats, here: float, reach: float) -> Floats:
    """Return shares to try, [tried, values], at increasing distances from `wanted`.

    Their total variations are within `here` +- `reach`. They follow the direction to the edge of the simplex, and from
    there lead to the value that is most in excess.
    """
    direction = direction / (np.abs(direction).sum() / 2)
    falling = direction < -SAME
    edge = float((wanted[falling] / -direction[falling]).min())
    most = int(np.argmax(direction))
    farthest = max(1 - wanted[most], edge + SAME)
    steps = np.linspace(max(0.0, here - reach), min(farthest, here + reach), _TRIED)[:, None]
    inside = wanted + np.minimum(steps, edge) * direction
    beyond = np.clip((steps - edge) / (farthest - edge), 0.0, 1.0)
    path = np.clip(inside * (1 - beyond) + np.eye(len(wanted))[most] * beyond, 0.0, None)
    found: Floats = path / path.sum(-1, keepdims=True)
    return found


def samples(
    shares: Floats, wanted: Floats, sizes: Ints, wanted_images: int | None, many: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw `many` samples of each row, each of one of the `sizes`.

    Returns:
        Their shares [many, rows, values], and the reference that each is measured against.
    """
    images = rng.choice(sizes, size=(many, len(shares)))
    drawn = rng.multinomial(images, shares) / images[..., None]
    if not wanted_images:
        return drawn, wanted
    return drawn, rng.multinomial(wanted_images, wanted, size=(many, len(shares))) / wanted_images


def _ends(value: float, tried: Floats, drawn: Floats, chance: Floats) -> tuple[float, float]:
    """Return the nearest and the farthest distance `tried` whose samples do not make `value` extreme."""
    nearest = max(value, float(np.median(chance)))
    at_least = np.maximum.accumulate((drawn >= value - SAME).mean(0))
    at_most = np.minimum.accumulate((drawn <= nearest + SAME).mean(0))
    return (
        float(np.interp(ALPHA / 2, at_least, tried)),
        float(np.interp(ALPHA / 2, at_most[::-1], tried[::-1])),
    )
