"""Shares corrected by a labelled subsample: prediction-powered inference."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.auditing.table import Answers, Table, check_columns, crossed, read_answers
from synthgen.auditing.thin_classes import together
from synthgen.errors import UsageError
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Corrected, Floats, estimates
from synthgen.stats.score import weighted_scores


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What people saw in a random subsample, for one attribute.

    Attributes:
        weight: the weights of the labelled images, summed by class, answer and truth: [classes, answers, truths].
        square: the sums of the squared weights, likewise.
        images: labelled images by class.
        rows: the positions of the labelled images in the table.
        blank: the positions of images that have a row without a label: drawn, but not labelled.
        truths: what was seen in each of `rows`, as codes of the attribute's answers.
    """

    weight: Floats
    square: Floats
    images: Floats
    rows: NDArray[np.int64]
    blank: NDArray[np.int64]
    truths: NDArray[np.integer]


def read_truth(table: Table, labels: pd.DataFrame, attribute: Answers) -> Truth:
    """Join `labels` to the images of `table`.

    The columns are `id`; `weight`, if the images of a class were not drawn with equal probability; and one for the
    attribute: a value, 'not applicable', or 'unknown' if a person cannot tell either. An empty cell is not a label.

    Raises:
        UsageError: a column or an id is missing, an id is duplicated, or a value or a weight is invalid.
    """
    check_columns(labels, ["id", attribute.name], "the labels")
    has_label = labels[attribute.name].notna()
    given, empty = labels[has_label], labels[~has_label]
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
        raise UsageError(
            "the labels have a weight that is not a positive number",
            hint="It counts the images that a label stands for.",
        )

    truth = read_answers(given, attribute.name, attribute.values, "the table of labels").codes
    answers = len(attribute.answers)
    shape = (len(table.classes), answers, answers)
    place = (table.label[rows], attribute.codes[rows], truth)
    weight, square = np.zeros(shape), np.zeros(shape)
    np.add.at(weight, place, weights)
    np.add.at(square, place, weights**2)
    blank = table.ids.get_indexer(pd.Index(empty["id"]))
    return Truth(weight, square, crossed((place[0], shape[0])).astype(float), rows, blank[blank >= 0], truth)


def correct_by_labels(
    counts: Floats,
    truth: Truth,
    places: Sequence[Sequence[int]],
    inflation: Sequence[Floats | float],
    whole: bool = False,
) -> list[Corrected]:
    """Estimate the true shares of the values, among images that have one, in each place.

    `counts` are the images by class and answer. Within each class, the images with one answer are a cell. The estimate
    of a value is its share among the labels of a cell, weighted by the cell's images. For each value, this is PPI++
    with tuned power (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453) on the one-hot answers, stratified by class
    (Fisch et al. 2024, arXiv 2406.04291): mean label + (mean answer of all - mean answer of the labelled) * lambda,
    where lambda is that of regression. It assumes nothing about the judge, which may err, and differently in each
    class. It assumes that the labelled images are a random sample of their class; `label_sample` tests that. A judge
    that is often right makes the interval narrow.

    The interval is that of `weighted_score` and not PPI's normal one, which treats a cell without an error among its
    labels as a cell without errors. Unequal weights count by Kish's effective sample size. An image without a value, or
    for which a person cannot tell, leaves the denominator, at the cost of a term of variance.

    If `whole`, the images are all that the shares are about, and not a sample of their source: the numbers of answers
    are fixed, and only which images were labelled is random.

    Args:
        places: the classes of each place, as rows of `counts`.
        inflation: of each place, or of its values: see `weighted_score`.
    """
    found: dict[int, Corrected] = {}
    measured: list[tuple[int, Cells]] = []
    for index, chosen in enumerate(places):
        refused = _refused(counts, truth, chosen)
        if refused:
            found[index] = refused
            continue
        seen = [each for each in chosen if counts[each].sum() and truth.images[each]]
        of = cells(*together(counts[seen], truth.weight[seen], truth.square[seen]))
        measured.append((index, of_whole(of) if whole else of))

    scored = weighted_scores([each for _, each in measured], [inflation[index] for index, _ in measured])
    for (index, _), (share, low, high) in zip(measured, scored, strict=True):
        found[index] = _corrected(counts, truth, places[index], share, low, high)
    return [found[index] for index in range(len(places))]


def _refused(counts: Floats, truth: Truth, chosen: Sequence[int]) -> Corrected | None:
    """Explain why the labels of a place tell nothing; None if they do."""
    there = [index for index in chosen if counts[index].sum()]
    seen = [index for index in there if truth.images[index]]
    if not seen:
        return Corrected(None, "no labels" if there else "no images")
    if not truth.weight[seen][..., : -len(ASIDE)].any():
        labelled = int(truth.images[chosen].sum())
        return Corrected(None, "the labels give none of these images a value", labelled=labelled)
    return None


def _corrected(
    counts: Floats, truth: Truth, chosen: Sequence[int], share: Floats, low: Floats, high: Floats
) -> Corrected:
    """Allow for classes without a label in the shares of the others, and their ends, each [values]."""
    unlabelled = [index for index in chosen if not truth.images[index]]
    unseen = counts[unlabelled].sum() / counts[chosen].sum()
    caveats = []
    if unseen > 0:
        caveats.append(f"{unseen:.1%} of the images are in classes without a label: they may have any shares")
        low, high = low * (1 - unseen), high * (1 - unseen) + unseen
    return Corrected(estimates(share, low, high), caveats=tuple(caveats), labelled=int(truth.images[chosen].sum()))


class Cells(NamedTuple):
    """The first arguments of `weighted_score`, with an axis of values before the hits' strata and cells."""

    hits: Floats
    looked_at: Floats
    size: Floats
    spread: Floats


def cells(size: Floats, weight: Floats, square: Floats) -> Cells:
    """Compute the cells from images by class and answer and from `Truth`'s sums. Every class must have a label."""
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


def of_whole(found: Cells) -> Cells:
    """Return cells whose sizes are fixed: each is a stratum, drawn without replacement (Cochran 1977, chapter 5).

    A cell whose images are all labelled counts as if it had ten thousand times as many labels.
    """
    hits, looked_at, size, spread = (np.asarray(each).reshape(*each.shape[:-2], -1, 1) for each in found)
    left = np.maximum(1 - np.divide(looked_at, size, out=np.zeros_like(size), where=size > 0), 1e-4)
    return Cells(hits / left, looked_at / left, size, spread)


def _merged(size: Floats, weight: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Merge each cell without a label into the cell of its class with the fewest, whose labels then count for both."""
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
    """Draw `size` images to label, stratified by class and by the columns `by`.

    The result has `id`, `label` and `weight`, the number of images that each one represents. Every stratum gets the
    same number of images, or all that it has, so a small class is measured as well as a large one. A larger sample with
    the same seed contains the smaller one. Stratified by the
    answers of an attribute, rare answers are labelled often, which measures their errors.
    """
    check_columns(frame, ["id", "label", *by], "the table")
    rng = np.random.default_rng(seed)
    ordered = frame.sort_values("id")
    stratum = ordered.groupby(["label", *by], sort=True, dropna=False).ngroup().to_numpy()
    rows, sizes = np.argsort(stratum, kind="stable"), np.bincount(stratum)
    level = _level(sizes, min(size, int(sizes.sum())))
    first = np.cumsum(sizes) - sizes
    chosen = [
        start + np.sort(rng.permutation(many)[:wanted])
        for start, many, wanted in zip(first.tolist(), sizes.tolist(), level.tolist(), strict=True)
    ]
    drawn = ordered[["id", "label"]].iloc[rows[np.concatenate(chosen)] if chosen else []]
    return drawn.assign(weight=np.repeat(sizes / np.maximum(level, 1), level)).reset_index(drop=True)


def least_sample(frame: pd.DataFrame, needs: Mapping[str, int], by: Sequence[str] = ()) -> int:
    """Return the least size at which `draw_sample` draws as many of each class as `needs` says, which it must have."""
    sizes = frame.groupby(["label", *by], sort=True, dropna=False).size()
    names = sizes.index.get_level_values("label").map(str)

    def suffices(count: int) -> bool:
        drawn = pd.Series(_level(sizes.to_numpy(), count)).groupby(names).sum()
        return all(drawn[name] >= need for name, need in needs.items())

    return bisect_left(range(len(frame)), True, key=suffices)


def _level(sizes: np.ndarray, wanted: int) -> np.ndarray:
    """Fill the strata evenly until `wanted` images are taken; the remainder goes to the largest."""
    level = np.zeros(len(sizes), dtype=int)
    while (left := wanted - int(level.sum())) > 0:
        open_ = np.flatnonzero(level < sizes)
        if left < len(open_):
            level[open_[np.argsort(-sizes[open_], kind="stable")[:left]]] += 1
        else:
            level[open_] = np.minimum(sizes[open_], level[open_] + left // len(open_))
    return level
