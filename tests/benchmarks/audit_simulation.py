"""Simulated audits with known truth: what a generator makes, what a judge answers, what people label. In batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from synthgen.auditing.labelled import cells
from synthgen.stats.estimates import ALPHA, Floats, Ints
from synthgen.stats.inversion import invert
from synthgen.stats.score import weighted_score

VALUES, ANSWERS = 3, 5
"""Of the simulated attribute: three values; besides them 'not applicable', which never occurs, and 'unknown'."""
JITTER = 0.3
"""Each repetition has shares of its own, e^-0.3 to e^0.3 of the nominal ones before they are made to make 1. At one
exact share the coverage of any interval for a count leaps from one share to the next (Brown, Cai and DasGupta 2001)."""

SKEWS: Mapping[str, tuple[float, ...]] = {
    "even": (1 / 3, 1 / 3, 1 / 3),
    "70/20/10": (0.7, 0.2, 0.1),
    "95/4/1": (0.95, 0.04, 0.01),
}
"""Of one class; the other has them in the opposite order."""


def _judge(rows: Sequence[Sequence[float]], unknown: Sequence[float] = (0, 0, 0)) -> Floats:
    """P(answer | truth), [values, answers]."""
    return np.hstack([np.array(rows), np.zeros((VALUES, 1)), np.array(unknown)[:, None]])


_RIGHT = _judge(np.eye(VALUES).tolist())
_SYMMETRIC = _judge([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
_ASYMMETRIC = _judge([[0.9, 0.08, 0.02], [0.3, 0.6, 0.1], [0.1, 0.3, 0.6]])
_ABSTAINING = _judge([[0.8, 0.05, 0.03], [0.1, 0.6, 0.1], [0.05, 0.1, 0.45]], [0.12, 0.2, 0.4])
_RARELY = _judge([[0.98, 0, 0.02], [0, 1, 0], [0, 0, 1]])

JUDGES: Mapping[str, Floats] = {
    "none": np.stack([_RIGHT, _RIGHT]),
    "symmetric": np.stack([_SYMMETRIC, _SYMMETRIC]),
    "asymmetric": np.stack([_ASYMMETRIC, _ASYMMETRIC]),
    "with abstention": np.stack([_ABSTAINING, _ABSTAINING]),
    "depending on the class": np.stack([_ASYMMETRIC, _SYMMETRIC]),
    "2 %, one way": np.stack([_RARELY, _RARELY]),
}
"""For each class, P(answer | truth)."""


@dataclass(frozen=True, slots=True, eq=False)
class Audits:
    """Repetitions of one setting.

    Attributes:
        truth: [repetitions, classes, values].
        counts: images by truth and answer, [repetitions, classes, values, answers].
        labelled: those of them that were labelled.
        matrix: other labelled images, by truth and answer, of both classes alike: [repetitions, values, answers].
    """

    truth: Floats
    counts: Ints
    labelled: Ints
    matrix: Ints

    @property
    def answers(self) -> Floats:
        """[repetitions, scopes, answers]; the scopes are the first class, and both together."""
        by_class = self.counts.sum(2)
        return np.stack([by_class[:, 0], by_class.sum(1)], axis=1).astype(float)

    @property
    def true_shares(self) -> Floats:
        """[repetitions, scopes, values]."""
        return np.stack([self.truth[:, 0], self.truth.mean(1)], axis=1)


def simulate(
    skew: str, judge: str, images: int, labels: int, matrix: int, repetitions: int, rng: np.random.Generator
) -> Audits:
    """`images` and `labels` are of each class, `matrix` of each truth."""
    nominal = np.array([SKEWS[skew], SKEWS[skew][::-1]])
    truth = nominal * np.exp(rng.uniform(-JITTER, JITTER, (repetitions, *nominal.shape)))
    truth /= truth.sum(-1, keepdims=True)
    errs = JUDGES[judge]
    joint = (truth[..., None] * errs).reshape(repetitions, 2, -1)
    shape = (repetitions, 2, VALUES, ANSWERS)
    labelled = rng.multinomial(labels, joint).reshape(shape)
    counts = labelled + rng.multinomial(images - labels, joint).reshape(shape)
    known = rng.multinomial(matrix, errs.mean(0), size=(repetitions, VALUES))
    return Audits(truth, counts, labelled, known)


def raw(audits: Audits) -> tuple[Floats, Floats]:
    """Wilson's intervals, low and high, [repetitions, scopes, values]."""
    counts = audits.answers[..., :VALUES]
    low, high = proportion_confint(counts, counts.sum(-1, keepdims=True), ALPHA, method="wilson")
    return low, high


def by_matrix(audits: Audits) -> tuple[Floats, Floats]:
    used = (audits.answers.sum((0, 1)) + audits.matrix.sum((0, 1))) > 0
    matrix = audits.matrix[:, None][..., used].astype(float)
    fit = invert(audits.answers[..., used], matrix, np.zeros(VALUES, dtype=bool))
    return fit.low, fit.high


def by_labels(audits: Audits) -> tuple[Floats, Floats]:
    ends = []
    for chosen in (slice(0, 1), slice(0, 2)):
        size = audits.counts.sum(2)[:, chosen].astype(float)
        weight = np.zeros((*size.shape, ANSWERS))  # of classes, answers and truths
        weight[..., :VALUES] = np.moveaxis(audits.labelled[:, chosen], 2, 3)
        made = [cells(*each, each[1]) for each in zip(size, weight, strict=True)]
        hits, looked_at, of, spread = (np.stack(part) for part in zip(*made, strict=True))
        ends.append(weighted_score(hits, looked_at[:, None], of[:, None], spread[:, None])[1:])
    (low, high), (low_of_all, high_of_all) = ends
    return np.stack([low, low_of_all], axis=1), np.stack([high, high_of_all], axis=1)


def by_normal(audits: Audits) -> tuple[Floats, Floats]:
    """PPI++'s own normal interval of the first class (Angelopoulos et al. 2023, algorithm 1 with their tuned power):
    [repetitions, 1, values]."""
    labelled = audits.labelled[:, 0].astype(float)
    rest = audits.counts[:, 0] - labelled
    n, more = labelled.sum((1, 2))[:, None], rest.sum((1, 2))[:, None]
    is_true, is_said = labelled.sum(2) / n, labelled.sum(1)[:, :VALUES] / n
    both = np.diagonal(labelled, axis1=1, axis2=2) / n
    said_of_rest = rest.sum(1)[:, :VALUES] / more
    variance_said = is_said * (1 - is_said)
    covariance = both - is_true * is_said
    tuned = np.divide(covariance, variance_said * (1 + n / more), out=np.zeros_like(both), where=variance_said > 0)
    tuned = np.clip(tuned, 0, 1)
    share = is_true + tuned * (said_of_rest - is_said)
    left = is_true * (1 - is_true) - 2 * tuned * covariance + tuned**2 * variance_said
    variance = tuned**2 * said_of_rest * (1 - said_of_rest) / more + left / n
    around = 1.959964 * np.sqrt(np.maximum(variance, 0))
    return (share - around)[:, None], (share + around)[:, None]


def covered(audits: Audits, ends: tuple[Floats, Floats]) -> Iterator[float]:
    """The share of intervals that contain the truth, in each scope."""
    low, high = ends
    truth = audits.true_shares[:, : low.shape[1]]
    inside = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    yield from inside.mean((0, 2)).tolist()


def width(ends: tuple[Floats, Floats]) -> float:
    return float((ends[1] - ends[0])[:, 0].mean())
