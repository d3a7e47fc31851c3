"""What a set took from a reference set, and how near to it it lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from synthgen.audit.embeddings.findings import ClassLeakage, Leakage
from synthgen.audit.embeddings.kernels import NEIGHBOURS, bandwidth, coverage_and_density, discrepancy
from synthgen.audit.embeddings.rows import MOST_COMPARED, THRESHOLD, pairs_of, read_rows
from synthgen.audit.embeddings.search import Vectors, alike_between, nearest
from synthgen.audit.embeddings.spread import draws, of_halves
from synthgen.audit.estimates import ALPHA, Estimate, Floats, estimate, wilson
from synthgen.errors import UsageError

LEAST = 4 * NEIGHBOURS
"""Images of each of both sets that are compared: two halves in which a ball of neighbours is no whole half."""
_MOST = 512


def measure_leakage(
    ids: Sequence[str],
    classes: Sequence[str],
    vectors: np.ndarray,
    reference_ids: Sequence[str],
    reference_classes: Sequence[str],
    reference_vectors: np.ndarray,
    seed: int = 0,
    threshold: float = THRESHOLD,
) -> Leakage:
    """Compare n images with m reference images by embeddings of one model, float [n, d] and [m, d].

    Near-duplicates and nearest neighbours are looked for in the whole reference set; within a class, in its own images
    there. Of more than `MOST_COMPARED` images so many are drawn at random. Coverage, density and kernel distance are of
    halves of both sets of one size, at most 512, and their intervals are from several of them.

    Raises:
        UsageError: the embeddings are of different models, or not what `measure_diversity` takes.
    """
    own = read_rows(ids, classes, vectors, "the set")
    there = read_rows(reference_ids, reference_classes, reference_vectors, "the reference")
    if own.vectors.shape[1] != there.vectors.shape[1]:
        found = f"{own.vectors.shape[1]} and {there.vectors.shape[1]} numbers"
        raise UsageError(f"expected embeddings of one model, found such of {found}")
    caveats = []
    if len(own) > MOST_COMPARED:
        own = own.drawn(MOST_COMPARED, np.random.default_rng([seed, 3]))
        caveats.append(f"{MOST_COMPARED:,} images of the set, drawn at random, were compared with the reference")
    codes = {name: code for code, name in enumerate(own.names)}
    coded = np.array([codes.get(name, -1) for name in there.names], dtype=np.int64)[there.codes]
    alike = alike_between(own.vectors, own.codes, there.vectors, coded, threshold)
    scopes = []
    for number, name in enumerate([None, *own.names]):
        places = np.arange(len(own)) if name is None else np.flatnonzero(own.codes == codes[name])
        others = np.arange(len(there)) if name is None else np.flatnonzero(coded == codes[name])
        pair = _Pair(name, own.vectors[places], there.vectors[others])
        flags = alike.anywhere if name is None else alike.in_class
        scopes.append(_scope(pair, int(flags[places].sum()), np.random.default_rng([seed, 4, number])))
    return Leakage(
        images=len(own),
        reference_images=len(there),
        threshold=threshold,
        scopes=tuple(scopes),
        pairs=pairs_of(own, there, alike),
        pairs_found=alike.found,
        caveats=tuple(caveats),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    name: str | None
    images: Vectors
    reference: Vectors


def _scope(pair: _Pair, duplicates: int, rng: np.random.Generator) -> ClassLeakage:
    images, reference = len(pair.images), len(pair.reference)
    if not images or not reference:
        reason = "the reference has no image of it" if images else "there are no images"
        return ClassLeakage(pair.name, images, reference, None, 0, None, None, None, None, reason)
    median = _median(np.sort(nearest(pair.images, pair.reference)[1].astype(np.float64)))
    rate = wilson(duplicates, images)
    if min(images, reference) < LEAST:
        reason = f"{images} images and {reference} of the reference; {LEAST} of each are needed to compare more"
        return ClassLeakage(pair.name, images, reference, median, duplicates, rate, None, None, None, reason)
    size = min(min(images, reference) // 2, _MOST)
    width = bandwidth(pair.reference[rng.permutation(reference)[:_MOST]])
    found, chance = [], []
    for one, other in zip(draws(size, images, rng), draws(size, reference, rng), strict=True):
        mine, theirs = pair.images[one], pair.reference[other]
        distance = discrepancy(mine, theirs, width, rng)
        found.append((*coverage_and_density(theirs, mine), distance.value))
        rest = rng.permutation(np.setdiff1d(np.arange(reference), other))[:size]
        chance.append((coverage_and_density(theirs, pair.reference[rest])[0], distance.chance))
    coverage, density, kernel = np.array(found).T
    usual_coverage, usual_kernel = np.array(chance).mean(0)
    return ClassLeakage(
        class_name=pair.name,
        images=images,
        reference_images=reference,
        nearest=median,
        duplicates=duplicates,
        duplicate_rate=rate,
        coverage=of_halves(coverage, 0, 1),
        density=of_halves(density, 0, np.inf),
        kernel_distance=of_halves(kernel, -np.inf, np.inf),
        compared=size,
        usual_coverage=float(usual_coverage),
        chance_kernel_distance=float(usual_kernel),
    )


def _median(ordered: Floats) -> Estimate:
    """With the interval between two order statistics that holds the median whatever the distribution."""
    count = len(ordered)
    low = int(binom.ppf(ALPHA / 2, count, 0.5))
    return estimate(float(np.median(ordered)), ordered[max(low - 1, 0)], ordered[min(count - low, count - 1)])
