"""Which image goes to which split. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from math import floor


def assign_splits(ids: Sequence[str], labels: Sequence[int], shares: Mapping[str, float]) -> list[str]:
    """The split of each id, in the order of `ids`; the same for every order of the same pairs.

    Stratified: within each class the ids are ranked by their hash and cut by `split_counts`.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        members[label].append(position)
    ordered = sorted(members)
    counts = split_counts([len(members[label]) for label in ordered], shares)
    splits = [""] * len(ids)
    for label, count in zip(ordered, counts, strict=True):
        ranked = iter(sorted(members[label], key=lambda position: _rank(ids[position])))
        for split, size in count.items():
            for _ in range(size):
                splits[next(ranked)] = split
    return splits


def assign_groups(labels: Sequence[int], groups: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    """The split of each image, in the order of `labels`; images of one group are in the same.

    Groups come in the order of their sizes, the largest first, and among equals by their hash. Each goes where its
    classes lack most images of those that `split_counts` gives the split. A share is met up to the size of a group.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    ordered = sorted(set(labels))
    sizes = Counter(labels)
    counts = split_counts([sizes[label] for label in ordered], shares)
    lacking = {(split, label): count[split] for label, count in zip(ordered, counts, strict=True) for split in shares}

    splits = [""] * len(labels)
    for group in sorted(members, key=lambda name: (-len(members[name]), _rank(name))):
        there = Counter(labels[position] for position in members[group])
        chosen = max(shares, key=lambda split: sum(lacking[split, label] * many for label, many in there.items()))
        for label, many in there.items():
            lacking[chosen, label] -= many
        for position in members[group]:
            splits[position] = chosen
    return splits


def split_counts(totals: Sequence[int], shares: Mapping[str, float]) -> list[dict[str, int]]:
    """How many of each class's images every split gets: its exact share, rounded up or down.

    Places left after rounding down go to the largest remainders. Remainders are carried from class to
    class: many small classes together still give a split its share, where each alone would give it nothing.
    """
    # Through text, 0.1 is a tenth; as a float it is a little more.
    exact = {split: Fraction(str(share)) for split, share in shares.items()}
    whole = sum(exact.values())
    owed = dict.fromkeys(exact, Fraction(0))
    result = []
    for total in totals:
        wanted = {split: total * share / whole for split, share in exact.items()}
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


def _rank(image_id: str) -> tuple[bytes, str]:
    return blake2b(image_id.encode(), digest_size=16).digest(), image_id
