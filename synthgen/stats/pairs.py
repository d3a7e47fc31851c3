"""Near-duplicates as a list of pairs: all that an index finds of them, for what needs to see each."""

import numpy as np

from synthgen.stats.copies import distinct
from synthgen.stats.cosines import Cosines
from synthgen.stats.gathering import Gathering, TwinSide
from synthgen.stats.search import Codes, Vectors
from synthgen.stats.twins import by_trees


def near_pairs(vectors: Vectors, threshold: float, *, seed: int = 0) -> tuple[Codes, Codes, Codes]:
    """Find near-duplicates within one set by an index: most of the pairs, each once, all of them in memory.

    Returns:
        Of each row, a number that equal rows share; and the two numbers of each pair.
    """
    rows = distinct(vectors)
    side = TwinSide(rows, np.zeros(len(vectors), np.int64), ())
    gathering = _Listing(side, side, 0)
    if len(rows) > 1:
        by_trees(Cosines(rows, rows, threshold), gathering, np.random.default_rng([seed, *b"trees"]))
    return rows.number, *gathering.pairs


class _Listing(Gathering):
    """Pairs that are also kept, every one of them."""

    def __init__(self, mine: TwinSide, theirs: TwinSide, keep: int) -> None:
        self._all: list[tuple[Codes, Codes]] = []
        super().__init__(mine, theirs, keep)

    @property
    def pairs(self) -> tuple[Codes, Codes]:
        """The positions of the two different rows of each pair."""
        none = np.empty(0, np.int64)
        return (
            np.concatenate([none, *(first for first, _ in self._all)]),
            np.concatenate([none, *(second for _, second in self._all)]),
        )

    def add(self, first: Codes, second: Codes, cosines: Vectors) -> None:
        super().add(first, second, cosines)
        self._all.append((first, second))
