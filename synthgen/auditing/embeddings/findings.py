"""What was found in embeddings: plain values, in stable names, that turn into JSON as they are."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two images that are nearly one.

    Attributes:
        first, second: their ids. In `Leakage` the second is one of the reference set's.
        cosine: of their embeddings.
    """

    first: str
    second: str
    first_class: str
    second_class: str
    cosine: float


def estimated(what: str, found: Estimate | None, source: str) -> str:
    """One line, so that no figure of a sample stands without its interval and where it comes from."""
    if found is None:
        return f"{what}: {source}"
    ends = f"95 % interval {100 * found.low:.3g} to {100 * found.high:.3g} %"
    return f"{what}: {100 * found.value:.3g} % of images have one ({ends}; {source})"


@dataclass(frozen=True, slots=True)
class ClassDiversity:
    """
    Attributes:
        class_name: None over all.
        compared: how many images each measure is of: the same for every class, since the measures grow with it.
        rke: Renyi kernel entropy of order 2, as an effective number of images (Jalali, Li and Farnia 2023). 1..compared
        vendi: the Vendi score (Friedman and Dieng 2023), likewise. 1..compared
        distance: mean cosine distance of two images. 0..2
        duplicates: images of the class that have a near-duplicate in it; of those that were `drawn`, if some were. The
            interval of their rate takes images for independent. It grows with the number of images, so that classes of
            one size alone compare by it.
        compared_duplicate_rate: the same among `compared` images: classes compare by this one.
        reason: why there are no measures.
        drawn: images of the class, drawn at random, that were compared with the whole set, and that the rate of
            near-duplicates is estimated from; None where every image was compared.
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
    """
    Attributes:
        threshold: the least cosine of near-duplicates.
        scopes: over all first, then each class.
        pairs: the most alike first; `pairs_found` of them there are; of images that were `drawn`, if some were.
        drawn: images, drawn at random, that were each compared with all of the set to find near-duplicates; None where
            every image was.
    """

    images: int
    threshold: float
    scopes: tuple[ClassDiversity, ...]
    pairs: tuple[NearDuplicate, ...]
    pairs_found: int
    caveats: tuple[str, ...] = ()
    drawn: int | None = None

    @property
    def source(self) -> str:
        """What near-duplicates were estimated from, in words; nothing where they were counted."""
        if self.drawn is None:
            return ""
        return f"estimated from {self.drawn:,} images drawn at random, each compared with all {self.images:,}"


@dataclass(frozen=True, slots=True)
class ClassLeakage:
    """
    Attributes:
        class_name: None over all.
        nearest: median cosine of an image and the reference's nearest to it.
        duplicates: images that nearly are one of the reference's.
        coverage: the share of reference images that have an image of the set as near as their own neighbours; density:
            how many of the set's images are as near to reference images as those are to each other (Naeem and others
            2020). None where n does not allow them, as are the next ones.
        kernel_distance: unbiased squared maximum mean discrepancy (Gretton and others 2012); around 0 where both sets
            are alike, and below it by chance.
        reason: why something is missing.
        compared: how many images of each set coverage, density, precision and recall are of; 0 where there are none.
            The kernel distance, which does not grow with n, is of twice as many.
        usual_coverage: what the reference's own images cover of it, as many of them: coverage is to be read beside it.
        chance_kernel_distance: what 19 of 20 pairs of sets from one source would not exceed, by permutation.
        precision: the share of the set's images that lie as near to a reference image as that one's own neighbours;
            recall: the same with the sets in each other's place (Kynkaanniemi and others 2019).
        usual_precision: of the reference's own images; usual recall is the same.
        bandwidth: of the Gaussian kernel, as a Euclidean distance.
        drawn: images of it, drawn at random, that all its figures are estimated from; None where they are of all.
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
    """
    Attributes:
        threshold: the least cosine of near-duplicates.
        scopes: over all first, then each class.
        pairs: the most alike first; `pairs_found` of them there are.
        neighbours: how many reach the edge of a ball, in coverage, density, precision and recall.
        nearest_pairs: images with the reference's nearest to each, the most alike first, whether they are
            near-duplicates or not: where there are none, these show how near the set comes.
        drawn: images of the set, drawn at random, that all figures and pairs are of; None where they are of all.
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

    @property
    def source(self) -> str:
        """What the figures were estimated from, in words; nothing where they are of all images."""
        if self.drawn is None:
            return ""
        return f"estimated from {self.drawn:,} images drawn at random of {self.images:,}"
