"""What was found by looking at images without a model: plain values with stable names, ready for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from synthgen.stats.estimates import Estimate


class IssueKind(StrEnum):
    """What may be wrong with an image."""

    LEAK = "leak"
    CONFLICT = "conflicting_class"
    EXACT = "exact_duplicate"
    NEAR = "near_duplicate"
    BLANK = "blank"
    DARK = "dark"
    BRIGHT = "bright"
    PLAIN = "low_information"
    BLURRY = "blurry"
    GREY = "greyscale"
    COLOUR = "colour"
    SIZE = "odd_size"
    ASPECT = "odd_aspect_ratio"
    UNLIKE = "unlike_its_class"


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind of issue.

    Attributes:
        images: those that have it.
        share: of the images that were opened. It has an interval if each image was judged by itself; repeats, leaks and
            images that differ from the others are counted, and mean this set alone.
        rule: what counts as one, in words, with its limit. Limits are conventions.
        limit: the limit as a number; None if there is none.
        classes: images that have it, by class.
        examples: ids, the clearest first; `issues.csv` has all.
        reason: why it was not looked for; None if it was.
    """

    kind: IssueKind
    images: int
    share: Estimate | None
    rule: str
    limit: float | None
    classes: Mapping[str, int]
    examples: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """Images of one split that another has too.

    Attributes:
        first, second: the names of the splits.
        exact: images of the second whose pixels some image of the first has.
        near: images of the second that are near-duplicates of one of the first, exact ones included.
        second_images: images of the second split that were opened.
        share: `near` among them.
    """

    first: str
    second: str
    exact: int
    near: int
    second_images: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class Twins:
    """Images that repeat each other.

    Attributes:
        exact: whether their pixels are equal, or only their perceptual hashes close.
        images: how many there are.
        examples: the ids of some of them; likewise `classes` and `splits` of these.
    """

    exact: bool
    images: int
    examples: tuple[str, ...]
    classes: tuple[str | None, ...]
    splits: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """How a number is distributed over the images."""

    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float


@dataclass(frozen=True, slots=True)
class StoredImages:
    """How the images of a set are stored.

    Attributes:
        width, height, aspect_ratio, bytes: None without images.
        sizes: the most frequent sizes, such as '64 x 64', with their images.
        other_sizes: how many further sizes there are.
        formats, modes: images of each, by Pillow's names.
    """

    width: Extent | None
    height: Extent | None
    aspect_ratio: Extent | None
    bytes: Extent | None
    sizes: Mapping[str, int]
    other_sizes: int
    formats: Mapping[str, int]
    modes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the images of a set are like, without a model.

    Attributes:
        images: those that were opened.
        left_out: those that could not be.
        splits: images of each split; empty if the set has none.
        counts: by class, the images in each split; by class alone under '' if there are no splits.
        stored: their sizes and formats.
        issues: the gravest kinds first.
        leaks: between any two splits that share images.
        twins: groups of repeated images, the largest first; `twin_groups` is the number of all.
        caveats: what a reader must know.
        design_effect: how much copies of the same pixels multiply the variance of shares, which have their intervals
            from it; 1 without copies. `class_design_effects` has that of each class.
    """

    images: int
    left_out: int
    splits: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    stored: StoredImages
    issues: tuple[Issue, ...]
    leaks: tuple[Leak, ...]
    twins: tuple[Twins, ...]
    twin_groups: int
    caveats: tuple[str, ...] = ()
    design_effect: float = 1.0
    class_design_effects: Mapping[str, float] = field(default_factory=dict)

    def of(self, kind: IssueKind) -> Issue:
        return next(issue for issue in self.issues if issue.kind is kind)


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One issue of one image: a row of `issues.csv`.

    Attributes:
        score: the measured number that the limit applies to; None if there is none.
        twin: the id of the image that it repeats; None for other issues.
    """

    id: str
    class_name: str | None
    split: str | None
    kind: IssueKind
    score: float | None
    twin: str | None
