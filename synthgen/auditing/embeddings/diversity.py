"""How diverse the images of a set are, class by class, at the same number of images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthgen.auditing.embeddings.findings import ClassDiversity, Diversity, estimated
from synthgen.auditing.embeddings.rows import MOST_COMPARED, THRESHOLD, Rows, check_threshold, pairs_of, read_rows
from synthgen.stats.estimates import wilson
from synthgen.stats.search import Alike, Codes, alike_to_drawn, alike_within
from synthgen.stats.spread import draws, mean_distance, of_parts, repeated, rke, spectrum, vendi

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

    Near-duplicates are searched exactly, in the whole set. With more than `most_compared` images, a random sample is
    compared with the whole set, with no more cosines in total. Whether a drawn image has a near-duplicate is then still
    exact, so their rate is a binomial estimate for the set, with Wilson's interval, however many copies an image has.
    Within the sample alone, a pair would only be found if both of its images were drawn.

    Args:
        threshold: the least cosine of near-duplicates. Its meaning depends on the model of the embeddings.
        most_compared: up to this many images, every pair is compared.

    Raises:
        UsageError: ids, classes and vectors do not match, a vector is 0 or not finite, an id is duplicated, or the
            threshold is not a cosine above 0.
    """
    check_threshold(threshold)
    rows = read_rows(ids, classes, vectors, "the set")
    drawn = _drawn(len(rows), most_compared, np.random.default_rng([seed, 1]))
    if drawn is None:
        alike = alike_within(rows.vectors, rows.codes, threshold)
    else:
        alike = alike_to_drawn(rows.vectors, rows.codes, drawn, threshold)

    sizes = [len(members) for members in rows.members()]
    large = [size for size in sizes if size >= LEAST]
    compared = min(min(large, default=len(rows)) // 2, _MOST)

    members = [(None, np.arange(len(rows))), *zip(rows.names, rows.members(), strict=True)]
    scopes = [
        _scope(rows, drawn, alike, name, places, compared, threshold, np.random.default_rng([seed, 2, number]))
        for number, (name, places) in enumerate(members)
    ]

    found = Diversity(
        images=len(rows),
        threshold=threshold,
        scopes=tuple(scopes),
        pairs=pairs_of(rows, rows, alike.first, alike.second, alike.cosines),
        pairs_found=alike.found,
        drawn=None if drawn is None else len(drawn),
    )
    if drawn is None:
        return found
    return replace(found, caveats=(estimated("near-duplicates", scopes[0].duplicate_rate, found.source),))


def _drawn(images: int, most_compared: int, rng: np.random.Generator) -> Codes | None:
    """Draw rows whose cosines with all rows are as many as the pairs of `most_compared` rows. None: use all rows."""
    if images <= most_compared:
        return None
    return np.sort(rng.choice(images, max(1, most_compared**2 // (2 * images)), replace=False))


def _scope(
    rows: Rows,
    drawn: Codes | None,
    alike: Alike,
    name: str | None,
    places: np.ndarray,
    compared: int,
    threshold: float,
    rng: np.random.Generator,
) -> ClassDiversity:
    codes = rows.codes if drawn is None else rows.codes[drawn]
    flags = alike.anywhere if name is None else alike.in_class[codes == rows.names.index(name)]

    found = ClassDiversity(
        class_name=name,
        images=len(places),
        compared=0,
        rke=None,
        vendi=None,
        distance=mean_distance(rows.vectors[places]) if len(places) >= 3 else None,
        duplicates=int(flags.sum()),
        duplicate_rate=wilson(int(flags.sum()), len(flags)),
        drawn=None if drawn is None else len(flags),
    )
    if len(places) < LEAST:
        reason = f"{len(places)} images; diversity is measured of {LEAST} or more"
        return replace(found, reason=reason)

    parts = [rows.vectors[places[part]] for part in draws(compared, len(places), rng)]
    spectra = [spectrum(part) for part in parts]
    size = compared, len(places)
    return replace(
        found,
        compared=compared,
        rke=of_parts(np.array([rke(values) for values in spectra]), *size, 1, compared),
        vendi=of_parts(np.array([vendi(values) for values in spectra]), *size, 1, compared),
        compared_duplicate_rate=of_parts(np.array([repeated(part, threshold) for part in parts]), *size, 0, 1),
        reason=None if len(flags) else "no image of it was drawn to look for near-duplicates",
    )
