"""How unlike the images of a set are, class by class, at one number of images."""

from collections.abc import Sequence

import numpy as np

from synthgen.audit.embeddings.findings import ClassDiversity, Diversity
from synthgen.audit.embeddings.rows import MOST_COMPARED, THRESHOLD, Rows, check_threshold, pairs_of, read_rows
from synthgen.audit.embeddings.search import Alike, alike_within
from synthgen.audit.embeddings.spread import draws, mean_distance, of_parts, repeated, rke, spectrum, vendi
from synthgen.audit.estimates import wilson

LEAST = 20
"""Images of a class that is measured: two halves of ten."""
_MOST = 512


def measure_diversity(
    ids: Sequence[str], classes: Sequence[str], vectors: np.ndarray, seed: int = 0, threshold: float = THRESHOLD
) -> Diversity:
    """Diversity of n images, whose embeddings are float [n, d]; rows are made of length 1.

    RKE and Vendi score grow with the number of images, so that of every class is of as many: half of the smallest
    class that has `LEAST`; where none has, half of all. Their intervals come from random halves. Near-duplicates are
    looked for among all, exactly; of more than `MOST_COMPARED` images, among so many drawn at random.

    Args:
        threshold: the least cosine of near-duplicates. What it means depends on the model of the embeddings.

    Raises:
        UsageError: the three do not belong together, a vector is 0 or not finite, an id comes twice, or the threshold
            is no cosine above 0.
    """
    check_threshold(threshold)
    rows = read_rows(ids, classes, vectors, "the set")
    caveats = []
    searched = rows
    if len(rows) > MOST_COMPARED:
        searched = rows.drawn(MOST_COMPARED, np.random.default_rng([seed, 1]))
        caveats.append(f"near-duplicates were looked for among {MOST_COMPARED:,} images, drawn at random")
    alike = alike_within(searched.vectors, searched.codes, threshold)
    sizes = [len(members) for members in rows.members()]
    large = [size for size in sizes if size >= LEAST]
    compared = min(min(large, default=len(rows)) // 2, _MOST)
    members = [(None, np.arange(len(rows))), *zip(rows.names, rows.members(), strict=True)]
    scopes = [
        _scope(rows, searched, alike, name, places, compared, threshold, np.random.default_rng([seed, 2, number]))
        for number, (name, places) in enumerate(members)
    ]
    return Diversity(
        images=len(rows),
        threshold=threshold,
        scopes=tuple(scopes),
        pairs=pairs_of(searched, searched, alike.first, alike.second, alike.cosines),
        pairs_found=alike.found,
        caveats=tuple(caveats),
    )


def _scope(
    rows: Rows,
    searched: Rows,
    alike: Alike,
    name: str | None,
    places: np.ndarray,
    compared: int,
    threshold: float,
    rng: np.random.Generator,
) -> ClassDiversity:
    if name is None:
        twins, looked = int(alike.anywhere.sum()), len(searched)
    else:
        own = searched.codes == rows.names.index(name)
        twins, looked = int(alike.in_class[own].sum()), int(own.sum())
    rate = wilson(twins, looked)
    if len(places) < LEAST:
        reason = f"{len(places)} images; diversity is measured of {LEAST} or more"
        distance = mean_distance(rows.vectors[places]) if len(places) >= 3 else None
        return ClassDiversity(name, len(places), 0, None, None, distance, twins, rate, reason)
    parts = [rows.vectors[places[part]] for part in draws(compared, len(places), rng)]
    spectra = [spectrum(part) for part in parts]
    size = compared, len(places)
    return ClassDiversity(
        class_name=name,
        images=len(places),
        compared=compared,
        rke=of_parts(np.array([rke(values) for values in spectra]), *size, 1, compared),
        vendi=of_parts(np.array([vendi(values) for values in spectra]), *size, 1, compared),
        distance=mean_distance(rows.vectors[places]),
        duplicates=twins,
        duplicate_rate=rate,
        compared_duplicate_rate=of_parts(np.array([repeated(part, threshold) for part in parts]), *size, 0, 1),
    )
