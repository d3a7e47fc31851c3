"""Images that are equal to the byte. The judge looks within a shard, this across shards. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Scope = Literal["class", "dataset"]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`id` shows the same image as `same_as`, the lowest id that has it."""

    id: str
    same_as: str


def find_duplicates(
    ids: Sequence[str], labels: Sequence[int], digests: Sequence[bytes], within: Scope
) -> tuple[Duplicate, ...]:
    """Every id whose image a lower id of the same scope already has, in ascending order."""
    first: dict[tuple[int | None, bytes], str] = {}
    found = []
    for position in sorted(range(len(ids)), key=ids.__getitem__):
        key = (labels[position] if within == "class" else None, digests[position])
        kept = first.setdefault(key, ids[position])
        if kept != ids[position]:
            found.append(Duplicate(ids[position], kept))
    return tuple(found)
