"""Near-duplicates in whole sets of any size: every pair compared if these are few enough, and otherwise an index."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.copies import distinct
from synthgen.stats.cosines import CELLS, Cosines, pieces
from synthgen.stats.forest import LEAF, leaves
from synthgen.stats.gathering import Gathering, TwinSide
from synthgen.stats.search import Codes, Flags, Vectors

MOST_COMPARED = 100_000
"""In a set of up to this many images, every pair is compared."""
KEEP = 200
MOST_DRAWN = 3000
"""At most so many rows are compared with all others, to measure the index."""
FEWEST_TREES, MOST_TREES = 8, 32
_ROWS, _COLUMNS, _BLOCK = 1024, CELLS // 1024, 2048
_SEEN = 0.98
"""Trees are grown until this share of the pairs that a tree shows was known from earlier ones."""
_PLENTY, _FEW_NEW, _FEWEST_OF_PLENTY = 20, 0.002, 3
"""With so many pairs a row, trees end after three if the last added less than this share of the rows with a partner."""


@dataclass(frozen=True, slots=True, eq=False)
class TwinCheck:
    """What comparing some rows with all others, exactly, shows of them.

    Attributes:
        drawn: the positions of the rows, drawn at random, ascending.
        partners: by drawn row: how many partners it truly has.
        in_class: how many of them are of its own class.
        nearest_cosines: the cosine of its nearest row of the other set. Empty within one set.
    """

    drawn: Codes
    partners: Codes
    in_class: Codes
    nearest_cosines: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class AlikeInSets:
    """The near-duplicates of a set, or between two sets.

    Attributes:
        found: the number of pairs; a lower bound if an index was searched.
        first, second, cosines: the positions of the two rows of a pair, and their cosine: the most similar pairs, in
            that order. Of rows that occur several times, not every pair is listed.
        anywhere: by row: whether it has a partner.
        in_class: whether it has a partner in its own class.
        partners: how many.
        differing: for each of the groups, how many of the pairs have different codes; between two sets, how many are of
            different classes.
        component: by row: a number that rows share which near-duplicates connect. Empty between two sets.
        nearest, nearest_cosines: by row: the most similar row of the other set, if the search is exact; otherwise the
            most similar one that was found, or -1. Empty within one set.
        copies: by row: a number that equal rows of one class, and with the same codes in all groups, share.
        trees: how many the index has; 0 if the search is exact.
        check: what rows drawn at random truly have, to measure the index by; None if the search is exact.
    """

    found: int
    first: Codes
    second: Codes
    cosines: Vectors
    anywhere: Flags
    in_class: Flags
    partners: Codes
    differing: tuple[int, ...]
    component: Codes
    nearest: Codes
    nearest_cosines: Vectors
    copies: Codes
    trees: int = 0
    check: TwinCheck | None = None

    @property
    def exact(self) -> bool:
        """Whether every pair was compared; otherwise an index was searched."""
        return self.check is None


def twins_within(
    vectors: Vectors,
    classes: Codes,
    threshold: float,
    groups: Sequence[Codes] = (),
    *,
    keep: int = KEEP,
    most_compared: int = MOST_COMPARED,
    seed: int = 0,
) -> AlikeInSets:
    """Find the near-duplicates within one set, each pair once.

    Args:
        vectors: float32 [n, d], of length 1.
        classes: a number from 0 for each row, [n]; each of `groups` likewise, with -1 for none.
        threshold: the least cosine.
        keep: how many pairs to list.
        most_compared: of up to this many rows, every pair is compared.
        seed: of the index.
    """
    rows = distinct(vectors, [classes, *groups])
    side = TwinSide(rows, classes, groups)
    gathering = Gathering(side, side, keep)
    trees, check = 0, None
    if len(rows) > 1:
        cosines = Cosines(rows, rows, threshold)
        if len(vectors) <= most_compared:
            _every_pair(cosines, gathering, np.random.default_rng([seed, *b"order"]))
        else:
            trees = by_trees(cosines, gathering, np.random.default_rng([seed, *b"trees"]))
            check = _check(cosines, gathering, np.random.default_rng([seed, *b"check"]), most_compared, False)
    none = np.empty(0, np.int64)
    return _twins(gathering, gathering.components(), none, np.empty(0, np.float32), trees, check)


def twins_between(
    vectors: Vectors,
    classes: Codes,
    others: Vectors,
    other_classes: Codes,
    threshold: float,
    *,
    keep: int = KEEP,
    most_compared: int = MOST_COMPARED,
    seed: int = 0,
) -> AlikeInSets:
    """Find the near-duplicates between two sets, and the nearest row of the second for each row of the first.

    If the rows of both sets make up to `most_compared` ** 2 pairs, every pair is compared. For the arguments
    see `twins_within`.
    """
    rows, other_rows = distinct(vectors, [classes]), distinct(others, [other_classes])
    gathering = Gathering(
        TwinSide(rows, classes, [classes]), TwinSide(other_rows, other_classes, [other_classes]), keep
    )
    near = _Nearest(len(rows))
    trees, check = 0, None
    if len(rows) and len(other_rows):
        cosines = Cosines(rows, other_rows, threshold)
        if len(vectors) * len(others) <= most_compared**2:
            for begin, end in pieces(len(rows), _ROWS):
                for one, other in pieces(len(other_rows), _COLUMNS):
                    _compare(cosines, np.arange(begin, end), np.arange(one, other), gathering, near)
        else:
            trees = by_trees(cosines, gathering, np.random.default_rng([seed, *b"trees"]), near)
            check = _check(cosines, gathering, np.random.default_rng([seed, *b"check"]), most_compared, True)
    place = np.where(near.place >= 0, other_rows.places[near.place], -1) if len(other_rows) else near.place
    nothing = np.empty(0, np.int64)
    return _twins(gathering, nothing, place[rows.number], near.cosine[rows.number], trees, check)


def _check(cosines: Cosines, gathering: Gathering, rng: np.random.Generator, most: int, near: bool) -> TwinCheck:
    """Compare rows drawn at random with all others, exactly."""
    mine, theirs = gathering.mine, gathering.theirs
    cells = most**2 // ((1 if near else 2) * max(len(theirs.rows.number), 1))
    images = len(mine.rows.number)
    drawn = np.sort(rng.choice(images, min(images, max(1, min(cells, MOST_DRAWN, most))), replace=False))
    which, back = np.unique(mine.rows.number[drawn], return_inverse=True)
    partners, own = np.zeros(len(which), np.int64), np.zeros(len(which), np.int64)
    nearest = np.full(len(which) * near, -2, np.float32)

    for begin, end in pieces(len(which), _ROWS):
        for one, other in pieces(len(theirs.rows), _COLUMNS):
            if near:
                block = mine.rows.rows(which[begin:end]) @ theirs.rows.rows(slice(one, other)).T
                nearest[begin:end] = np.maximum(nearest[begin:end], block.max(1))
                found = cosines.among(block)
            else:
                found = cosines.reaching(which[begin:end], slice(one, other))
            first, second = begin + found.first, one + found.second
            if mine is theirs:
                apart = which[first] != second
                first, second = first[apart], second[apart]
            same = mine.classes[which[first]] == theirs.classes[second]
            np.add.at(partners, first, theirs.counts[second])
            np.add.at(own, first[same], theirs.counts[second[same]])

    if mine is theirs:
        partners, own = partners + mine.counts[which] - 1, own + mine.counts[which] - 1
    return TwinCheck(drawn, partners[back], own[back], np.clip(nearest[back] if near else nearest, -1, 1))


class _Nearest:
    """The nearest row of another set that was seen so far, for each different row."""

    def __init__(self, rows: int) -> None:
        self.place, self.cosine = np.full(rows, -1, np.int64), np.full(rows, -2, np.float32)

    def see(self, rows: Codes, columns: Codes, cosines: Vectors) -> None:
        best = cosines.argmax(1)
        value = cosines[np.arange(len(rows)), best]
        nearer = value > self.cosine[rows]
        self.place[rows[nearer]], self.cosine[rows[nearer]] = columns[best[nearer]], value[nearer]


def _compare(cosines: Cosines, rows: Codes, columns: Codes, gathering: Gathering, near: _Nearest) -> None:
    block = cosines.mine.rows(rows) @ cosines.theirs.rows(columns).T
    near.see(rows, columns, block)
    found = cosines.among(block)
    gathering.add(rows[found.first], columns[found.second], found.cosines)


def _every_pair(cosines: Cosines, gathering: Gathering, rng: np.random.Generator) -> None:
    """Compare every pair, in an order that puts similar rows side by side, so that bounds clear most blocks at once."""
    order = np.concatenate(list(leaves(cosines.heads[:, :-1], rng, LEAF)))
    blocks = [order[begin:end] for begin, end in pieces(len(order), _BLOCK)]
    for number, rows in enumerate(blocks):
        for columns in blocks[number:]:
            first, second, found = cosines.reaching(rows, columns)
            if columns is rows:
                later = first < second
                first, second, found = first[later], second[later], found[later]
            gathering.add(rows[first], columns[second], found)


def by_trees(cosines: Cosines, gathering: Gathering, rng: np.random.Generator, near: _Nearest | None = None) -> int:
    """Compare the rows of each leaf of several trees; return the number of trees.

    A pair counts in the first tree that has both of its rows in one leaf. How many of a tree's pairs earlier trees
    showed is a guess at the share that these found, as with animals that are caught again.
    """
    one_set = near is None
    heads = cosines.heads[:, :-1]
    if not one_set:
        heads = np.concatenate([heads, cosines.other_heads[:, :-1]])
    split = len(cosines.mine)
    earlier: list[NDArray[np.int32]] = []

    while len(earlier) < MOST_TREES:
        leaf = np.empty(len(heads), np.int32)
        shown, new, marked = 0, 0, int(gathering.mine.anywhere.sum())
        for number, rows in enumerate(leaves(heads, rng, LEAF)):
            leaf[rows] = number
            mine, theirs = (rows, rows) if one_set else (rows[rows < split], rows[rows >= split] - split)
            first, second, found = _of_leaf(cosines, mine, theirs, near)
            unseen = np.ones(len(first), bool)
            other = second if one_set else second + split
            for tree in earlier:
                unseen &= tree[first] != tree[other]
            shown, new = shown + len(first), new + int(unseen.sum())
            gathering.add(first[unseen], second[unseen], found[unseen])

        earlier.append(leaf)
        if len(earlier) >= FEWEST_TREES and new <= (1 - _SEEN) * shown:
            break
        if len(earlier) >= _FEWEST_OF_PLENTY and _is_plenty(gathering, marked):
            break
    return len(earlier)


def _of_leaf(cosines: Cosines, mine: Codes, theirs: Codes, near: _Nearest | None) -> tuple[Codes, Codes, Vectors]:
    if near is None:
        found = cosines.reaching(mine, theirs)
        later = found.first < found.second
        return mine[found.first[later]], theirs[found.second[later]], found.cosines[later]
    if not len(mine) or not len(theirs):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    block = cosines.mine.rows(mine) @ cosines.theirs.rows(theirs).T
    near.see(mine, theirs, block)
    found = cosines.among(block)
    return mine[found.first], theirs[found.second], found.cosines


def _is_plenty(gathering: Gathering, marked: int) -> bool:
    now = int(gathering.mine.anywhere.sum())
    plenty = gathering.found > _PLENTY * len(gathering.mine.rows)
    return plenty and now - marked <= _FEW_NEW * now


def _twins(
    gathering: Gathering, component: Codes, nearest: Codes, cosines: Vectors, trees: int, check: TwinCheck | None
) -> AlikeInSets:
    side, number = gathering.mine, gathering.mine.rows.number
    return AlikeInSets(
        gathering.found,
        *gathering.listed(),
        anywhere=side.anywhere[number],
        in_class=side.in_class[number],
        partners=side.partners[number],
        differing=tuple(gathering.differing),
        component=component,
        nearest=nearest,
        nearest_cosines=np.clip(cosines, -1, 1),
        copies=number,
        trees=trees,
        check=check,
    )
