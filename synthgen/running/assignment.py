"""What a worker is assigned."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assignment:
    """A shard to make, and what is known about it from workers that died while making it.

    Attributes:
        suspects: attempts that were under way when a worker died; rendered one by one, so that the next death shows
            which one it was.
        skipped: attempts that killed two workers; they are recorded as failures without being rendered.
    """

    shard: int
    suspects: frozenset[int] = frozenset()
    skipped: frozenset[int] = frozenset()
