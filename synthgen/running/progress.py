"""What a worker is assigned, and what it reports while it works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassProgress:
    """The progress of one class in one shard. `attempts` counts what was rendered, failures included."""

    accepted: int
    quota: int
    attempts: int


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


@dataclass(frozen=True, slots=True)
class Progress:
    """One shard before a batch, or (`committed`) after its commit.

    Attributes:
        images_per_second: attempts per second since the shard began.
        under_way: the attempts that the worker renders and judges next.
    """

    shard: int
    classes: Mapping[str, ClassProgress]
    images_per_second: float
    committed: bool
    under_way: tuple[int, ...] = ()
