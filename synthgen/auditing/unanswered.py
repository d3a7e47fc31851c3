"""How far images without a value could move a figure, whatever they truly show."""

from collections.abc import Sequence

import numpy as np

from synthgen.auditing.findings import Figure, Scope
from synthgen.auditing.gates import Gate
from synthgen.stats.distance import FUNCTIONS, Measure
from synthgen.stats.estimates import Estimate, Floats, estimate

_ANSWERED = (Figure.RAW, Figure.CLUSTERED, Figure.AGREED)
"""Figures that leave images without a value out; labels and a matrix account for them."""


def worst_case(gate: Gate, scope: Scope, found: Estimate) -> Estimate | None:
    """Widen the interval of a gated figure by all that images without a value could do to it (Manski 1990).

    The lower end is the figure if they lowered it as much as possible, less the width of the interval below the figure;
    likewise the upper end.

    Returns:
        None if every image has a value, or the quoted figure accounts for the others.
    """
    if not scope.unknown or scope.quote.figure not in _ANSWERED or gate.measure in ("unknown", "v"):
        return None
    counts = np.array([share.count for share in scope.shares], dtype=float)
    tried = np.array(list(_completed(counts, scope.unknown, _target(scope) if scope.reference else None)))
    if gate.measure == "share":
        figures = tried[:, [share.value for share in scope.shares].index(str(gate.value))]
    else:
        figures = FUNCTIONS[Measure(gate.measure)](tried, _target(scope))
    low = min(float(figures.min()), found.value) - (found.value - found.low)
    high = max(float(figures.max()), found.value) + (found.high - found.value)
    least, most = _range(gate.measure, scope)
    return estimate(found.value, max(least, low), min(most, high))


def _range(measure: str, scope: Scope) -> tuple[float, float]:
    """Return the least and the largest figure that any shares can have: where all images have one value, or 0 or 1."""
    if measure == "share":
        return 0.0, 1.0
    extreme = FUNCTIONS[Measure(measure)](np.eye(len(scope.shares)), _target(scope))
    return (0.0, float(extreme.max())) if not Measure(measure).falls else (float(extreme.min()), 1.0)


def _target(scope: Scope) -> Floats:
    return np.array([(scope.reference or {}).get(share.value, 0.0) for share in scope.shares])


def _completed(counts: Floats, unknown: int, target: Floats | None) -> Sequence[Floats]:
    """Return the shares if all unknown images had one value, for each value; and if they came nearest to the target.

    A share, a total variation and the divergences are extreme at one of these: they are convex in the shares.
    """
    images = counts.sum() + unknown
    found = [(counts + unknown * one) / images for one in np.eye(len(counts))]
    if target is not None:
        lacking = np.maximum(target * images - counts, 0.0)
        found.append((counts + unknown * lacking / max(lacking.sum(), 1e-300)) / images)
    return found
