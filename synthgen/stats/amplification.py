"""Directional bias amplification: does the set link class and attribute more strongly than a real set does?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from synthgen.stats.clusters import DRAWS, Bootstrap, ClusterCounts
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate

AT_ONCE = 2**20
"""Numbers of a table of draws, classes and values that are in memory at once."""
Drawn = Callable[[slice], Floats]
"""Gives some of the draws of images by class and value, [draws, classes, values]."""


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
    drawn: Drawn | None = None,
) -> Amplification:
    """Measure bias amplification from images by class and value.

    `drawn` gives bootstrap draws of `counts`, for images that come in clusters. By default, images are drawn within
    classes. The images of the real set always are, since chance in the real set decides which links exist to amplify.
    Only `AT_ONCE` numbers are drawn at once, or one draw.
    """
    both = (counts.sum(1) > 0) & (real.sum(1) > 0)
    here, there = counts[both].astype(float), real[both].astype(float)
    classes = tuple(name for name, shared in zip(names, both, strict=True) if shared)
    sizes = int(here.sum()), int(there.sum())
    if len(classes) < 2 or ((here + there).sum(0) > 0).sum() < 2:
        reason = f"fewer than two {'classes' if len(classes) < 2 else 'values'} that both sets have"
        return Amplification(attribute, None, None, *sizes, classes, reason)

    found = _both_ways(here[None], there[None])[:, 0]
    parts = []
    for part in _parts(here.size):
        own = drawn(part)[:, both] if drawn is not None else _redrawn(here, part, rng)
        parts.append(_both_ways(own, _redrawn(there, part, rng)))
    low, high = np.quantile(np.concatenate(parts, axis=1), [ALPHA / 2, 1 - ALPHA / 2], axis=1)
    ends = [estimate(*map(float, each)) for each in zip(found, low, high, strict=True)]
    return Amplification(attribute, ends[0], ends[1], *sizes, classes)


def _parts(cells: int) -> Iterator[slice]:
    """Yield slices of the draws for which a table of so many cells is small enough."""
    many = max(1, AT_ONCE // cells)
    yield from (slice(start, min(start + many, DRAWS)) for start in range(0, DRAWS, many))


def _both_ways(counts: Floats, real: Floats) -> Floats:
    """Compute BiasAmp from classes to values and from values to classes, of [draws, classes, values]: [2, draws]."""
    return np.stack([amplification(counts, real), amplification(counts.swapaxes(1, 2), real.swapaxes(1, 2))])


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


def of_clusters(drawn: Bootstrap, counts: ClusterCounts, label: Ints, classes: int) -> Drawn:
    """Draw images by class and value. Classes are the bootstrap's strata."""
    grouped, own = drawn.grouped(counts), drawn.strata(label)
    of_class = [own == index for index in range(classes)]

    def draw(part: slice) -> Floats:
        weights = drawn.weights[part]
        return np.stack([weights[:, groups] @ grouped[groups] for groups in of_class], axis=1)

    return draw


def of_few_clusters(counts: Ints, effects: Floats, rng: np.random.Generator) -> Drawn:
    """Draw images by class and value as if each class had fewer, by its design effect, and weigh them accordingly."""
    sizes = counts.sum(1, keepdims=True).astype(float)
    fewer = np.maximum(1, np.round(sizes[:, 0] / np.maximum(effects, 1))).astype(int)
    shares = np.where(sizes > 0, counts / np.maximum(sizes, 1), 1 / counts.shape[1])

    def draw(part: slice) -> Floats:
        drawn = rng.multinomial(fewer[:, None], shares[:, None], size=(len(counts), part.stop - part.start))
        found: Floats = drawn.swapaxes(0, 1) * (sizes / fewer[:, None])
        return found

    return draw


def _redrawn(counts: Floats, part: slice, rng: np.random.Generator) -> Floats:
    """Draw as many images in each class as it has, [draws, classes, values]."""
    sizes = counts.sum(1, keepdims=True)
    shape = len(counts), part.stop - part.start
    drawn = rng.multinomial(sizes.astype(int), (counts / sizes)[:, None], size=shape)
    return drawn.swapaxes(0, 1).astype(float)
