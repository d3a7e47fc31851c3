"""How diverse the images of a set are, class by class, at the same number of images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthgen.auditing.embeddings.findings import ClassDiversity, Diversity, estimated
from synthgen.auditing.embeddings.near import NearSet, drawn_of, find_near, rate, search_check
from synthgen.auditing.embeddings.rows import THRESHOLD, pairs_of
from synthgen.stats.spread import draws, mean_distance, of_parts, repeated, rke, spectrum, vendi
from synthgen.stats.twins import MOST_COMPARED

LEAST = 20
"""The fewest images of a class that is measured: two halves of ten."""
_MOST = 512


def measure_diversity(
    ids: Sequence[str],
    classes: Sequence[str],
    vectors: np.ndarray,
    seed: int = 0,
    threshold: float = THRESHOLD,
    most_compared: int = MOST_COMPARED,
) -> Diversity:
    """Measure the diversity of n images with embeddings float [n, d]. Rows are scaled to length 1.

    RKE and Vendi score grow with the number of images, so every class is measured on the same number: half of the
    smallest class that has `LEAST` images or, if none has, half of all images. Their intervals come from random halves.

    Near-duplicates are searched in the whole set: see `twins.twins_within`. Among up to `most_compared` images,
    every pair is compared. Among more, an index finds pairs, and images drawn at random are compared with all
    others. These tell what share the index found, and the rate of near-duplicates is estimated from both.

    Args:
        threshold: the least cosine of near-duplicates. Its meaning depends on the model of the embeddings.
        most_compared: up to this many images, every pair is compared.

    Raises:
        UsageError: ids, classes and vectors do not match, a vector is 0 or not finite, an id is duplicated, or the
            threshold is not a cosine above 0.
    """
    return diversity_of(find_near(ids, classes, vectors, seed, threshold, most_compared), seed)


def diversity_of(near: NearSet, seed: int = 0) -> Diversity:
    """Measure the diversity of a set whose near-duplicates are found: see `measure_diversity`."""
    rows, twins = near.rows, near.twins
    sizes = [len(members) for members in rows.members()]
    large = [size for size in sizes if size >= LEAST]
    compared = min(min(large, default=len(rows)) // 2, _MOST)

    members: list[np.ndarray | None] = [None, *rows.members()]
    scopes = [
        _scope(near, number - 1 if number else None, places, compared, np.random.default_rng([seed, 2, number]))
        for number, places in enumerate(members)
    ]

    check = search_check(twins)
    found = Diversity(
        images=len(rows),
        threshold=near.threshold,
        scopes=tuple(scopes),
        pairs=pairs_of(rows, rows, twins.first, twins.second, twins.cosines),
        pairs_found=twins.found,
        drawn=check.drawn if check else None,
        search="exact" if check is None else "index",
        check=check,
        apart=near.apart,
    )
    if check is None:
        return found
    return replace(
        found, caveats=(estimated("near-duplicates", scopes[0].duplicate_rate, f"{check.told}; {found.source}"),)
    )


def _scope(
    near: NearSet, code: int | None, places: np.ndarray | None, compared: int, rng: np.random.Generator
) -> ClassDiversity:
    rows, twins = near.rows, near.twins
    flags = twins.anywhere if places is None else twins.in_class[places]
    vectors = rows.vectors if places is None else rows.vectors[places]

    found = ClassDiversity(
        class_name=None if code is None else rows.names[code],
        images=len(vectors),
        compared=0,
        rke=None,
        vendi=None,
        distance=mean_distance(vectors) if len(vectors) >= 3 else None,
        duplicates=int(flags.sum()),
        duplicate_rate=rate(twins, rows.codes, code),
        drawn=drawn_of(twins, rows.codes, code),
    )
    if len(vectors) < LEAST:
        reason = f"{len(vectors)} images; diversity is measured of {LEAST} or more"
        return replace(found, reason=reason)

    parts = [vectors[part] for part in draws(compared, len(vectors), rng)]
    spectra = [spectrum(part) for part in parts]
    size = compared, len(vectors)
    return replace(
        found,
        compared=compared,
        rke=of_parts(np.array([rke(values) for values in spectra]), *size, 1, compared),
        vendi=of_parts(np.array([vendi(values) for values in spectra]), *size, 1, compared),
        compared_duplicate_rate=of_parts(np.array([repeated(part, near.threshold) for part in parts]), *size, 0, 1),
    )
