"""Counts of images: by class, by cell, and the share of one shard."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from synthgen.records import Cell
from synthgen.spec import Spec

DEFAULT_SHARD_SIZE = 256


def slice_of(cells: tuple[Cell, ...], place: int, shards: int) -> tuple[Cell, ...]:
    """Take an even share of each cell, such that shards have even sizes too."""
    shares, before = [], 0
    for cell in cells:
        # Image k of n lands in shard (k * shards + offset) // n. The offset differs from cell to cell, or
        # all small cells would meet in the last shard.
        offset = before % shards
        quota = ((place + 1) * cell.quota + offset) // shards - (place * cell.quota + offset) // shards
        if quota:
            shares.append(replace(cell, quota=quota))
        before += cell.quota
    return tuple(shares)


def images_before(cells: tuple[Cell, ...], class_name: str, place: int, shards: int) -> int:
    """Count a class's images in the shards before `place`, as `slice_of` divides them."""
    found, before = 0, 0
    for cell in cells:
        if cell.class_name == class_name:
            found += (place * cell.quota + before % shards) // shards
        before += cell.quota
    return found


def images_of(cells: tuple[Cell, ...], class_name: str) -> int:
    """Count a class's images in all of these cells."""
    return sum(cell.quota for cell in cells if cell.class_name == class_name)


def shard_size_of(spec: Spec) -> int:
    """Return how many images a shard has. A plan that is not resolved yet counts with the default."""
    size = spec.output.shard_size
    return DEFAULT_SHARD_SIZE if size == "auto" else size


def counts_of(spec: Spec) -> dict[str, int]:
    return {name: kind.count for name, kind in spec.classes.items()}


def with_counts(spec: Spec, counts: Mapping[str, int]) -> Spec:
    classes = {name: kind.model_copy(update={"count": counts[name]}) for name, kind in spec.classes.items()}
    return spec.model_copy(update={"classes": classes})


def by_class(kinds: Mapping[str, Cell], quotas: Mapping[str, int]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, quota in quotas.items():
        total[kinds[name].class_name] += quota
    return total
