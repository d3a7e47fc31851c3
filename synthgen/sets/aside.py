"""Images that lie in a set and are no row of its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthgen.images import LeftOut
from synthgen.sets.image_set import ImageSet

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Aside:
    """Images of a set that its table lacks, all for one reason. They count as left out.

    Attributes:
        reason: a clause that goes with "images", as in `LeftOut`.
        names: of the images, relative to the set's folder.
    """

    reason: str
    names: Sequence[str]

    @property
    def notes(self) -> list[str]:
        """A note that counts and names the images, if there are some."""
        shown = ", ".join(self.names[:_SHOWN]) + (", .." if len(self.names) > _SHOWN else "")
        return [f"images {self.reason} were skipped: {len(self.names):,} ({shown})"] if self.names else []


def aside_of(found: ImageSet) -> Mapping[str, LeftOut]:
    """Return, by name, why images of a set are in no row of its table. The notes of the set tell the same."""
    aside = getattr(found, "aside", None)
    return {name: LeftOut(aside.reason) for name in aside.names} if isinstance(aside, Aside) else {}
