"""A row taken apart for formats that have no tables: its pictures, and everything else as JSON."""

import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, cast

from synthgen.dataset.encoding import ending_of
from synthgen.dataset.images import SelectedImages
from synthgen.errors import StorageError
from synthgen.images import upright_size
from synthgen.ledger.columns import ImageRow, StoredImage

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """An encoded picture.

    Attributes:
        ending: of its files' names, without the point, such as `png`.
    """

    data: bytes
    ending: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels, of the upright picture."""
        found = upright_size(self.data)
        assert found is not None, "its ending was found by opening it"
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """A row taken apart.

    Attributes:
        values: the columns that are no pictures, as JSON types.
        pictures: by column, the picture that it has besides `image`, if there is one.
        lists: by column, the pictures in it.
    """

    id: str
    split: str
    label: int
    image: EncodedPicture
    values: Mapping[str, object]
    pictures: Mapping[str, EncodedPicture | None]
    lists: Mapping[str, tuple[EncodedPicture, ...]]


class PartedImages:
    """The rows of selected images, taken apart one by one."""

    def __init__(self, images: SelectedImages) -> None:
        from datasets import Features

        self.features = Features.from_arrow_schema(images.schema)
        self.pictures, self.lists = _picture_columns(self.features)
        self._images = images

    def __iter__(self) -> Iterator[Parts]:
        for split, row in self._images.rows():
            yield self._parts(split, row)

    def without_pictures(self, but: str | None = None) -> "Features":
        """Return the types of the columns that are no pictures, and of the one called `but`."""
        from datasets import Features

        others = {"image", *self.pictures, *self.lists} - {but}
        return Features({name: kind for name, kind in self.features.items() if name not in others})

    @property
    def image_alone(self) -> "Features":
        """The type of the column `image`."""
        from datasets import Features

        return Features({"image": self.features["image"]})

    def _parts(self, split: str, row: ImageRow) -> Parts:
        cells = cast("Mapping[str, object]", row)
        image_id = row["id"]
        mine = {"image", *self.pictures, *self.lists}
        return Parts(
            image_id,
            split,
            row["label"],
            _picture(row["image"], image_id),
            {name: as_json(cell) for name, cell in cells.items() if name not in mine},
            {
                name: _picture(cast("StoredImage", cell), image_id) if (cell := cells.get(name)) else None
                for name in self.pictures
            },
            {
                name: tuple(_picture(one, image_id) for one in cast("list[StoredImage]", cells.get(name) or []))
                for name in self.lists
            },
        )


def json_text(value: object) -> str:
    """Write JSON in ASCII: some readers take other signs than a line break for the end of a line."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def as_json(value: object) -> object:
    """Return a cell of Arrow as JSON types. What is no number becomes null, and bytes become base64."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(name): as_json(cell) for name, cell in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(cell) for cell in value]
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _picture(stored: StoredImage, image_id: str) -> EncodedPicture:
    data = stored["bytes"]
    if (ending := ending_of(data)) is None:
        hint = "Put an intact picture in its place, or take the image out."
        raise StorageError(f"a picture of {image_id} cannot be opened", hint=hint)
    return EncodedPicture(data, ending.removeprefix("."))


def _picture_columns(features: "Features") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the columns with a picture, besides `image`, and of those with a list of them."""
    from datasets import Image as OneImage
    from datasets import LargeList, List

    single = [name for name, kind in features.items() if isinstance(kind, OneImage) and name != "image"]
    lists = [
        name
        for name, kind in features.items()
        if isinstance(kind, List | LargeList) and isinstance(kind.feature, OneImage)
    ]
    return tuple(single), tuple(lists)
