"""Distinct pictures per prompt: measured by the judge's embeddings, and told where other seeds give copies."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow
    from synthgen.ledger.source import Source
    from synthgen.stats.several import DistinctPictures

_LOG = logging.getLogger(__name__)
COPIES = "templates that give copies"
_SAMPLE = 2000
"""Of a run, so many accepted images are measured: the first."""


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


def facts_of(found: DistinctPictures | None, sample: int | None = None) -> dict[str, str]:
    """Return the figure as facts for pages and cards.

    Args:
        sample: how many images it is of, where there are more.
    """
    if found is None:
        return {}
    from synthgen.pages.page import short

    of_sample = "" if sample is None else f", in the first {sample:,} accepted images"
    facts = {f"distinct pictures of a {found.by}": found.text + of_sample}
    named = [f"{short(template)} ({pictures:.2f} of {found.of})" for template, pictures in found.copying]
    return facts | ({COPIES: "; ".join(named)} if named else {})


def facts_of_run(images: Sequence[Source], ledgers: Sequence[Source]) -> dict[str, str]:
    """Measure accepted images of a run, and name templates that give copies.

    Args:
        images: the tables of accepted images, in the order of shards, each with its ledger.

    Raises:
        StorageError: a table cannot be read.
    """
    rows: list[LedgerRow] = []
    for table, ledger in zip(images, ledgers, strict=True):
        if len(rows) > _SAMPLE:
            break
        rows += _accepted(table, ledger)
    found = distinct_in(rows[:_SAMPLE])
    warn_of_copies(found)
    return facts_of(found, _SAMPLE if len(rows) > _SAMPLE else None)


def _accepted(table: Source, ledger: Source) -> Iterator[LedgerRow]:
    """Yield the accepted images of a shard with their templates; none if they have no embeddings."""
    from synthgen.ledger.columns import EMBEDDING
    from synthgen.ledger.source import batches, schema_of

    if EMBEDDING not in schema_of(table).names:
        return
    rows = (row for batch in batches(ledger, ("id", "template")) for row in batch.to_pylist())
    templates = {row["id"]: row["template"] for row in rows}
    for batch in batches(table, ("id", "prompt", EMBEDDING)):
        for row in batch.to_pylist():
            yield cast("LedgerRow", {**row, "template": templates.get(row["id"]) or ""})


def warn_of_copies(found: DistinctPictures | None) -> None:
    """Name the templates whose images are as good as copies of each other."""
    from synthgen.pages.page import short

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
