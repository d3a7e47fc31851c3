"""The pictures that images begin from: what a plan has of them, and what a generator is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

    from synthgen.regions.boxes import PixelBox
    from synthgen.regions.carried import Corners


class SourceRow(NamedTuple):
    """A picture of a set, as a plan has it.

    Attributes:
        digest: the hash of its file's bytes, and of those of other pictures that images take from its row.
        group: pictures of one group are in one split.
        boxes: those of its object, in pixels.
        mask: the hash of its mask; empty without one.
        kept: the columns that images take over, as JSON; empty without any.
    """

    id: str
    class_name: str
    digest: str
    group: str
    boxes: tuple[Corners, ...] = ()
    mask: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """A picture that a candidate begins from, RGB and upright.

    Attributes:
        mask: of mode L; its object is white.
        boxes: those of its object, in pixels.
        columns: other pictures of its row, by column, which lead the layout.
        references: others that the image is to be like.
    """

    image: Image
    mask: Image | None = None
    boxes: tuple[PixelBox, ...] = ()
    columns: Mapping[str, Image] = field(default_factory=dict)
    references: Mapping[str, Image] = field(default_factory=dict)
