"""Distinct pictures per prompt: measured by the judge's embeddings, and told where other seeds give copies."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthgen.pages.page import short

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow
    from synthgen.stats.several import DistinctPictures

_LOG = logging.getLogger(__name__)
FACT = "distinct pictures of a prompt"


def distinct_in(rows: Sequence[LedgerRow], size: int | None = None) -> DistinctPictures | None:
    """Measure rows that have embeddings; None if no two images share a prompt or a template.

    Args:
        size: how many images of each prompt are compared. By default, what most prompts have.
    """
    import numpy as np

    from synthgen.ledger.columns import EMBEDDING
    from synthgen.stats.several import distinct_pictures

    there = [row for row in rows if row.get(EMBEDDING) is not None]
    if len(there) < 2:
        return None
    vectors = np.stack([np.asarray(row[EMBEDDING], dtype=np.float32) for row in there])
    lengths = np.linalg.norm(vectors, axis=1)
    good = np.isfinite(lengths) & (lengths > 0)
    kept = [row for row, is_good in zip(there, good, strict=True) if is_good]
    if len(kept) < 2:
        return None
    vectors = vectors[good] / lengths[good, None]
    return distinct_pictures(vectors, [row["prompt"] for row in kept], [row["template"] for row in kept], size)


def facts_of(found: DistinctPictures | None) -> Mapping[str, str]:
    """Return the figure as a fact for pages and cards."""
    return {} if found is None else {FACT: found.text}


def warn_of_copies(found: DistinctPictures | None) -> None:
    """Name the templates whose images are as good as copies of each other."""
    for template, pictures in found.copying if found else ():
        worth = f"{found.of} images of one {found.by} are worth {pictures:.2f} distinct ones" if found else ""
        _LOG.warning("template %r gives copies: %s, whatever the seed", short(template), worth)


def as_json(found: DistinctPictures | None) -> dict[str, object] | None:
    """Return the figure for programs."""
    if found is None:
        return None
    interval = None if found.pictures is None else [found.pictures.low, found.pictures.high]
    return {
        "value": found.value,
        "interval": interval,
        "of": found.of,
        "prompts": found.prompts,
        "left_out": found.left_out,
        "by": found.by,
        "copying": dict(found.copying),
    }
