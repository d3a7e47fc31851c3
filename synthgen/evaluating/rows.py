"""All images of an experiment as rows of one table, in a fixed order: what learners and arms name images by. Pure.

First come the real images for training and validation, then synthetic ones, more real ones and unfiltered ones if there
are, augmented copies of the real ones, all of the first image first, and last the test.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from synthgen.evaluating.arms import Pool

if TYPE_CHECKING:
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.stats.search import Codes, Vectors


def trained_sets(divided: Divided) -> list[LookedSet]:
    """Return the sets that arms draw from, in the order of rows."""
    others = (divided.more_real, divided.unfiltered)
    return [divided.real, divided.synthetic, *(each for each in others if each is not None)]


def vectors_of(divided: Divided) -> Vectors:
    """Return the embedding of every row."""
    copies = divided.real.copies
    width = divided.real.vectors.shape[1]
    more = [] if copies is None else [copies.reshape(-1, width)]
    return np.concatenate([*(each.vectors for each in trained_sets(divided)), *more, divided.test.vectors])


def pool_of(divided: Divided, copies: int) -> tuple[Pool, Codes]:
    """Return what arms draw from, with so many copies of each real image, and the rows of the test."""
    codes, sets = {name: code for code, name in enumerate(divided.classes)}, trained_sets(divided)
    classes = [np.array([codes[label] for label in each.labels], dtype=np.int64) for each in (*sets, divided.test)]
    parts = [*classes[:-1], np.repeat(classes[0], copies), classes[-1]]
    rows = [np.arange(start, end) for start, end in pairwise(np.cumsum([0, *map(len, parts)]).tolist())]
    rest, none = iter(rows[2:]), np.empty(0, np.int64)
    more = next(rest) if divided.more_real is not None else none
    unfiltered = next(rest) if divided.unfiltered is not None else none
    copied = rows[-2].reshape(len(divided.real), copies)
    return Pool(np.concatenate(parts), rows[0], rows[1], more, copied, unfiltered), rows[-1]
