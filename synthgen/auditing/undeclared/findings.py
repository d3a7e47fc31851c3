"""Findings about what nobody declared. `audit.json` has them as `undeclared`."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate

ImagePart = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class UndeclaredShare:
    """The share of a class on the first side of a split.

    Attributes:
        images: of the class among those that the split was tested on.
        compared: whether the test uses this class: its two sides lie as far apart as those of all classes together, and
            it has images on both.
    """

    class_name: str
    images: int
    share: Estimate
    compared: bool


@dataclass(frozen=True, slots=True)
class UndeclaredSplit:
    """A split of images into two sides that look different, in which classes differ.

    Attributes:
        attribute, value: the declared value that all of these images have; None if they are all images.
        part: of the image in which the sides differ: left, top, right and bottom, from 0 to 1; None if it is the whole.
        apart: the distance of both sides in standard deviations of one.
        p_value: of the test whether the shares of the compared classes differ by more than 5 points (root mean square).
        adjusted: by Benjamini and Yekutieli over all tested splits.
        first, second: ids of some images of each side, drawn at random from those that are clearly on it.
    """

    attribute: str | None
    value: str | None
    part: ImagePart | None
    apart: float
    p_value: float
    adjusted: float
    shares: tuple[UndeclaredShare, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undeclared:
    """What nobody declared, in one half of the images after a search in the other half.

    Attributes:
        images: searched and tested.
        of: the images of the set; more than `images` if these are a sample.
        views: of each image: the whole and its parts.
        searched: how often images were searched: all of them, and those of each declared value with enough images.
        tested: splits that were tested.
        splits: those beyond chance, the surest of all images first.
        reason: why nothing was searched; None if something was.
    """

    images: int
    of: int
    views: int
    searched: int
    tested: int
    splits: tuple[UndeclaredSplit, ...]
    reason: str | None = None

    @property
    def ids(self) -> list[str]:
        return [name for split in self.splits for name in (*split.first, *split.second)]
