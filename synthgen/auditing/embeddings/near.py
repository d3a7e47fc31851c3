"""The near-duplicates of a set, searched once for everything that needs them; and how much an index found of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.embeddings.findings import PairsApart, SearchCheck
from synthgen.auditing.embeddings.rows import THRESHOLD, Rows, check_threshold, read_rows
from synthgen.stats.estimates import Estimate, estimate, wilson
from synthgen.stats.search import Codes, Flags
from synthgen.stats.twins import MOST_COMPARED, AlikeInSets, TwinCheck, twins_within

CLASS = "class"
_OWN = 100
"""A class with so many drawn images tells by itself what an index missed in it."""


@dataclass(frozen=True, slots=True, eq=False)
class NearSet:
    """A set's embeddings, and its near-duplicates.

    Attributes:
        names: what pairs may differ in: the class, and attributes; in the order of `twins.differing`.
    """

    rows: Rows
    twins: AlikeInSets
    threshold: float
    names: tuple[str, ...]

    @property
    def apart(self) -> tuple[PairsApart, ...]:
        return tuple(PairsApart(name, pairs) for name, pairs in zip(self.names, self.twins.differing, strict=True))


def find_near(
    ids: Sequence[str],
    classes: Sequence[str],
    vectors: np.ndarray,
    seed: int = 0,
    threshold: float = THRESHOLD,
    most_compared: int = MOST_COMPARED,
    attributes: Mapping[str, Codes] | None = None,
) -> NearSet:
    """Search the near-duplicates of n images with embeddings float [n, d].

    Args:
        attributes: for each, a code of the value of each image, or -1 without a value: [n].

    Raises:
        UsageError: as `measure_diversity`.
    """
    check_threshold(threshold)
    rows = read_rows(ids, classes, vectors, "the set")
    groups = {CLASS: rows.codes, **(attributes or {})}
    twins = twins_within(
        rows.vectors, rows.codes, threshold, list(groups.values()), most_compared=most_compared, seed=seed
    )
    return NearSet(rows, twins, threshold, tuple(groups))


def search_check(twins: AlikeInSets) -> SearchCheck | None:
    """Compare what the index found of the drawn rows with what they have. None if the search is exact."""
    check = twins.check
    if check is None:
        return None
    true = check.partners > 0
    has, drawn, images = int(true.sum()), len(true), len(twins.anywhere)
    found = twins.partners[check.drawn]
    share = wilson(float((found[true] / check.partners[true]).sum()), has)
    return SearchCheck(drawn, wilson(int((found[true] > 0).sum()), has), share, _pairs(twins, check, images))


def rate(twins: AlikeInSets, codes: Codes, code: int | None) -> Estimate | None:
    """Estimate the share of images with a near-duplicate: in a class, those that have one in it.

    What was found is certain. What an index missed is estimated from the drawn rows, and both variances are added
    (Zou and Donner 2008, Statistics in Medicine 27).
    """
    flags = twins.anywhere if code is None else twins.in_class[codes == code]
    found = wilson(int(flags.sum()), len(flags))
    if found is None or twins.check is None:
        return found
    missed = _missed(twins, twins.check, codes, code)
    if missed is None:
        return found
    value = found.value + missed.value
    low = value - float(np.hypot(found.value - found.low, missed.value - missed.low))
    high = value + float(np.hypot(found.high - found.value, missed.high - missed.value))
    return estimate(min(value, 1.0), max(low, found.low), min(high, 1.0))


def drawn_of(twins: AlikeInSets, codes: Codes, code: int | None) -> int | None:
    """Count the drawn rows of a class, or all of them; None if the search is exact."""
    if twins.check is None:
        return None
    own = codes[twins.check.drawn]
    return len(own) if code is None else int((own == code).sum())


def _missed(twins: AlikeInSets, check: TwinCheck, codes: Codes, code: int | None) -> Estimate | None:
    """Estimate the share of images that have a near-duplicate which the index missed."""
    if code is None:
        return wilson(int(((check.partners > 0) & ~twins.anywhere[check.drawn]).sum()), len(check.drawn))
    marked: Flags = twins.in_class[check.drawn]
    missed, own = (check.in_class > 0) & ~marked, codes[check.drawn] == code
    if own.sum() >= _OWN:
        return wilson(int(missed[own].sum()), int(own.sum()))
    of_all = wilson(int(missed.sum()), int((~marked).sum()))
    if of_all is None:
        return None
    left = float((~twins.in_class[codes == code]).mean())
    return estimate(left * of_all.value, left * of_all.low, left * of_all.high)


def _pairs(twins: AlikeInSets, check: TwinCheck, images: int) -> Estimate:
    """Estimate the number of all pairs: those found, and half of the partners that the images miss."""
    missed = (check.partners - twins.partners[check.drawn]).astype(float)
    some = wilson(float((missed > 0).sum()), len(missed))
    wide = 1.96 * float(missed.std(ddof=1)) / np.sqrt(len(missed)) if len(missed) > 1 else float(missed.max())
    high = max(missed.mean() + wide, some.high if some else 0.0)
    halves = (images / 2 * each for each in (missed.mean(), max(missed.mean() - wide, 0.0), high))
    value, low, most = (twins.found + each for each in halves)
    return estimate(value, low, most)
