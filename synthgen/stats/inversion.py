"""Shares corrected by a confusion matrix: from the answers back to the truth, by how often each answer is right."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from synthgen.stats.estimates import ALPHA, Floats

_FREE, _TIED, _HALVINGS = 60, 20, 16
"""Accelerated steps to the greatest likelihood at the estimate, and at each share tried; halvings of a share."""
_TINY = 1e-300


class Fit(NamedTuple):
    """Corrected shares with their intervals.

    Attributes:
        share, low, high: [..., values].
        misfit: [...], Pearson's statistic of the best fit.
    """

    share: Floats
    low: Floats
    high: Floats
    misfit: Floats


class _Point(NamedTuple):
    """True shares [..., truths] and, for each truth, the shares of its answers [..., truths, answers]."""

    truth: Floats
    answer: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The data of a fit, and the share that it holds fixed.

    Attributes:
        answers: images by answer, [..., answers].
        matrix: labelled images by truth and answer, [..., truths, answers].
        aside: truths that are not values, [truths]; shares are among the others.
        target: the truth whose share is held fixed, [..., truths]; all false if none is.
        share: the value that it is fixed at, [...].
    """

    answers: Floats
    matrix: Floats
    aside: NDArray[np.bool_]
    target: NDArray[np.bool_]
    share: Floats


def invert(answers: Floats, matrix: Floats, aside: NDArray[np.bool_]) -> Fit:
    """Estimate true shares from `answers` [..., answers] and a confusion matrix of counts [..., truths, answers].

    The model: answers ~ multinomial(M' p), and each row of the matrix ~ multinomial of M's row. It holds if
    P(answer | truth) is the same in these images as in those of the matrix. If the solution of M' p = answers is
    between 0 and 1, it is the estimate: adjusted count (Forman 2008, Data Mining and Knowledge Discovery 17), black-box
    shift estimation (Lipton, Wang and Smola 2018), for two values Rogan and Gladen 1978 (Am. J. Epidemiology 107).
    Otherwise, and if there are more answers than truths ('unknown' is an answer), the estimate is the greatest
    likelihood.

    Intervals are Rao's score test, inverted: a share belongs to the interval if Pearson's statistic of images and
    matrix together, at the greatest likelihood under that share, exceeds the least one by no more than the quantile.
    So small counts in the matrix, including zeros, widen it. Near 0 and 1, which a share cannot pass, the quantile is
    Feldman and Cousins' (1998, Physical Review D 57).
    """
    truths, columns = matrix.shape[-2:]
    free = np.zeros((*answers.shape[:-1], truths), dtype=bool)
    smooth = (matrix + 0.5 / columns) / (matrix.sum(-1, keepdims=True) + 0.5)
    loose = _Problem(answers, matrix, aside, free, np.zeros(answers.shape[:-1]))

    start = _Point(np.full(free.shape, 1 / truths), np.broadcast_to(smooth, (*free.shape, columns)))
    best = _fit(loose, start, _FREE)
    best = _interior(best, _solve(answers, matrix), matrix)
    misfit = _pearson(loose, best)

    values = np.flatnonzero(~aside)
    among = best.truth[..., values] / np.maximum(best.truth[..., values].sum(-1, keepdims=True), _TINY)
    target = np.broadcast_to(np.eye(truths, dtype=bool)[values], (*among.shape, truths))
    tied = _Problem(answers[..., None, :], matrix[..., None, :, :], aside, target, among)
    images = np.maximum(answers.sum(-1)[..., None, None], 1.0)

    # Start inside the simplex: a share that is exactly 0 stays 0 under these steps.
    truth = (best.truth[..., None, :] * images + 0.5) / (images + 0.5 * truths)
    start = _Point(
        np.broadcast_to(truth, target.shape), np.broadcast_to(smooth[..., None, :, :], (*target.shape, columns))
    )

    at_zero, at_one = (noise[..., values] for noise in _noise_at_ends(answers, matrix, best.truth))
    low, high = (_end(tied, start, misfit, among, (at_zero, at_one), side) for side in (0.0, 1.0))
    return Fit(among, low, high, misfit)


def condition(matrix: Floats) -> float:
    """Return the matrix's condition number: the factor by which it may amplify an error in the answers.

    It is infinite if two truths cannot be distinguished by their answers.
    """
    return float(np.linalg.cond(matrix / matrix.sum(1, keepdims=True)))


def _end(
    tied: _Problem, start: _Point, misfit: Floats, inside: Floats, noise: tuple[Floats, Floats], side: float
) -> Floats:
    """Find the end of the interval by bisection between the estimate and 0 or 1."""
    inside, outside = inside.copy(), np.full(inside.shape, side)
    for step in range(_HALVINGS + 1):
        middle = np.abs(side - 1e-9) * np.ones_like(inside) if step == 0 else (inside + outside) / 2
        held = _Problem(tied.answers, tied.matrix, tied.aside, tied.target, middle)
        found = _fit(held, _hold(held, start), _TIED)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.fmin(middle / noise[0], (1 - middle) / noise[1])
        over = _pearson(held, found) - misfit[..., None] > _quantile(distance)
        if step == 0:
            outside, inside = np.where(over, outside, side), np.where(over, inside, side)
        else:
            outside, inside = np.where(over, middle, outside), np.where(over, inside, middle)
    end: Floats = (inside + outside) / 2
    return end


def _hold(problem: _Problem, point: _Point) -> _Point:
    return _Point(_held(problem, point.truth), point.answer)


def _held(problem: _Problem, weight: Floats) -> Floats:
    """Return shares in proportion to `weight`, except for the target, which has its share of those not aside."""
    tied = problem.target.any(-1, keepdims=True)
    whole = weight / np.maximum(weight.sum(-1, keepdims=True), _TINY)
    kept = np.where(problem.aside, 0.0, whole).sum(-1, keepdims=True)
    rest = np.where(problem.aside | problem.target, 0.0, whole)
    rest = (1 - problem.share[..., None]) * rest / np.maximum(rest.sum(-1, keepdims=True), _TINY)
    split = kept * np.where(problem.target, problem.share[..., None], rest)
    held: Floats = np.where(tied & ~problem.aside, split, whole)
    return held


def _fit(problem: _Problem, point: _Point, steps: int) -> _Point:
    """Find the greatest likelihood by expectation maximization with SQUAREM's extrapolation.

    See Varadhan and Roland 2008, Scandinavian J. of Statistics 35. The extrapolation is used only if it improves the
    likelihood.
    """
    for _ in range(steps):
        one = _step(problem, point)
        two = _step(problem, one)
        moves = [(b - a, c - 2 * b + a) for a, b, c in zip(point, one, two, strict=True)]
        far = sum((first**2).reshape(*problem.share.shape, -1).sum(-1) for first, _ in moves)
        bend = sum((second**2).reshape(*problem.share.shape, -1).sum(-1) for _, second in moves)

        length = np.clip(np.sqrt(far / np.maximum(bend, _TINY)), 1.0, 1e4)
        jump = []
        for start, two_, (first, second) in zip(point, two, moves, strict=True):
            by = length.reshape(*length.shape, *[1] * (start.ndim - length.ndim))
            leap = np.maximum(start + 2 * by * first + by**2 * second, two_ * 1e-3)
            jump.append(leap / np.maximum(leap.sum(-1, keepdims=True), _TINY))

        ahead = _step(problem, _hold(problem, _Point(*jump)))
        better = _likelihood(problem, ahead) >= _likelihood(problem, two)
        point = _Point(
            np.where(better[..., None], ahead.truth, two.truth),
            np.where(better[..., None, None], ahead.answer, two.answer),
        )
    return point


def _step(problem: _Problem, point: _Point) -> _Point:
    """Distribute the images over the truths that may have given their answers, then count."""
    expected = np.einsum("...k,...kj->...j", point.truth, point.answer)
    ratio = np.where(problem.answers > 0, problem.answers / np.maximum(expected, _TINY), 0.0)
    hidden = point.truth[..., None] * point.answer * ratio[..., None, :]
    together = problem.matrix + hidden
    return _Point(_held(problem, hidden.sum(-1)), together / np.maximum(together.sum(-1, keepdims=True), _TINY))


def _likelihood(problem: _Problem, point: _Point) -> Floats:
    expected = np.einsum("...k,...kj->...j", point.truth, point.answer)
    images = np.where(problem.answers > 0, problem.answers * np.log(np.maximum(expected, _TINY)), 0.0)
    labelled = np.where(problem.matrix > 0, problem.matrix * np.log(np.maximum(point.answer, _TINY)), 0.0)
    found: Floats = images.sum(-1) + labelled.sum((-1, -2))
    return found


def _pearson(problem: _Problem, point: _Point) -> Floats:
    """Compute Pearson's statistic of images and matrix together. In a multinomial model it is the score statistic."""

    def terms(seen: Floats, expected: Floats) -> Floats:
        return np.where(expected > 1e-12, (seen - expected) ** 2 / np.maximum(expected, 1e-12), 1e9 * (seen > 0))

    expected = np.einsum("...k,...kj->...j", point.truth, point.answer)
    images = terms(problem.answers, problem.answers.sum(-1, keepdims=True) * expected)
    labelled = terms(problem.matrix, problem.matrix.sum(-1, keepdims=True) * point.answer)
    found: Floats = images.sum(-1) + labelled.sum((-1, -2))
    return found


def linear_weights(truth: Floats, rates: Floats) -> Floats:
    """Return what each answer's share adds to each truth's, [..., truths, answers], by generalized least squares."""
    inverse = 1 / np.maximum(np.einsum("...k,...kj->...j", truth, rates), 1e-9)
    weighted = rates * inverse[..., None, :]
    found: Floats = np.linalg.pinv(np.einsum("...kj,...lj->...kl", weighted, rates)) @ weighted
    return found


def _solve(answers: Floats, matrix: Floats) -> Floats:
    """Solve M' p = answers for the shares of all truths; by least squares if there are more answers than truths.

    The shares sum to 1, or nearly, and may be outside 0 and 1.
    """
    rates = matrix / matrix.sum(-1, keepdims=True)
    seen = answers / np.maximum(answers.sum(-1, keepdims=True), 1.0)
    first = np.einsum("...j,...jk->...k", seen, np.linalg.pinv(rates))
    smooth = np.maximum(first, 0) + 0.5 / np.maximum(answers.sum(-1, keepdims=True), 1.0)
    found: Floats = np.einsum("...kj,...j->...k", linear_weights(smooth, rates), seen)
    return found


def _interior(best: _Point, unconstrained: Floats, matrix: Floats) -> _Point:
    """Use the solution if it is not negative and answers are as many as truths: it has the greatest likelihood."""
    exact = (unconstrained >= 0).all(-1) & (matrix.shape[-2] == matrix.shape[-1])
    rates = matrix / matrix.sum(-1, keepdims=True)
    return _Point(
        np.where(exact[..., None], unconstrained, best.truth),
        np.where(exact[..., None, None], rates, best.answer),
    )


def _noise_at_ends(answers: Floats, matrix: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Return the standard error of each share [..., truths] if it were 0, and 1, with the others in proportion."""
    images, rows, truths = np.maximum(answers.sum(-1), 1.0), matrix.sum(-1), matrix.shape[-2]
    rates = matrix / rows[..., None]
    inside = (truth * images[..., None] + 0.5) / (images[..., None] + 0.5 * truths)
    weights = linear_weights(inside, rates)
    of_rows = np.einsum("...vj,...kj->...vk", weights**2, rates)
    noise = (of_rows - np.einsum("...vj,...kj->...vk", weights, rates) ** 2) / rows[..., None, :]
    others = inside[..., None, :] * ~np.eye(truths, dtype=bool)
    others = others / others.sum(-1, keepdims=True)
    at_zero = (others * of_rows).sum(-1) / images[..., None] + (others**2 * noise).sum(-1)
    diagonal = range(truths)
    at_one = (of_rows[..., diagonal, diagonal] - 1) / images[..., None] + noise[..., diagonal, diagonal]
    return np.sqrt(np.maximum(at_zero, 0)), np.sqrt(np.maximum(at_one, 0))


def _quantile(distance: Floats) -> Floats:
    """Return the quantile of the statistic at a distance, in standard errors, from the nearest end."""
    distances, quantiles = _feldman_cousins()
    return np.interp(np.nan_to_num(distance, nan=distances[-1]), distances, quantiles)


@cache
def _feldman_cousins() -> tuple[Floats, Floats]:
    """Tabulate Feldman and Cousins' quantiles by the mean of a normal measurement x, where the mean is not negative.

    The quantile is the least c with P(T <= c) = 0.95, where T is the squared distance of x from the mean, less that of
    x from the nearest possible mean.
    """

    def excess(quantile: float, mean: float) -> float:
        root = quantile**0.5
        below = root if mean >= root else (mean**2 + quantile) / (2 * mean) if mean else np.inf
        return float(norm.cdf(root) - norm.cdf(-below)) - (1 - ALPHA)

    means = np.linspace(0, 2, 41)
    return means, np.array([brentq(excess, 1, 5, args=(mean,)) for mean in means])
