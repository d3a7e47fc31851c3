"""Classes with too few labels to meet all of the judge's answers, taken together for the shares of the whole set."""

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Floats


def together(size: Floats, weight: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Take thin classes together as one stratum. The arguments are those of `labelled.cells`, and the result, too.

    An answer of which no image happens to be labelled gets the truths of another answer of its class, which is wrong on
    average. In one class that is far less than chance does, but it goes the same way in every class: of a hundred
    classes with thirty labels each, it put the share of a rare value outside of its interval in 16 of 60 audits. So a
    class is thin if one of its answers may be without a label by bad luck: if it expects fewer labels than
    1.5 ln(classes / 2), which makes that less likely the more classes there are. Whether it happened plays no part,
    since that would be a bias, too.

    Labels of thin classes are weighted by the images that they stand for, as in a sample with unequal probabilities.
    Classes that are labelled whole, or whose labels were drawn by answer, are never thin.
    """
    least = 1.5 * np.log(max(len(size), 2) / 2)
    images, labels = size.sum(-1), weight.sum((-1, -2)) ** 2 / square.sum((-1, -2))
    expected = size * (labels / images)[:, None]
    lacks = ((expected < least) & (size > 0)).any(-1)
    thin = lacks & (labels < images) & _alike(weight, square)
    if thin.sum() < 2:
        return size, weight, square

    scale = (images / weight.sum((-1, -2)))[:, None, None]
    joined = (size[thin].sum(0), (weight * scale)[thin].sum(0), (square * scale**2)[thin].sum(0))
    size, weight, square = (
        np.concatenate([each[~thin], one[None]]) for each, one in zip((size, weight, square), joined, strict=True)
    )
    return size, weight, square


def _alike(weight: Floats, square: Floats) -> NDArray[np.bool_]:
    """Whether all labels of a class have one weight, so that how many an answer got is up to chance: [classes]."""
    weights, squares = weight.sum(-1), square.sum(-1)
    each = np.divide(squares, weights, out=np.full_like(weights, np.nan), where=weights > 0)
    alike: NDArray[np.bool_] = np.nanmax(each, -1) <= np.nanmin(each, -1) * (1 + 1e-6)
    return alike
