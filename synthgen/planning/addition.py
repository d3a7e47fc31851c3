"""`Addition`: the shards that a run gains after its plan was made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthgen.spec import Spec


@dataclass(frozen=True, slots=True)
class Addition:
    """Shards that a run gains after its plan was made. They come after all others, which stay as they are.

    Attributes:
        quotas: accepted images, by the name of their cell.
        extends: these images are wanted on top of the plan's; else they replace images that earlier shards
            fell short of.
        spec: what these and all later shards are made by, with the counts of the whole run; None if it stays.
        written: that spec as its author wrote it.
        taken: how many of them the run had already, as surplus images or beyond a quota; the shards make the others.
    """

    quotas: Mapping[str, int]
    extends: bool
    spec: Spec | None = None
    written: str | None = None
    taken: Mapping[str, int] = field(default_factory=dict)

    @property
    def made(self) -> dict[str, int]:
        """What its shards make, by cell."""
        return {cell: images - self.taken.get(cell, 0) for cell, images in self.quotas.items()}
