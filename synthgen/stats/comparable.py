"""Classes in which two sides of images are the same two clusters, so that their shares can be compared."""

import numpy as np

from synthgen.stats.estimates import Floats
from synthgen.stats.search import Flags
from synthgen.stats.sides import ONE_SIDED

APART = 4.0
"""The least distance of clear sides in standard deviations of one."""
_STRETCH, _SAME_WAY = 0.25, 0.8


def comparable_classes(along: Floats, rows: Floats, side: Floats, member: Floats) -> Flags:
    """Tell in which classes both sides are clear, equally far apart, not nearly empty, and differ in the same way.

    Args:
        along: places of n images on the axis that splits them, [n].
        rows: their embeddings, [n, d].
        side: 1 for those on the upper side, 0 for the others, [n].
        member: 1 for the class of each, [n, classes].
    """
    found: Flags = _equally_apart(along, side, member) & (_same_way(rows, side, member) > _SAME_WAY)
    return found


def _equally_apart(along: Floats, side: Floats, member: Floats) -> Flags:
    """Tell in which classes both sides are clear, equally far apart and not nearly empty."""
    many = np.stack([member.T @ (1 - side), member.T @ side])
    centre = np.stack([member.T @ (along * (1 - side)), member.T @ (along * side)]) / np.maximum(many, 1)
    far = centre[1] - centre[0]
    codes = member.argmax(1)
    left = along - np.where(side > 0.5, centre[1][codes], centre[0][codes])
    deviation = np.sqrt(np.maximum(member.T @ left**2 / many.sum(0), 1e-24))
    two_sided = (many >= ONE_SIDED * many.sum(0)).all(0) & (many >= 1).all(0)
    clear = two_sided & (far > APART * deviation)
    if not clear.any():
        return np.zeros(len(far), dtype=bool)
    found: Flags = clear & (np.abs(np.log(np.maximum(far, 1e-12) / np.median(far[clear]))) < _STRETCH)
    return found


def _same_way(rows: Floats, side: Floats, member: Floats) -> Floats:
    """Return the cosine of what separates the sides in each class, and in all others: [classes].

    Where a class is cut in another place, such as between other colours, its sides differ in another way. The chance
    error of the means is taken out of their lengths.
    """
    codes = member.argmax(1)
    means, errors, images = [], [], []
    for weight in (side, 1 - side):
        many = np.maximum(member.T @ weight, 1)
        mean = (member * weight[:, None]).T @ rows / many[:, None]
        left = ((rows - mean[codes]) ** 2).sum(1) * weight
        means.append(mean)
        errors.append(member.T @ left / many / np.maximum(many - 1, 1))
        images.append(many)
    way, error, worth = means[0] - means[1], errors[0] + errors[1], 1 / (1 / images[0] + 1 / images[1])
    sums = worth @ way - worth[:, None] * way
    total = worth.sum() - worth
    others = sums / np.maximum(total, 1e-12)[:, None]
    chance = ((worth**2 @ error) - worth**2 * error) / np.maximum(total, 1e-12) ** 2
    lengths = ((way**2).sum(1) - error) * ((others**2).sum(1) - chance)
    together = (way * others).sum(1)
    found: Floats = np.where(lengths > 0, together / np.sqrt(np.maximum(lengths, 1e-24)), 0)
    return found
