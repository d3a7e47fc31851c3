"""How unlike the images of a set are, class by class, at one number of images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthgen.auditing.embeddings.findings import ClassDiversity, Diversity, estimated
from synthgen.auditing.embeddings.rows import MOST_COMPARED, THRESHOLD, Rows, check_threshold, pairs_of, read_rows
from synthgen.stats.estimates import wilson
from synthgen.stats.search import Alike, Codes, alike_to_drawn, alike_within
from synthgen.stats.spread import draws, mean_distance, of_parts, repeated, rke, spectrum, vendi

LEAST = 20
"""Images of a class that is measured: two halves of ten."""
_MOST = 512


def measure_diversity(
    ids: Sequence[str],
    classes: Sequence[str],
    vectors: np.ndarray,
    seed: int = 0,
    threshold: float = THRESHOLD,
    most_compared: int = MOST_COMPARED,
) -> Diversity:
    """Diversity of n images, whose embeddings are float [n, d]; rows are made of length 1.

    RKE and Vendi score grow with the number of images, so that of every class is of as many: half of the smallest
    class that has `LEAST`; where none has, half of all. Their intervals come from random halves. Near-duplicates are
    looked for among all, exactly. Of more than `most_compared` images a random sample is compared with all of them, at
    no more cosines. Whether an image has a near-duplicate is exact for each that was drawn, so their rate is a binomial
    estimate of the set's, with Wilson's interval, however many copies an image has. Among the drawn alone a pair would
    only be found if both of its images were drawn.

    Args:
        threshold: the least cosine of near-duplicates. What it means depends on the model of the embeddings.
        most_compared: images, up to which every pair is compared.

    Raises:
        UsageError: the three do not belong together, a vector is 0 or not finite, an id comes twice, or the threshold
            is no cosine above 0.
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
    """Places whose cosines with all are as many as those of the pairs of `most_compared` images. None: all are few."""
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
