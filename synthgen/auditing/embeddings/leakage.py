"""What a set copied from a reference set, and how close to it the set is."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from scipy.stats import binom

from synthgen.auditing.embeddings.findings import ClassLeakage, Leakage, NearDuplicate, PairsApart, estimated
from synthgen.auditing.embeddings.near import CLASS, drawn_of, rate, search_check
from synthgen.auditing.embeddings.rows import THRESHOLD, Rows, check_threshold, pairs_of, read_rows
from synthgen.errors import UsageError
from synthgen.stats.estimates import ALPHA, Estimate, Floats, estimate, wilson
from synthgen.stats.gathering import DIGITS
from synthgen.stats.kernels import NEIGHBOURS, discrepancy, median_distance, overlap
from synthgen.stats.search import Vectors, nearest
from synthgen.stats.spread import draws, of_parts
from synthgen.stats.twins import MOST_COMPARED, AlikeInSets, twins_between

LEAST = 20
_MOST = 512
_SHOWN = 24


def least_compared(neighbours: int) -> int:
    """Return the fewest images of each set to compare: two halves, each larger than a ball of neighbours."""
    return max(LEAST, 4 * neighbours)


def measure_leakage(
    ids: Sequence[str],
    classes: Sequence[str],
    vectors: np.ndarray,
    reference_ids: Sequence[str],
    reference_classes: Sequence[str],
    reference_vectors: np.ndarray,
    seed: int = 0,
    threshold: float = THRESHOLD,
    neighbours: int = NEIGHBOURS,
    bandwidth: float | None = None,
    most_compared: int = MOST_COMPARED,
) -> Leakage:
    """Compare n images with m reference images by embeddings of one model, float [n, d] and [m, d].

    Near-duplicates and nearest neighbours of all images are searched in the whole reference set; within a class, among
    its own reference images. Up to `most_compared` ** 2 pairs are all compared. Otherwise an index is searched, and
    images drawn at random are compared with the whole reference: they tell what the index missed, and the median of
    the nearest neighbours is theirs. Coverage, density, precision and recall use halves of both sets of
    the same size, at most 512 images; their intervals come from several such halves.

    Args:
        threshold: the least cosine of near-duplicates. Its meaning depends on the model of the embeddings.
        neighbours: the k of the k-th neighbour that a ball reaches: see `kernels.overlap`.
        bandwidth: of the Gaussian kernel, as a Euclidean distance; by default each scope's own median distance of two
            reference images. Set it to compare kernel distances of several references, or of several scopes.

    Raises:
        UsageError: the embeddings are of different models, or not what `measure_diversity` takes; or the threshold, the
            number of neighbours or the bandwidth is not valid.
    """
    check_threshold(threshold)
    if neighbours < 1 or not (bandwidth is None or 0 < bandwidth < np.inf):
        raise UsageError(f"expected neighbours and a bandwidth above 0, found {neighbours} and {bandwidth}")
    own = read_rows(ids, classes, vectors, "the set")
    there = read_rows(reference_ids, reference_classes, reference_vectors, "the reference")
    if own.vectors.shape[1] != there.vectors.shape[1]:
        found = f"{own.vectors.shape[1]} and {there.vectors.shape[1]} numbers"
        raise UsageError(f"expected embeddings of one model, found embeddings of {found}")

    codes = {name: code for code, name in enumerate(own.names)}
    coded = np.array([codes.get(name, -1) for name in there.names], dtype=np.int64)[there.codes]
    twins = twins_between(
        own.vectors, own.codes, there.vectors, coded, threshold, most_compared=most_compared, seed=seed
    )
    check = search_check(twins)

    scopes = []
    for number, name in enumerate([None, *own.names]):
        places = None if name is None else np.flatnonzero(own.codes == codes[name])
        others = None if name is None else np.flatnonzero(coded == codes[name])
        images = own.vectors if places is None else own.vectors[places]
        pair = _Pair(name, images, there.vectors if others is None else there.vectors[others], neighbours, bandwidth)
        flags = twins.anywhere if places is None else twins.in_class[places]
        scope = _scope(pair, int(flags.sum()), _nearest(pair, own, twins), np.random.default_rng([seed, 4, number]))
        if scope.duplicate_rate is not None and check is not None:
            scope = replace(scope, duplicate_rate=rate(twins, own.codes, number - 1 if number else None))
        scopes.append(replace(scope, drawn=drawn_of(twins, own.codes, number - 1 if number else None)))

    leakage = Leakage(
        images=len(own),
        reference_images=len(there),
        threshold=threshold,
        scopes=tuple(scopes),
        pairs=pairs_of(own, there, twins.first, twins.second, twins.cosines),
        pairs_found=twins.found,
        neighbours=neighbours,
        nearest_pairs=_nearest_pairs(own, there, twins) if len(there) else (),
        drawn=check.drawn if check else None,
        search="exact" if check is None else "index",
        check=check,
        apart=tuple(PairsApart(CLASS, pairs) for pairs in twins.differing),
    )
    if check is None:
        return leakage
    told = estimated("near-duplicates of the reference", scopes[0].duplicate_rate, f"{check.told}; {leakage.source}")
    return replace(leakage, caveats=(told,))


def _nearest(pair: "_Pair", own: Rows, twins: AlikeInSets) -> Vectors:
    """Return the cosines of images with their nearest reference image: of all images, or of those drawn."""
    if twins.check is None:
        if pair.name is None:
            return twins.nearest_cosines
        return nearest(pair.images, pair.reference) if len(pair.reference) else np.empty(0, np.float32)
    if pair.name is None:
        return twins.check.nearest_cosines
    drawn = twins.check.drawn[own.codes[twins.check.drawn] == own.names.index(pair.name)]
    if not len(drawn) or not len(pair.reference):
        return np.empty(0, np.float32)
    return nearest(own.vectors[drawn], pair.reference)


def _nearest_pairs(own: Rows, there: Rows, alike: AlikeInSets) -> tuple[NearDuplicate, ...]:
    first = np.argsort(-np.round(alike.nearest_cosines, DIGITS), kind="stable")[:_SHOWN]
    first = first[alike.nearest[first] >= 0]
    return pairs_of(own, there, first, alike.nearest[first], alike.nearest_cosines[first])


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    name: str | None
    images: Vectors
    reference: Vectors
    neighbours: int
    bandwidth: float | None


def _scope(pair: _Pair, duplicates: int, near: Vectors, rng: np.random.Generator) -> ClassLeakage:
    images, reference = len(pair.images), len(pair.reference)
    found = ClassLeakage(pair.name, images, reference, None, 0, None, None, None, None)
    if not images or not reference:
        return replace(found, reason="the reference has no image of it" if images else "there are no images")

    median = _median(np.sort(near.astype(np.float64))) if len(near) else None
    found = replace(found, nearest=median, duplicates=duplicates)
    found = replace(found, duplicate_rate=wilson(duplicates, images))

    least = least_compared(pair.neighbours)
    if min(images, reference) < least:
        reason = f"{images} images and {reference} of the reference; {least} of each are needed to compare more"
        return replace(found, reason=reason)
    size = min(min(images, reference) // 2, max(_MOST, least // 2))
    return _with_distance(_with_overlap(found, pair, size, rng), pair, size, rng)


def _with_overlap(found: ClassLeakage, pair: _Pair, size: int, rng: np.random.Generator) -> ClassLeakage:
    """Add the overlap of parts of the same size, and that of as many other reference images for comparison."""
    images, reference = len(pair.images), len(pair.reference)
    overlaps, usual = [], []
    for one, other in zip(draws(size, images, rng), draws(size, reference, rng), strict=True):
        rest = rng.permutation(np.setdiff1d(np.arange(reference), other))[:size]
        theirs = pair.reference[other]
        overlaps.append(astuple(overlap(theirs, pair.images[one], pair.neighbours)))
        usual.append(overlap(theirs, pair.reference[rest], pair.neighbours))

    coverage, density, precision, recall = np.array(overlaps).T
    of = size, min(images, reference)
    return replace(
        found,
        compared=size,
        coverage=of_parts(coverage, *of, 0, 1),
        density=of_parts(density, *of, 0, np.inf),
        precision=of_parts(precision, *of, 0, 1),
        recall=of_parts(recall, *of, 0, 1),
        usual_coverage=float(np.mean([each.coverage for each in usual])),
        usual_precision=float(np.mean([each.precision for each in usual])),
    )


def _with_distance(found: ClassLeakage, pair: _Pair, size: int, rng: np.random.Generator) -> ClassLeakage:
    mine = pair.images[rng.choice(len(pair.images), 2 * size, replace=False)]
    theirs = pair.reference[rng.choice(len(pair.reference), 2 * size, replace=False)]
    width = pair.bandwidth or median_distance(theirs)
    distance = discrepancy(mine, theirs, width, rng)
    return replace(
        found, kernel_distance=distance.found, chance_kernel_distance=distance.chance, bandwidth=float(width)
    )


def _median(ordered: Floats) -> Estimate:
    """Return the median, with the interval of two order statistics, which is valid for any distribution."""
    count = len(ordered)
    low = int(binom.ppf(ALPHA / 2, count, 0.5))
    return estimate(float(np.median(ordered)), ordered[max(low - 1, 0)], ordered[min(count - low, count - 1)])
