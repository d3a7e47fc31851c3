"""Other pictures of a set's rows, which lead the layout of images or which these are to be like: read and digested."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image

from synthgen.errors import UsageError
from synthgen.images import LeftOut, decode
from synthgen.regions.boxes import Size
from synthgen.sets.image_set import BATCH, ImageSet
from synthgen.sets.source_objects import MOST_PIXELS


@dataclass(frozen=True, slots=True)
class LeadingColumn:
    """A column with pictures that images are made by.

    Attributes:
        name: of the column.
        key: of the spec, which names it.
        leads: whether they lead the layout, and so have the size of the picture that they belong to.
        is_reference: whether images are to be like them.
    """

    name: str
    key: str
    leads: bool = True
    is_reference: bool = False

    def digests(self, found: ImageSet, sizes: Mapping[int, Size]) -> Iterator[tuple[int, str | LeftOut]]:
        """Decode the pictures in some rows; yield the sha256 of each file, or why it cannot be used.

        Args:
            sizes: of the pictures that they belong to, by row: each that leads must be as large.

        Raises:
            UsageError: there is no such column.
        """
        places = sorted(sizes)
        for first in range(0, len(places), BATCH):
            some = places[first : first + BATCH]
            for place, data in zip(some, self._files(found, some), strict=True):
                picture = data if isinstance(data, LeftOut) else decode(data, most_pixels=MOST_PIXELS)
                if isinstance(data, LeftOut) or isinstance(picture, LeftOut):
                    assert isinstance(picture, LeftOut)
                    yield place, picture
                elif self.leads and picture.image.size != sizes[place]:
                    (width, height), (wide, high) = picture.image.size, sizes[place]
                    detail = f"{width} x {height} pixels, and the picture has {wide} x {high}"
                    yield place, LeftOut("of another size", detail=detail)
                else:
                    yield place, sha256(data).hexdigest()

    def read(self, found: ImageSet, place: int) -> tuple[str, Image.Image | None]:
        """Return the sha256 of the file in a row and its picture; nothing if it cannot be read any more."""
        data = self._files(found, [place])[0]
        if isinstance(data, LeftOut):
            return "", None
        picture = decode(data, most_pixels=MOST_PIXELS)
        return sha256(data).hexdigest(), None if isinstance(picture, LeftOut) else picture.image

    def _files(self, found: ImageSet, places: Sequence[int]) -> list[bytes | LeftOut]:
        try:
            return found.pictures(self.name, places)
        except UsageError as error:
            raise UsageError(f"{self.key}: {error.message}", hint=error.hint) from error


def joined(digests: Sequence[str]) -> str:
    """Return the digest of a row that has several pictures: of one alone, its own."""
    first, *others = digests
    for other in others:
        first = sha256(f"{first} {other}".encode()).hexdigest()
    return first
