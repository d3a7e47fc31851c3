"""Images that are too near to those of another set, as the contact sheet shows them: side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthgen.pages.page import data_uri


@dataclass(frozen=True, slots=True)
class NearPair:
    """An image of the run, and the one of another set that it is nearest to.

    Attributes:
        how: how near they are, in words.
        picture: a thumbnail of the other image; None if it cannot be opened any more.
        own: one of the run's image.
    """

    id: str
    other: str
    how: str
    picture: bytes | None
    own: bytes | None = None

    @property
    def uri(self) -> str | None:
        return data_uri(self.own)

    @property
    def other_uri(self) -> str | None:
        return data_uri(self.picture)


@dataclass(frozen=True, slots=True)
class NearShelf:
    """What comparing a run with another set found.

    Attributes:
        name: of the set.
        images: how many of its images were compared.
        count: how many images of the run are too near to one.
        removed: whether the dataset leaves them out.
        pairs: the nearest.
    """

    name: str
    images: int
    count: int
    removed: bool
    pairs: Sequence[NearPair]

    def with_pictures(self, pictures: Mapping[str, bytes | None]) -> "NearShelf":
        """Add the thumbnails of the run's own images, by id."""
        own = [NearPair(one.id, one.other, one.how, one.picture, pictures.get(one.id)) for one in self.pairs]
        return NearShelf(self.name, self.images, self.count, self.removed, own)
