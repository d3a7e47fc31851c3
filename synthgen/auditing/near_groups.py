"""From near-duplicates to groups of images that depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthgen.auditing.embeddings.near import NearSet, find_near
from synthgen.auditing.input.observations import Observations
from synthgen.stats.search import ROUNDING, Codes

if TYPE_CHECKING:
    from synthgen.auditing.effects import NearGroups

_GIANT, _DENSE = 0.2, 0.5
_SAMPLE = 200


def near_of(looked: Observations, values: Mapping[str, Sequence[str]], seed: int) -> NearSet | None:
    """Search the near-duplicates of a set that a judge looked at; None if none did."""
    from synthgen.auditing.table import encode

    frame = looked.frame
    if looked.vectors is None or frame["label"].isna().any():  # `measure` refuses a set with such images
        return None
    attributes = {
        name: encode(frame[name], of).astype(np.int64) for name, of in values.items() if name in frame.columns
    }
    return find_near(frame["id"].tolist(), frame["label"].tolist(), looked.vectors, seed, attributes=attributes)


def near_groups(near: NearSet, seed: int) -> NearGroups:
    """Number images so that those which near-duplicates connect have one number.

    A component that has a fifth of a class, and in which fewer than half of the pairs are near-duplicates, is a chain:
    this embedding calls images near-duplicates that are merely similar, so these say little about where the images came
    from. Of a chain, only images with equal embeddings share a number.
    """
    from synthgen.auditing.effects import NearGroups

    number, codes = near.twins.component, near.rows.codes
    if not len(number):
        return NearGroups(number)
    images = np.bincount(codes)
    pairs, sizes = np.unique(np.stack([codes, number]), axis=1, return_counts=True)
    giants = np.unique(pairs[1, (sizes > _GIANT * images[pairs[0]]) & (sizes >= 10)])
    chains = [giant for giant in giants if not _is_dense(near, np.flatnonzero(number == giant), seed)]
    chained = np.isin(number, chains)
    return NearGroups(np.where(chained, number.max(initial=0) + 1 + near.twins.copies, number), int(chained.sum()))


def _is_dense(near: NearSet, rows: Codes, seed: int) -> bool:
    rng = np.random.default_rng([seed, *b"chains"])
    rows = rng.choice(rows, min(len(rows), _SAMPLE), replace=False)
    vectors = near.rows.vectors[rows]
    alike = (vectors @ vectors.T)[np.triu_indices(len(rows), 1)] >= near.threshold - ROUNDING
    return bool(alike.mean() >= _DENSE)
