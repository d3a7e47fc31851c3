"""The domain alarm: whether a judge was checked on such pictures as these.

What a judge was checked on is kept as embeddings by the judge itself. Pictures of a set are compared with them one by
one, each with the picture that is nearest to it, so that another mix of classes or values alone rings no alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Estimate, holm, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synthgen.spec import Attribute

    Ask = Callable[[Attribute, NDArray[np.float32]], Sequence[str]]

LEVEL = 0.01
"""An alarm rings this often, at most, where no more than `TOLERATED` of a set differs."""
TOLERATED = 0.1
"""The share of a set's images that may differ before an alarm: of what the judge was checked on, `FARTHEST` does."""
FARTHEST = 0.01
SURE = 0.9
"""A posterior below this one counts as unsure."""
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class DomainTest:
    """One comparison of a set with the pictures that its judge was checked on.

    Attributes:
        what: 'distance', or 'unknown' or 'unsure' and the attribute.
        here: the share of the set's images: farther from every such picture than 99 % of these are from each other;
            answered 'unknown'; or with a posterior below 0.9.
        there: the same share of the pictures that are nearest to these images.
        p_value: one-sided, of the hypothesis that at most 10 % more images differ here than there.
        adjusted: with Holm's correction for all comparisons of the set.
    """

    what: str
    here: Estimate
    there: float
    p_value: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Domain:
    """Whether a set looks like what its judge was checked on.

    Attributes:
        checked_on: the pictures that the judge was checked on, in words.
        pictures: their number.
        level: how often the alarm rings by chance, at most.
        alarm: why the judge's answers on this set may be worse than they were there; None if it does not ring.
    """

    checked_on: str
    pictures: int
    level: float
    tests: tuple[DomainTest, ...]
    alarm: str | None


@dataclass(frozen=True, slots=True, eq=False)
class CheckedOn:
    """The pictures that a judge was checked on.

    Attributes:
        vectors: their embeddings by the judge, of unit length, float32 [n, width].
        name: in words.
    """

    vectors: NDArray[np.float32]
    name: str


def compare_domain(
    vectors: NDArray[np.float32], checked_on: CheckedOn, attributes: Mapping[str, Attribute], answers: Ask | None
) -> Domain | None:
    """Compare a set with what its judge was checked on.

    The distance of an image is 1 minus the cosine to the nearest picture. The share of images beyond the 99 % quantile
    of the pictures' own distances, each left out in turn, is tested by the exact binomial test against 10 %. This is
    how conformal prediction tells outliers (Bates et al. 2023, Annals of Statistics 51), with a tolerance. Abstentions
    and low posteriors are compared in pairs of an image and its nearest picture: McNemar's statistic with a margin (Nam
    1997, Biometrics 53). Nearest pictures follow the set's mix of classes and values.

    Args:
        vectors: the set's embeddings by the judge, of unit length, float32 [n, width].
        answers: asks the judge by embeddings; None to compare distances only.

    Returns:
        None for a set without images.
    """
    if not len(vectors):
        return None
    nearest, distance = _nearest(vectors, checked_on.vectors)
    beyond = distance > np.quantile(_own_distances(checked_on.vectors), 1 - FARTHEST)
    found = [_of_distance(beyond)]
    if answers is not None:
        for name, attribute in attributes.items():
            found += _of_answers(name, attribute, vectors, checked_on.vectors, nearest, answers)

    corrected = holm([test.p_value for test in found])
    tests = tuple(replace(test, adjusted=p or 0.0) for test, p in zip(found, corrected, strict=True))
    return Domain(checked_on.name, len(checked_on.vectors), LEVEL, tests, _alarm(tests, checked_on.name))


def _nearest(vectors: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    places, distances = [], []
    for start in range(0, len(vectors), _ROWS):
        alike = vectors[start : start + _ROWS] @ others.T
        places.append(alike.argmax(1))
        distances.append(1 - alike.max(1))
    return np.concatenate(places), np.concatenate(distances)


def _own_distances(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    distances = []
    for start in range(0, len(vectors), _ROWS):
        alike = vectors[start : start + _ROWS] @ vectors.T
        own = np.arange(len(alike))
        alike[own, start + own] = -1
        distances.append(1 - alike.max(1))
    return np.concatenate(distances)


def _of_distance(beyond: NDArray[np.bool_]) -> DomainTest:
    from scipy.stats import binomtest

    far, images = int(beyond.sum()), len(beyond)
    share = wilson(far, images)
    assert share is not None, "there are images"
    p_value = float(binomtest(far, images, TOLERATED, alternative="greater").pvalue)
    return DomainTest("distance", share, FARTHEST, p_value, p_value)


def _of_answers(
    name: str,
    attribute: Attribute,
    vectors: NDArray[np.float32],
    others: NDArray[np.float32],
    nearest: NDArray[np.intp],
    answers: Ask,
) -> Iterator[DomainTest]:
    from synthgen.spec import UNKNOWN

    stricter = attribute.model_copy(update={"abstain_below": SURE})
    for what, asked in (("unknown", attribute), ("unsure", stricter)):
        here, there = (np.array(answers(asked, each)) == UNKNOWN for each in (vectors, others))
        share = wilson(int(here.sum()), len(here))
        assert share is not None, "there are images"
        p_value = margin_p_value(here, there[nearest])
        yield DomainTest(f"{what} {name}", share, float(there[nearest].mean()), p_value, p_value)


def margin_p_value(here: NDArray[np.bool_], there: NDArray[np.bool_]) -> float:
    """Test pairs: whether the share `here` exceeds that `there` by more than `TOLERATED`. One-sided."""
    from scipy.stats import norm

    pairs = len(here)
    more = (here & ~there).sum() - (~here & there).sum() - pairs * TOLERATED
    difference = (here.mean() - there.mean()) if pairs else 0.0
    # Pairs that differ have at least the frequency that the margin alone would give.
    variance = max(float((here ^ there).mean()), TOLERATED) - max(difference, TOLERATED) ** 2
    if more <= 0:
        return 1.0
    return float(norm.sf(more / np.sqrt(pairs * max(variance, 1e-12)))) if variance > 0 else 0.0


def _alarm(tests: Sequence[DomainTest], name: str) -> str | None:
    ringing = [test for test in tests if test.adjusted < LEVEL]
    return "; ".join(_said(test) for test in ringing[:3]) or None


def _said(test: DomainTest) -> str:
    kind, _, attribute = test.what.partition(" ")
    here, there = f"{test.here.value:.0%}", f"{test.there:.0%}"
    if kind == "distance":
        return f"{here} of these pictures look to it unlike any of those, where {there} is expected"
    of = attribute.replace("_", " ")
    if kind == "unknown":
        return f"of {of}, it cannot tell {here} of these, and {there} of the most similar ones there"
    return f"of {of}, it is unsure (posterior below {SURE:g}) about {here} of these, and {there} there"
