"""Which of the real images train, and which are held out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synthgen.stats.search import Codes


def held_out(classes: Sequence[str], groups: Codes, share: float, seed: int) -> list[int]:
    """Choose images to hold out: about `share` of all, spread over the classes, and no class as a whole.

    Images of one group, such as near-duplicates, are held out together or not at all.

    Args:
        groups: the number of each image's group.
        share: 0 holds out none; any more, at least one if that leaves every class an image.
    """
    wanted = round(share * len(classes)) or int(share > 0)
    left, held = Counter(classes), Counter[str]()
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(row)
    shuffled = np.random.default_rng([seed, *b"held out"]).permutation(list(members)).tolist()

    chosen: list[int] = []
    for turn in range(1, wanted + 1):  # so many of each class, at most, before any class gives more
        for group in shuffled:
            rows = members.get(group, [])
            of = Counter(classes[row] for row in rows)
            fits = rows and len(chosen) + len(rows) <= wanted
            if fits and all(left[name] > count and held[name] < turn for name, count in of.items()):
                chosen += members.pop(group)
                left -= of
                held += of
    return sorted(chosen)
