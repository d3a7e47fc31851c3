"""Shares corrected by a labelled subsample: prediction-powered inference."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthgen.auditing.table import Answers, Table, check_columns, crossed, read_answers
from synthgen.errors import UsageError
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Corrected, Floats, estimates
from synthgen.stats.score import weighted_score


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What people saw in a random subsample, for one attribute.

    Attributes:
        weight: of the labelled images, summed by class, answer and truth: [classes, answers, truths].
        square: of the weights' squares, likewise.
        images: labelled images by class.
    """

    weight: Floats
    square: Floats
    images: Floats


def read_truth(table: Table, labels: pd.DataFrame, attribute: Answers) -> Truth:
    """Join `labels`, with the columns `id`, `weight` where images were not drawn with equal chance in their class, and
    one for the attribute: a value, 'not applicable', or 'unknown' where a person cannot tell either. A cell that is
    empty is no label.

    Raises:
        UsageError: a column or an id is not there, an id comes twice, or a value or a weight makes no sense.
    """
    check_columns(labels, ["id", attribute.name], "the labels")
    given = labels[labels[attribute.name].notna()]
    if table.ids is None:
        raise UsageError("the table has no column 'id'", hint="Labels are joined to images by their id.")
    rows = table.ids.get_indexer(pd.Index(given["id"]))
    if (rows < 0).any():
        raise UsageError(f"the labels have the id {given['id'].iloc[int(np.argmin(rows))]!r}, which no image has")
    if given["id"].duplicated().any():
        raise UsageError(f"the labels have the id {given['id'][given['id'].duplicated()].iloc[0]!r} twice")
    weights = (
        pd.to_numeric(given["weight"], errors="coerce").to_numpy(float) if "weight" in given else np.ones(len(given))
    )
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise UsageError("the labels have a weight that is no positive number", hint="Images that each one stands for.")
    truth = read_answers(given, attribute.name, attribute.values, "the table of labels").codes
    answers = len(attribute.answers)
    shape = (len(table.classes), answers, answers)
    place = (table.label[rows], attribute.codes[rows], truth)
    weight, square = np.zeros(shape), np.zeros(shape)
    np.add.at(weight, place, weights)
    np.add.at(square, place, weights**2)
    return Truth(weight, square, crossed((place[0], shape[0])).astype(float))


def correct_by_labels(counts: Floats, truth: Truth, chosen: Sequence[int], inflation: float) -> Corrected:
    """The true shares of the values, among images that have one, in the classes `chosen`.

    `counts` are the images by class and answer. Within each class the answers make cells; the share of a cell's labels
    that are a value, weighted by the cell's images, is the estimate. For each value that is PPI++ with its power tuned
    (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453) on the one-hot answers, stratified by class (Fisch et al.
    2024, arXiv 2406.04291): mean label + (mean answer of all - mean answer of the labelled) * lambda, with lambda that
    of regression. It assumes nothing of the judge, which may err, and err differently in each class; it assumes that
    the labelled images are a random sample of their class. A judge that is often right makes the interval narrow.

    The interval is `weighted_score`'s and not PPI's normal one, which takes a cell without an error among its labels
    for one that has none. Unequal weights count by Kish's effective sample size. Where a person could tell nothing or
    there was nothing to tell, the image leaves the denominator, at the cost of a term of variance.
    """
    there = [index for index in chosen if counts[index].sum()]
    seen = [index for index in there if truth.images[index]]
    labelled = int(truth.images[chosen].sum())
    if not seen:
        return Corrected(None, "no labels" if there else "no images")
    if not truth.weight[seen][..., : -len(ASIDE)].any():
        return Corrected(None, "the labels give none of these images a value", labelled=labelled)
    share, low, high = weighted_score(*cells(counts[seen], truth.weight[seen], truth.square[seen]), inflation)
    unseen = 1 - counts[seen].sum() / counts[there].sum()
    caveats = []
    if unseen > 0:
        caveats.append(f"{unseen:.1%} of the images are in classes without a label: the intervals allow them anything")
        low, high = low * (1 - unseen), high * (1 - unseen) + unseen
    return Corrected(estimates(share, low, high), caveats=tuple(caveats), labelled=labelled)


class Cells(NamedTuple):
    """The first arguments of `weighted_score`, with an axis of values before the hits' strata and cells."""

    hits: Floats
    looked_at: Floats
    size: Floats
    spread: Floats


def cells(size: Floats, weight: Floats, square: Floats) -> Cells:
    """From images by class and answer, and from `Truth`'s sums for these classes, each of which has a label."""
    size, weight, square = _merged(size, weight, square)
    told = weight[..., : -len(ASIDE)].sum(-1)
    share_told = np.divide(told, weight.sum(-1), out=np.zeros_like(told), where=told > 0)
    size_told = size * share_told
    effective = np.divide(told**2, square[..., : -len(ASIDE)].sum(-1), out=np.zeros_like(told), where=told > 0)
    effective = np.minimum(effective, size_told)
    rate = weight[..., : -len(ASIDE)] / np.where(told > 0, told, 1.0)[..., None]
    hits = np.moveaxis(rate * effective[..., None], -1, 0)
    of_all = np.divide(weight.sum(-1) ** 2, square.sum(-1), out=np.ones_like(told), where=told > 0)
    spread = (size / size_told.sum()) ** 2 * share_told * (1 - share_told) / of_all
    return Cells(hits, effective, size_told, spread)


def _merged(size: Floats, weight: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Cells without a label join their class's cell with the fewest, whose labels then stand for both."""
    size, weight, square = size.astype(float), weight.copy(), square.copy()
    labels = (weight.sum(-1) ** 2) / np.maximum(square.sum(-1), 1e-300)
    for stratum in range(len(size)):
        bare = (labels[stratum] == 0) & (size[stratum] > 0)
        if bare.any():
            least = int(np.argmin(np.where(labels[stratum] > 0, labels[stratum], np.inf)))
            size[stratum, least] += size[stratum, bare].sum()
            size[stratum, bare] = 0
    return size, weight, square


def draw_sample(frame: pd.DataFrame, size: int, seed: int = 0, by: Sequence[str] = ()) -> pd.DataFrame:
    """Choose `size` images to label, by class and by the columns `by`: `id`, `label` and `weight`, the number of images
    that each stands for.

    Every stratum gets as many, or all that it has: so a small class is known as well as a large one. By the answers of
    an attribute, rare answers are labelled often, which tells their errors.
    """
    check_columns(frame, ["id", "label", *by], "the table")
    rng = np.random.default_rng(seed)
    strata = [group for _, group in frame.sort_values("id").groupby(["label", *by], sort=True, dropna=False)]
    sizes = np.array([len(group) for group in strata])
    level = _level(sizes, min(size, int(sizes.sum())))
    drawn = []
    for group, wanted in zip(strata, level, strict=True):
        chosen = group.iloc[np.sort(rng.choice(len(group), wanted, replace=False))]
        drawn.append(chosen[["id", "label"]].assign(weight=len(group) / max(int(wanted), 1)))
    return pd.concat(drawn, ignore_index=True) if drawn else frame[["id", "label"]].assign(weight=1.0)


def least_sample(frame: pd.DataFrame, needs: Mapping[str, int], by: Sequence[str] = ()) -> int:
    """The least size at which `draw_sample` draws of each class as many as it `needs`, which it must have."""
    sizes = frame.groupby(["label", *by], sort=True, dropna=False).size()
    names = sizes.index.get_level_values("label").map(str)

    def suffices(count: int) -> bool:
        drawn = pd.Series(_level(sizes.to_numpy(), count)).groupby(names).sum()
        return all(drawn[name] >= need for name, need in needs.items())

    return bisect_left(range(len(frame)), True, key=suffices)


def _level(sizes: np.ndarray, wanted: int) -> np.ndarray:
    """Fill the strata evenly until `wanted` are taken; the remainder goes to the largest."""
    level = np.zeros(len(sizes), dtype=int)
    while (left := wanted - int(level.sum())) > 0:
        open_ = np.flatnonzero(level < sizes)
        if left < len(open_):
            level[open_[np.argsort(-sizes[open_], kind="stable")[:left]]] += 1
        else:
            level[open_] = np.minimum(sizes[open_], level[open_] + left // len(open_))
    return level
