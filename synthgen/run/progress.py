"""What a worker tells while it works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassProgress:
    """Of one class in one shard. `attempts` counts what was rendered, failures too."""

    accepted: int
    quota: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Progress:
    """One shard after a batch, or (`committed`) after its commit.

    Attributes:
        images_per_second: attempts per second since the shard began.
    """

    shard: int
    classes: Mapping[str, ClassProgress]
    images_per_second: float
    committed: bool
