"""Pairs of near-duplicates as they are found: counted, marked and joined, without a list of them all."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthgen.stats.copies import Distinct
from synthgen.stats.search import ROUNDING, Codes, Flags, Vectors

DIGITS = 6
"""Cosines that differ in later digits are equally large: such differences are rounding errors of float32."""
_EDGES = 2_000_000
"""So many pairs are joined at a time."""
_COPIES = 21
"""Of so many equal rows, pairs are listed: 210 of them."""


class TwinSide:
    """What was found of the different rows of one set.

    Attributes:
        anywhere: whether a row has a partner, [k].
        in_class: whether it has one of its own class.
        partners: how many partners it has.
    """

    def __init__(self, rows: Distinct, classes: Codes, groups: Sequence[Codes]) -> None:
        self.rows, self.counts = rows, rows.counts
        self.classes = classes[rows.places]
        self.groups = [codes[rows.places] for codes in groups]
        self.anywhere: Flags = np.zeros(len(rows), bool)
        self.in_class: Flags = np.zeros(len(rows), bool)
        self.partners: Codes = np.zeros(len(rows), np.int64)


class Gathering:
    """Pairs of rows of one set, or of two, each pair given once.

    Attributes:
        found: the number of pairs; a row that occurs several times is in several.
        differing: for each of the groups, the pairs whose rows have different codes, both of them 0 or more.
    """

    def __init__(self, mine: TwinSide, theirs: TwinSide, keep: int) -> None:
        self.mine, self.theirs, self._keep = mine, theirs, keep
        self._one_set = mine is theirs
        self.found = 0
        self.differing = [0] * len(mine.groups)
        self._first, self._second = np.empty(0, np.int64), np.empty(0, np.int64)
        self._cosines = np.empty(0, np.float32)
        self._component = np.arange(len(mine.rows) if self._one_set else 0, dtype=np.int64)
        self._edges: list[tuple[Codes, Codes]] = []
        self._waiting = 0
        if self._one_set:
            self._add_copies()

    def add(self, first: Codes, second: Codes, cosines: Vectors) -> None:
        """Take pairs of different rows, by their positions among these."""
        for begin in range(0, len(first), _EDGES):
            chosen = slice(begin, begin + _EDGES)
            self._add(first[chosen], second[chosen], cosines[chosen])

    def listed(self) -> tuple[Codes, Codes, Vectors]:
        """Return the most similar pairs, by the positions of their rows in the sets, and their cosines."""
        return self._first, self._second, np.clip(self._cosines, -1, 1)

    def components(self) -> Codes:
        """Number the rows of the one set by the near-duplicates that connect them, directly or over others, [n]."""
        self._join()
        return self._component[self.mine.rows.number]

    def _add(self, first: Codes, second: Codes, cosines: Vectors) -> None:
        mine, theirs = self.mine, self.theirs
        times = mine.counts[first] * theirs.counts[second]
        self.found += int(times.sum())
        own = mine.classes[first] == theirs.classes[second]
        self._mark(mine, first, own, theirs.counts[second])
        if self._one_set:
            self._mark(theirs, second, own, mine.counts[first])
            self._edges.append((first, second))
            self._waiting += len(first)
            if self._waiting > _EDGES:
                self._join()
        for index, (one, other) in enumerate(zip(mine.groups, theirs.groups, strict=True)):
            apart = (one[first] != other[second]) & (one[first] >= 0) & (other[second] >= 0)
            self.differing[index] += int(times[apart].sum())
        self._list(mine.rows.places[first], theirs.rows.places[second], cosines)

    @staticmethod
    def _mark(side: TwinSide, rows: Codes, own: Flags, times: Codes) -> None:
        side.anywhere[rows] = True
        side.in_class[rows[own]] = True
        np.add.at(side.partners, rows, times)

    def _add_copies(self) -> None:
        """Count the pairs of equal rows, which are certain."""
        mine = self.mine
        several = mine.counts > 1
        mine.anywhere |= several
        mine.in_class |= several
        mine.partners += mine.counts - 1
        self.found += int((mine.counts * (mine.counts - 1) // 2).sum())

        for row in np.flatnonzero(several)[: self._keep]:
            rows = _first_of(mine.rows, int(row))
            first, second = np.triu_indices(len(rows), 1)
            self._list(rows[first], rows[second], np.ones(len(first), np.float32))

    def _list(self, first: Codes, second: Codes, cosines: Vectors) -> None:
        """Keep the most similar pairs; of equally similar ones, the first."""
        if len(cosines) > self._keep:
            least = np.partition(cosines, -self._keep)[-self._keep]
            chosen = np.flatnonzero(cosines >= least - ROUNDING)[: 100 * self._keep]
            first, second, cosines = first[chosen], second[chosen], cosines[chosen]
        if self._one_set:
            first, second = np.minimum(first, second), np.maximum(first, second)
        first, second = np.append(self._first, first), np.append(self._second, second)
        cosines = np.append(self._cosines, cosines)
        order = np.lexsort((second, first, -np.round(cosines, DIGITS)))[: self._keep]
        self._first, self._second, self._cosines = first[order], second[order], cosines[order]

    def _join(self) -> None:
        if not self._edges:
            return
        first, second = (self._component[np.concatenate(each)] for each in zip(*self._edges, strict=True))
        size = len(self._component)
        graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(size, size))
        _, joined = connected_components(graph, directed=False)
        self._component = joined.astype(np.int64)[self._component]
        self._edges, self._waiting = [], 0


def _first_of(rows: Distinct, which: int) -> Codes:
    """Return the first positions of a row that occurs several times."""
    return np.flatnonzero(rows.number == which)[:_COPIES]
