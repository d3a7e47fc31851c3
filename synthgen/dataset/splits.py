"""Which image goes to which split. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from math import floor

from synthgen.spec import REST, Splits

SplitStratum = tuple[int, ...]
"""What splits are alike in: the label of the class first, then the number of the cell in it."""
_Shares = Mapping[str, Fraction]


def shares_of(splits: Splits, total: int) -> dict[str, Fraction]:
    """Return what each split gets of `total` images. If they are too few for all numbers, each gets less by as much."""
    # Through text, 0.1 is a tenth; as a float it is a little more.
    found = {
        name: Fraction(size, max(total, 1)) if isinstance(size, int) else Fraction(str(size))
        for name, size in splits.items()
        if size != REST
    }
    whole = sum(found.values(), Fraction(0))
    return {
        name: found[name] / max(whole, Fraction(1)) if name in found else max(1 - whole, Fraction(0)) for name in splits
    }


def split_counts(totals: Sequence[int], splits: Splits) -> list[dict[str, int]]:
    """How many of each class's images every split gets: its exact share, rounded up or down.

    Places left after rounding down go to the largest remainders. Remainders are carried from class to
    class: many small classes together still give a split its share, where each alone would give it nothing.
    Where a split has a number of images, the counts of all classes add up to it.
    """
    shares = shares_of(splits, sum(totals))
    counts = _rounded(totals, shares)
    if any(isinstance(size, int) for size in splits.values()):
        _meet(counts, totals, shares, _rounded([sum(totals)], shares)[0])
    return counts


def assign_splits(
    ids: Sequence[str], strata: Sequence[SplitStratum], splits: Splits, groups: Sequence[int] | None = None
) -> list[str]:
    """The split of each id, in the order of `ids`; the same for every order of the same images.

    Stratified: each class is cut by `split_counts`, and each cell of it in the same proportions. Groups come first,
    the largest before the others, and each goes where it fits. Then the other ids of a stratum are ranked by their hash
    and cut: an image more or less moves at most single ones across the borders.

    Args:
        groups: a number for each id; those with the same one are in the same split.
    """
    members: defaultdict[SplitStratum, list[int]] = defaultdict(list)
    for position in _ranked(ids):
        members[strata[position]].append(position)
    wanted = _wanted({stratum: len(there) for stratum, there in sorted(members.items())}, splits)
    found = [""] * len(ids)
    lacking = {stratum: dict(counts) for stratum, counts in wanted.items()}
    for together in _groups(ids, groups or ()):
        split = _fitting(Counter(strata[position] for position in together), wanted, lacking)
        for position in together:
            found[position] = split
            lacking[strata[position]][split] -= 1

    for stratum, there in members.items():
        single = [position for position in there if not found[position]]
        start = 0
        for split, size in _of_singles(len(single), lacking[stratum]).items():
            for position in single[start : start + size]:
                found[position] = split
            start += size
    return found


def _wanted(sizes: Mapping[SplitStratum, int], splits: Splits) -> dict[SplitStratum, dict[str, int]]:
    """Return how many images of each stratum every split should get: sizes are sorted by stratum."""
    classes: defaultdict[int, dict[SplitStratum, int]] = defaultdict(dict)
    for stratum, size in sizes.items():
        classes[stratum[0]][stratum] = size
    found = dict[SplitStratum, dict[str, int]]()
    totals = [sum(cells.values()) for cells in classes.values()]
    for cells, total, counts in zip(classes.values(), totals, split_counts(totals, splits), strict=True):
        shares = {split: Fraction(count, total) for split, count in counts.items()}
        of_cells = _rounded([*cells.values()], shares)
        _meet(of_cells, [*cells.values()], shares, counts)
        found |= zip(cells, of_cells, strict=True)
    return found


def _groups(ids: Sequence[str], groups: Sequence[int]) -> list[list[int]]:
    """Return the positions in each group of several, the largest group first, and among equals by its lowest id."""
    often = Counter(groups)
    members: defaultdict[int, list[int]] = defaultdict(list)
    if len(often) < len(ids):
        for position, group in enumerate(groups):
            if often[group] > 1:
                members[group].append(position)
    return sorted(members.values(), key=lambda together: (-len(together), _rank(min(ids[each] for each in together))))


def _fitting(
    group: Mapping[SplitStratum, int],
    wanted: Mapping[SplitStratum, Mapping[str, int]],
    lacking: Mapping[SplitStratum, Mapping[str, int]],
) -> str:
    """Choose the split where a group goes beyond what is lacking least; if it fits, the one that is least full."""

    def fit(split: str) -> tuple[int, bool, float]:
        over = sum(max(many - lacking[stratum][split], 0) for stratum, many in group.items())
        whole = sum(wanted[stratum][split] for stratum in group)
        placed = whole - sum(lacking[stratum][split] for stratum in group) + sum(group.values()) / 2
        # Sainte-Laguë's method: groups are shared out as the images are.
        return over, not whole, placed / max(whole, 1)

    return min(next(iter(wanted.values())), key=fit)


def _of_singles(count: int, lacking: Mapping[str, int]) -> dict[str, int]:
    """Share out the images of a stratum that are in no group: where groups overfilled a split, others get less."""
    short = {split: max(lack, 0) for split, lack in lacking.items()}
    whole = sum(short.values())
    if whole == count:
        return short
    return _rounded([count], {split: Fraction(lack, max(whole, 1)) for split, lack in short.items()})[0]


def _rounded(totals: Sequence[int], shares: _Shares) -> list[dict[str, int]]:
    whole = sum(shares.values()) or 1
    owed = dict.fromkeys(shares, Fraction(0))
    result = []
    for total in totals:
        wanted = {split: total * share / whole for split, share in shares.items()}
        counts = {split: floor(count) for split, count in wanted.items()}
        for split, count in wanted.items():
            owed[split] += count - counts[split]
        # A split whose share is whole here has nothing to round up.
        open_splits = [split for split, count in wanted.items() if count != counts[split]]
        for split in sorted(open_splits, key=lambda split: -owed[split])[: total - sum(counts.values())]:
            counts[split] += 1
            owed[split] -= 1
        result.append(counts)
    return result


def _meet(counts: list[dict[str, int]], totals: Sequence[int], shares: _Shares, wanted: Mapping[str, int]) -> None:
    """Move images between splits, where that is nearest to the shares, until the splits have as many as wanted."""
    over = {split: sum(count[split] for count in counts) - wanted[split] for split in shares}
    while any(over.values()):
        more, less = max(over, key=lambda split: over[split]), min(over, key=lambda split: over[split])

        def gain(place: int, more: str = more, less: str = less) -> Fraction:
            count, total = counts[place], totals[place]
            return count[more] - total * shares[more] - count[less] + total * shares[less]

        best = max((place for place, count in enumerate(counts) if count[more]), key=gain)
        counts[best][more] -= 1
        counts[best][less] += 1
        over[more] -= 1
        over[less] += 1


def _ranked(ids: Sequence[str]) -> list[int]:
    """Return the positions of ids in the order of their hashes."""
    import numpy as np  # which a plan need not load

    digests = b"".join(blake2b(image_id.encode(), digest_size=16).digest() for image_id in ids)
    first, second = np.frombuffer(digests, ">u8").reshape(-1, 2).T
    return list(np.lexsort((second, first)).tolist())


def _rank(image_id: str) -> tuple[bytes, str]:
    return blake2b(image_id.encode(), digest_size=16).digest(), image_id
