"""Directional bias amplification: does the set link class and attribute more strongly than a real set does?"""

from dataclasses import dataclass

import numpy as np

from synthgen.stats.clusters import DRAWS, Bootstrap, ClusterCounts
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate


@dataclass(frozen=True, slots=True)
class Amplification:
    """Wang and Russakovsky's measure (2021, ICML; arXiv 2102.12594) of one attribute, in both directions.

    Attributes:
        from_class: how much more the class leads to the values that it leads to in the real set; positive amplifies,
            negative reduces. -1..1
        from_attribute: how much more the value leads to the class. It depends on how many images each class has.
        images, real_images: those with a value, in the classes that both sets have.
        classes: the classes that both sets have.
        reason: why there is no figure.
    """

    attribute: str
    from_class: Estimate | None
    from_attribute: Estimate | None
    images: int
    real_images: int
    classes: tuple[str, ...]
    reason: str | None = None


def amplify(
    attribute: str,
    names: tuple[str, ...],
    counts: Ints,
    real: Ints,
    rng: np.random.Generator,
    drawn: Floats | None = None,
) -> Amplification:
    """Measure bias amplification from images by class and value.

    `drawn` are bootstrap draws of `counts`, [draws, classes, values], for images that come in clusters. By default,
    images are drawn within classes. The images of the real set always are, since chance in the real set decides which
    links exist to amplify.
    """
    both = (counts.sum(1) > 0) & (real.sum(1) > 0)
    here, there = counts[both].astype(float), real[both].astype(float)
    classes = tuple(name for name, shared in zip(names, both, strict=True) if shared)
    sizes = int(here.sum()), int(there.sum())
    if len(classes) < 2 or ((here + there).sum(0) > 0).sum() < 2:
        reason = f"fewer than two {'classes' if len(classes) < 2 else 'values'} that both sets have"
        return Amplification(attribute, None, None, *sizes, classes, reason)

    drawn = drawn[:, both] if drawn is not None else _redrawn(here, rng)
    drawn_real = _redrawn(there, rng)
    ends = []
    for order in ((0, 1, 2), (0, 2, 1)):
        found = amplification(here[None].transpose(order), there[None].transpose(order))[0]
        draws = amplification(drawn.transpose(order), drawn_real.transpose(order))
        ends.append(estimate(found, *np.quantile(draws, [ALPHA / 2, 1 - ALPHA / 2])))
    return Amplification(attribute, ends[0], ends[1], *sizes, classes)


def amplification(counts: Floats, real: Floats) -> Floats:
    """Compute BiasAmp from rows to columns, of tables [..., rows, columns].

    The mean over all cells of +d where row and column go together in the real set, P(row, column) > P(row) P(column),
    and of -d where they do not; d is P(column | row) here less that in the real set. Rows that a set lacks add nothing.
    """
    rows, real_rows = counts.sum(-1, keepdims=True), real.sum(-1, keepdims=True)
    # Compared in counts, which are exact: a tie is not a link.
    together = real * real.sum((-1, -2), keepdims=True) > real_rows * real.sum(-2, keepdims=True)
    both = (rows > 0) & (real_rows > 0)
    gap = np.where(both, counts / np.where(both, rows, 1) - real / np.where(both, real_rows, 1), 0.0)
    found: Floats = np.where(together, gap, -gap).mean((-1, -2))
    return found


def of_clusters(drawn: Bootstrap, counts: ClusterCounts, label: Ints, classes: int) -> Floats:
    """Draw images by class and value, [draws, classes, values]. Classes are the bootstrap's strata."""
    grouped, own = drawn.grouped(counts), drawn.strata(label)
    return np.stack([drawn.weights[:, own == index] @ grouped[own == index] for index in range(classes)], axis=1)


def _redrawn(counts: Floats, rng: np.random.Generator) -> Floats:
    """Draw as many images in each class as it has, [draws, classes, values]."""
    rows = [rng.multinomial(int(row.sum()), row / row.sum(), DRAWS) for row in counts]
    return np.stack(rows, axis=1).astype(float)
