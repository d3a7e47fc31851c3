"""How the quotas of cells are cut into shards."""

from dataclasses import replace

from synthgen.records import Cell


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
