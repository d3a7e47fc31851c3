"""Findings from embeddings: plain values with stable names, ready for JSON."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two images that are nearly identical.

    Attributes:
        first, second: their ids. In `Leakage` the second is in the reference set.
        cosine: of their embeddings.
    """

    first: str
    second: str
    first_class: str
    second_class: str
    cosine: float


def estimated(what: str, found: Estimate | None, source: str) -> str:
    """Write a caveat with an estimated figure, its interval and its source."""
    if found is None:
        return f"{what}: {source}"
    ends = f"95 % interval {100 * found.low:.3g} to {100 * found.high:.3g} %"
    return f"{what}: {100 * found.value:.3g} % of images have one ({ends}; {source})"


@dataclass(frozen=True, slots=True)
class SearchCheck:
    """How much an index found of the near-duplicates, by comparing images drawn at random with all others.

    Attributes:
        drawn: their number.
        recall: the share of images with a near-duplicate that the index marked; None if no drawn image has one.
        partners: the mean share of an image's near-duplicates that it found; None likewise.
        pairs: the number of all pairs, estimated; its lower end is at least the number found.
    """

    drawn: int
    recall: Estimate | None
    partners: Estimate | None
    pairs: Estimate

    @property
    def told(self) -> str:
        """The recall in words."""
        if self.recall is None:
            return f"an index searched all images, and missed none of {self.drawn:,} images drawn at random"
        share = f"{100 * self.recall.value:.3g} %, 95 % interval {100 * self.recall.low:.3g}"
        return f"an index found {share} to {100 * self.recall.high:.3g} % of those that have one"


@dataclass(frozen=True, slots=True)
class PairsApart:
    """How many pairs of near-duplicates differ in an attribute, or in their class.

    Attributes:
        name: of the attribute; 'class' for the class.
        pairs: those that differ, among the pairs found whose images both have a value.
    """

    name: str
    pairs: int


@dataclass(frozen=True, slots=True)
class ClassDiversity:
    """The diversity of one class, or of the whole set.

    Attributes:
        class_name: None for the whole set.
        compared: how many images each measure uses: the same for every class, since the measures grow with it.
        rke: Renyi kernel entropy of order 2, as an effective number of images (Jalali, Li and Farnia 2023). 1..compared
        vendi: the Vendi score (Friedman and Dieng 2023), likewise. 1..compared
        distance: mean cosine distance of two images. 0..2
        duplicates: images of the class that were found to have a near-duplicate in it; a lower bound if an index
            was searched.
        duplicate_rate: the share of images that have one. If an index was searched, what it missed is added, as
            estimated from the images `drawn`: those of the class, or of all classes if fewer than 100 are of the class.
            The interval assumes independent images. The rate grows with the number of images, so it compares only
            classes of the same size.
        compared_duplicate_rate: the same among `compared` images: use this one to compare classes.
        reason: why there are no measures.
        drawn: randomly drawn images of the class that were compared with the whole set, to estimate what the index
            missed; None if every pair was compared.
    """

    class_name: str | None
    images: int
    compared: int
    rke: Estimate | None
    vendi: Estimate | None
    distance: Estimate | None
    duplicates: int
    duplicate_rate: Estimate | None
    reason: str | None = None
    compared_duplicate_rate: Estimate | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True)
class Diversity:
    """The diversity of a set.

    Attributes:
        threshold: the least cosine of near-duplicates.
        scopes: the whole set first, then each class.
        pairs: the most similar pairs first.
        pairs_found: the number of all pairs found; all there are if the search is exact, otherwise a lower bound.
        drawn: randomly drawn images that were each compared with the whole set to measure the index; None if every pair
            was compared.
        search: 'exact' if every pair was compared, or 'index'.
        check: how much the index found; None if the search is exact.
        apart: how many of the pairs found differ in their class or an attribute.
    """

    images: int
    threshold: float
    scopes: tuple[ClassDiversity, ...]
    pairs: tuple[NearDuplicate, ...]
    pairs_found: int
    caveats: tuple[str, ...] = ()
    drawn: int | None = None
    search: str = "exact"
    check: SearchCheck | None = None
    apart: tuple[PairsApart, ...] = ()

    @property
    def source(self) -> str:
        """What near-duplicates were estimated from, in words; empty if all were counted."""
        if self.check is None:
            return ""
        return f"estimated from {self.check.drawn:,} images drawn at random, each compared with all {self.images:,}"


@dataclass(frozen=True, slots=True)
class ClassLeakage:
    """How close one class, or the whole set, is to the reference set.

    Attributes:
        class_name: None for the whole set.
        nearest: median cosine of an image and its nearest reference image.
        duplicates: images that are near-duplicates of a reference image.
        coverage: the share of reference images that have an image of the set as near as their own neighbours.
        density: how many of the set's images are as near to reference images as those are to each other. For both, see
            Naeem and others 2020. Both are None if there are too few images, as are the next ones.
        kernel_distance: unbiased squared maximum mean discrepancy (Gretton and others 2012); around 0 if both sets are
            alike, and below 0 by chance.
        reason: why something is missing.
        compared: how many images of each set coverage, density, precision and recall use; 0 if there are none. The
            kernel distance, which does not grow with n, uses twice as many.
        usual_coverage: the coverage of the reference by as many of its own images, to compare coverage with.
        chance_kernel_distance: what 19 of 20 pairs of sets from one source would not exceed, by permutation.
        precision: the share of the set's images that are as near to a reference image as its own neighbours.
        recall: the same with the two sets swapped. For both, see Kynkaanniemi and others 2019.
        usual_precision: the precision of the reference's own images; their recall is the same.
        bandwidth: of the Gaussian kernel, as a Euclidean distance.
        duplicate_rate: see `ClassDiversity`.
        drawn: randomly drawn images that were each compared with the whole reference, from which `nearest` is
            estimated, and what the index missed; None if every image was.
    """

    class_name: str | None
    images: int
    reference_images: int
    nearest: Estimate | None
    duplicates: int
    duplicate_rate: Estimate | None
    coverage: Estimate | None
    density: Estimate | None
    kernel_distance: Estimate | None
    reason: str | None = None
    compared: int = 0
    usual_coverage: float | None = None
    chance_kernel_distance: float | None = None
    precision: Estimate | None = None
    recall: Estimate | None = None
    usual_precision: float | None = None
    bandwidth: float | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True)
class Leakage:
    """How close a set is to a reference set.

    Attributes:
        threshold: the least cosine of near-duplicates.
        scopes: the whole set first, then each class.
        pairs: near-duplicates, the most similar first.
        pairs_found: see `Diversity`, also for `search`, `check` and `apart`.
        neighbours: the k of the k-th neighbour that a ball reaches, in coverage, density, precision and recall.
        nearest_pairs: images with the nearest reference image of each, the most similar first, near-duplicates or not:
            without near-duplicates, they show how close the set comes. An index may miss some.
        drawn: randomly drawn images of the set that were each compared with the whole reference; None if all were.
    """

    images: int
    reference_images: int
    threshold: float
    scopes: tuple[ClassLeakage, ...]
    pairs: tuple[NearDuplicate, ...]
    pairs_found: int
    caveats: tuple[str, ...] = ()
    neighbours: int = 5
    nearest_pairs: tuple[NearDuplicate, ...] = ()
    drawn: int | None = None
    search: str = "exact"
    check: SearchCheck | None = None
    apart: tuple[PairsApart, ...] = ()

    @property
    def source(self) -> str:
        """What rates and medians were estimated from, in words; empty if all images were compared."""
        return f"estimated from {self.check.drawn:,} images drawn at random of {self.images:,}" if self.check else ""
