"""Search a set for what nobody declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.auditing.pictures import show_pairs
from synthgen.errors import UsageError
from synthgen.events import OnProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from synthgen.auditing.embeddings import NearSet
    from synthgen.auditing.input.audit_input import AuditInput, ObservedSet
    from synthgen.auditing.input.query import AuditQuery
    from synthgen.auditing.report import AuditReport
    from synthgen.auditing.undeclared.findings import Undeclared, UndeclaredSplit
    from synthgen.auditing.undeclared.parts import ImageParts
    from synthgen.stats.estimates import Ints
    from synthgen.stats.undeclared import FoundSplit

MOST = 5000
"""More images are sampled."""
_SHOWN, _CLEAR = 12, 0.95
_PROMPTS = 20
"""With so many prompts in every class, the images of a prompt stay in one half."""


def check_undeclared(first: AuditInput, query: AuditQuery) -> None:
    """Check, before images are looked at, that what nobody declared can be searched.

    Raises:
        UsageError: the set has no images, or no judge makes embeddings of them.
    """
    if not query.undeclared:
        return
    if not first.subject.images.has_images:
        raise UsageError(f"{first.subject.images.source} has no images to search", argument="undeclared")
    if not any(not judge.is_asked for judge in first.question.judges):
        what = "what nobody declared is searched in embeddings, and no judge makes them"
        raise UsageError(what, argument="undeclared", hint="Name a CLIP with `judges`, such as 'bundled:judge'.")


def with_undeclared(
    report: AuditReport,
    first: AuditInput,
    seen: ObservedSet,
    values: Mapping[str, Sequence[str]],
    near: NearSet | None,
    query: AuditQuery,
    on_progress: OnProgress,
) -> AuditReport:
    """Add to a report what nobody declared, with pictures of both sides, if it is asked for."""
    from synthgen.auditing.report import NotMeasured

    if not query.undeclared:
        why = NotMeasured(
            "what nobody declared", "ask for it with `undeclared`; the judge then looks at every image once more"
        )
        looked = seen.looked.vectors is not None
        return replace(report, not_measured=(*report.not_measured, why)) if looked else report
    found = _search(first, seen, values, near, query.seed, on_progress)
    return replace(report, undeclared=found, undeclared_pictures=show_pairs(*seen, found.ids))


def _search(
    first: AuditInput,
    seen: ObservedSet,
    values: Mapping[str, Sequence[str]],
    near: NearSet | None,
    seed: int,
    on_progress: OnProgress,
) -> Undeclared:
    import numpy as np

    from synthgen.auditing.table import encode
    from synthgen.auditing.undeclared.findings import Undeclared
    from synthgen.auditing.undeclared.parts import ImageParts
    from synthgen.stats.undeclared import find_splits

    frame, vectors = seen.looked.frame, seen.looked.vectors
    reason = _too_little(frame)
    if reason is not None or near is None or vectors is None:
        return Undeclared(0, len(frame), 0, 0, 0, (), reason or "the embeddings of the images are not at hand")
    drawn = np.sort(np.random.default_rng([seed, *b"undeclared"]).permutation(len(frame))[:MOST])
    judge = next(judge for judge in first.question.judges if not judge.is_asked)
    rows = seen.looked.rows[drawn].tolist()
    parts = ImageParts.of(first.question.cached.of(judge).maps(seen.images, rows, on_progress))

    frame = frame.iloc[drawn].reset_index(drop=True)
    names, codes = np.unique(frame["label"].astype(str), return_inverse=True)
    known = {name: encode(frame[name], of).astype(np.int64) for name, of in values.items() if name in frame}
    declared = [np.where(code < len(values[name]), code, -1) for name, code in known.items()]
    found = find_splits(parts.views(vectors[drawn]), codes, declared, _groups(frame, near, drawn, seed), seed)
    if not found.searched:
        return Undeclared(len(frame), len(seen.looked.frame), 0, 0, 0, (), _few())
    labels = {name: values[name] for name in known}
    splits = tuple(_told(split, frame, names.tolist(), labels, parts, seed) for split in found.found)
    return Undeclared(len(frame), len(seen.looked.frame), 1 + len(parts.boxes), found.searched, found.tested, splits)


def _too_little(frame: pd.DataFrame) -> str | None:
    """Return why nothing can be searched, before anything is embedded."""
    from synthgen.stats.undeclared import LEAST_OF_CLASS, LEAST_ROWS

    if frame["label"].isna().any():
        return "some images have no class, and what nobody declared is compared between classes"
    sizes = frame["label"].value_counts()
    if len(sizes) < 2:
        return "it is compared between classes, and the images are of " + ("one class" if len(sizes) else "none")
    large = sizes[sizes >= 2 * LEAST_OF_CLASS]
    return _few() if len(large) < 2 or large.sum() < 2 * LEAST_ROWS else None


def _few() -> str:
    from synthgen.stats.undeclared import LEAST_OF_CLASS, LEAST_ROWS

    return f"too few images: each half of the set needs {LEAST_ROWS} images and {LEAST_OF_CLASS} of each of two classes"


def _groups(frame: pd.DataFrame, near: NearSet, drawn: np.ndarray, seed: int) -> Ints:
    """Number images so that near-duplicates, and those of a prompt where there are many prompts, share a number."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from synthgen.auditing.near_groups import near_groups

    _, alike = np.unique(near_groups(near, seed).number[drawn], return_inverse=True)
    if "prompt" not in frame or frame["prompt"].isna().any():
        return np.asarray(alike, dtype=np.int64)
    prompts = frame.groupby(["label", "prompt"], sort=False).ngroup().to_numpy()
    if frame.groupby("label")["prompt"].nunique().min() < _PROMPTS:
        return np.asarray(alike, dtype=np.int64)
    ones, nodes = np.ones(len(frame)), int(alike.max() + prompts.max()) + 2
    linked = coo_array((ones, (alike, alike.max() + 1 + prompts)), shape=(nodes, nodes))
    return np.asarray(connected_components(linked, directed=False)[1][alike], dtype=np.int64)


def _told(
    split: FoundSplit,
    frame: pd.DataFrame,
    names: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    parts: ImageParts,
    seed: int,
) -> UndeclaredSplit:
    from synthgen.auditing.undeclared.findings import UndeclaredShare, UndeclaredSplit

    attribute = list(labels)[split.within[0]] if split.within else None
    return UndeclaredSplit(
        attribute,
        labels[attribute][split.within[1]] if split.within and attribute else None,
        parts.boxes[split.view - 1] if split.view else None,
        split.apart,
        split.p_value,
        split.adjusted,
        tuple(UndeclaredShare(names[each.code], each.images, each.share, each.comparable) for each in split.shares),
        tuple(_some(frame.iloc[split.rows[split.upper > _CLEAR]], seed)),
        tuple(_some(frame.iloc[split.rows[split.upper < 1 - _CLEAR]], seed)),
    )


def _some(frame: pd.DataFrame, seed: int) -> Iterator[str]:
    """Draw images at random, in turn from each class."""
    import numpy as np

    drawn = frame.iloc[np.random.default_rng([seed, *b"sides"]).permutation(len(frame))]
    turn = drawn.groupby("label").cumcount()
    yield from drawn.assign(turn=turn).sort_values("turn", kind="stable")["id"].astype(str)[:_SHOWN]
