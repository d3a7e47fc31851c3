"""What makes images of a set depend on each other: a shared prompt, noise seed, source or file, and near-duplicates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthgen.auditing.effect import Effect
from synthgen.auditing.shared import COLUMN, NEAR, PROMPT, Dependence, Shared
from synthgen.auditing.table import Table
from synthgen.sets import CLUSTER, SAME_FILE
from synthgen.stats.search import Codes

SOURCES = ("source_id", "source_image")
"""The columns that name the image which an image was made from."""
_FILE = "file"
_COLUMNS = {PROMPT: (PROMPT,), "seed": ("seed",), "source": SOURCES, _FILE: (SAME_FILE,)}
_CONDITIONS = (PROMPT, "seed")
"""What a generator is given. If that is the same for all images of a class, they are independent draws, given it."""
_LEAST = 1.05
"""Groups other than prompts count if they may multiply the variance in some class by this much."""
_GIANT = 0.2
"""A cluster with this share of a scope's images is a giant, if no single clustering has one half as large."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """A table whose clusters are images that depend on each other.

    Attributes:
        table: its clusters are connected over anything that their images share.
        single: the table with the clusters of each single dependence; empty if there is only one.
        copies: the table whose clusters are rows of one file or id; None if none counts.
        reaching: the groups of images that reach over classes, for each dependence that may.
    """

    table: Table
    single: tuple[Table, ...]
    dependence: Dependence
    copies: Table | None = None
    reaching: tuple[Codes, ...] = ()


def find_clustering(table: Table, frame: pd.DataFrame, near: NDArray[np.integer] | None = None) -> Clustering:
    """Find the clusters of a table. Images of different classes are never in one.

    Args:
        frame: the rows of the table, with columns `prompt`, `seed`, one of `SOURCES`, and `SAME_FILE`, as far as known.
            Columns that begin with `CLUSTER` are those that the user named.
        near: for each row a number that it shares with its near-duplicates.
    """
    found = {what: codes for what, codes in _codes(table, frame, near) if codes is not None}
    grouped = {what: _within(table, codes) for what, codes in found.items()}
    reaching = {what: _alone(codes) for what, codes in found.items() if what not in (*_CONDITIONS, NEAR)}
    reaching = {what: codes for what, codes in reaching.items() if _reaches(table, codes)}
    given = tuple(what for what in _CONDITIONS if what in grouped and _is_single(table, grouped[what]).any())
    grouped |= {what: np.where(_is_single(table, grouped[what]), -1, grouped[what]) for what in given}
    shared = [
        _shared(table, what, _within(table, codes), grouped[what], reaching.get(what)) for what, codes in found.items()
    ]
    names = [each.what for each in shared if each.counted and (grouped[each.what] >= 0).any()]
    over = [each.what for each in shared if each.counted and each.what in reaching]
    told = tuple(each for each in shared if each.groups or each.what.startswith(COLUMN))
    dependence = Dependence(told, reaching=tuple(over), single=given)
    across = tuple(reaching[what] for what in over)
    if names == [PROMPT] and PROMPT not in given:
        return Clustering(table, (), dependence, reaching=across)
    if not names:
        alone = replace(table, cluster=None, cluster_label=table.cluster_label[:0]) if PROMPT in given else table
        return Clustering(alone, (), dependence, reaching=across)

    counted = [grouped[what] for what in names]
    together = _clustered(table, counted)
    single = tuple(_clustered(table, [codes]) for codes in counted) if len(counted) > 1 else ()
    copies = _clustered(table, [grouped[_FILE]]) if _FILE in names else None
    return Clustering(together, single, dependence, copies, across)


def chained(clustering: Clustering) -> list[bool]:
    """Tell for each scope, overall first, whether its clusters connect too much to be used instead of single ones."""
    together = _largest(clustering.table)
    if not clustering.single:
        return [False] * len(together)
    single = np.max([_largest(table) for table in clustering.single], axis=0)
    return [bool(each) for each in (together > _GIANT) & (together > 2 * single)]


def added_up(single: Sequence[Effect], whole: Effect) -> Effect:
    """Add up the effects of single dependences: variances of crossed clusterings add up.

    Cameron, Gelbach and Miller (2011, Journal of Business and Economic Statistics 29) subtract the variance of images
    that share both; nothing is subtracted here, so the sum is too large rather than too small.
    """
    known = [each for each in single if each.size is not None]
    if not known:
        return replace(whole, size=None, by_value=(), freedom=0)
    freedom = [each.freedom for each in known if each.freedom is not None]
    bound = any(each.bound for each in known)
    least = None if bound or not freedom else min(freedom)
    size = 1 + sum(each.at_least - 1 for each in known)
    effects = [[max(1.0, effect) for effect in each.by_value] for each in known]
    by_value = tuple(1 + sum(effect - 1 for effect in of_value) for of_value in zip(*effects, strict=True))
    return replace(whole, size=size, by_value=by_value, freedom=least, bound=bound)


def strongest(single: Sequence[Table], effects: Sequence[Mapping[str, Sequence[Effect]]]) -> int:
    """Return which of the single clusterings has the largest design effect overall, on average of the attributes."""
    sizes = [np.mean([of[0].at_least for of in found.values()] or [1.0]) for found in effects]
    return int(np.argmax(sizes)) if single else 0


def _codes(table: Table, frame: pd.DataFrame, near: NDArray[np.integer] | None) -> Iterator[tuple[str, Codes | None]]:
    for what, columns in _COLUMNS.items():
        there = [name for name in columns if name in frame.columns and name not in table.attributes]
        yield what, pd.factorize(frame[there[0]])[0].astype(np.int64) if there else None
    for name in frame.columns:
        if str(name).startswith(CLUSTER):
            yield f"{COLUMN}{name.removeprefix(CLUSTER)}", pd.factorize(frame[name])[0].astype(np.int64)
    yield NEAR, None if near is None else near.astype(np.int64)


def _alone(codes: Codes) -> Codes:
    """Give -1 to images whose group has no other."""
    counts = np.bincount(codes[codes >= 0], minlength=1)
    found: Codes = np.where((codes >= 0) & (counts[np.maximum(codes, 0)] > 1), codes, -1)
    return found


def _is_single(table: Table, codes: Codes) -> NDArray[np.bool_]:
    """Tell for each image whether all images of its class, two or more, are one group."""
    images, classes = np.bincount(table.label, minlength=len(table.classes)), len(table.classes)
    first = np.full(classes, -1)
    first[table.label] = codes
    same = np.bincount(table.label[codes == first[table.label]], minlength=classes)
    single = (same == images) & (first >= 0) & (images > 1)
    found: NDArray[np.bool_] = single[table.label]
    return found


def _reaches(table: Table, codes: Codes) -> bool:
    """Tell whether some group has images of several classes."""
    there, wide = codes >= 0, len(table.classes)
    pairs = np.unique(codes[there].astype(np.int64) * wide + table.label[there])
    return len(pairs) > len(np.unique(pairs // wide))


def _within(table: Table, codes: NDArray[np.integer]) -> Codes:
    """Number the groups within classes; images that are alone get -1."""
    wide = int(codes.max(initial=0)) + 1
    keys = np.where(codes >= 0, table.label.astype(np.int64) * wide + codes, -1)
    _, number, counts = np.unique(keys, return_inverse=True, return_counts=True)
    found: Codes = np.where((codes >= 0) & (counts[number] > 1), number, -1)
    return found


def _shared(table: Table, what: str, codes: Codes, counting: Codes, reaching: Codes | None) -> Shared:
    """Describe the groups `codes`, of which those in `counting` may count; or the groups that reach over classes."""
    counted = bool((counting >= 0).any()) and (what == PROMPT or _most_effect(table, counting) >= _LEAST)
    if reaching is not None:
        codes = reaching
        counted |= _most_effect(replace(table, label=np.zeros_like(table.label)), reaching) >= _LEAST
    sizes = np.bincount(codes[codes >= 0])
    sizes = sizes[sizes > 0]
    return Shared(what, int(sizes.sum()), len(sizes), int(sizes.max(initial=0)), counted)


def _most_effect(table: Table, codes: Codes) -> float:
    """Return the largest design effect that groups can have in a class: if all images of a group were the same."""
    sizes = np.bincount(codes[codes >= 0])[codes]
    each = np.where(codes >= 0, sizes, 1)  # an image of a group of s adds s to the sum of s squared
    images = np.bincount(table.label, minlength=len(table.classes))
    return float((np.bincount(table.label, each, len(table.classes)) / np.maximum(images, 1)).max(initial=1.0))


def _clustered(table: Table, several: Sequence[Codes]) -> Table:
    """Return the table with clusters of images that any of these codes connects."""
    images, start = len(table), len(table)
    rows, groups = [], []
    for codes in several:
        there = np.flatnonzero(codes >= 0)
        rows.append(there)
        groups.append(start + codes[there])
        start += int(codes.max(initial=0)) + 1
    pairs = np.concatenate(rows), np.concatenate(groups)
    graph = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(start, start))
    joined = connected_components(graph, directed=False)[1][:images]

    _, first, cluster = np.unique(joined, return_index=True, return_inverse=True)
    order = np.lexsort((_content(table, cluster), table.label[first]))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return replace(
        table, cluster=rank[cluster].astype(np.int64), cluster_label=table.label[first][order].astype(np.int64)
    )


def _content(table: Table, cluster: Codes) -> NDArray[np.uint64]:
    """Hash the answers in each cluster: so numbered, the order of the rows does not matter, and equals may swap."""
    rng = np.random.default_rng(0)
    mixed = np.zeros(len(cluster), np.uint64)
    for answers in table.attributes.values():
        odd = rng.integers(1, 2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * odd + answers.codes.astype(np.uint64) * odd
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
    found = np.zeros(int(cluster.max(initial=-1)) + 1, np.uint64)
    np.add.at(found, cluster, mixed)
    return found


def _largest(table: Table) -> NDArray[np.float64]:
    """Return the share of images in the largest cluster: overall, and in each class."""
    if table.cluster is None:
        return np.zeros(1 + len(table.classes))
    sizes = np.bincount(table.cluster, minlength=len(table.cluster_label))
    most = np.zeros(len(table.classes))
    np.maximum.at(most, table.cluster_label, sizes)
    images = np.bincount(table.label, minlength=len(table.classes))
    return np.concatenate([[most.max(initial=0) / max(len(table), 1)], most / np.maximum(images, 1)])
