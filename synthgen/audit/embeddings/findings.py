"""What was found in embeddings: plain values, in stable names, that turn into JSON as they are."""

from dataclasses import dataclass

from synthgen.audit.estimates import Estimate


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


@dataclass(frozen=True, slots=True)
class ClassDiversity:
    """
    Attributes:
        class_name: None over all.
        compared: how many images each measure is of: the same for every class, since the measures grow with it.
        rke: Renyi kernel entropy of order 2, as an effective number of images (Jalali, Li and Farnia 2023). 1..compared
        vendi: the Vendi score (Friedman and Dieng 2023), likewise. 1..compared
        distance: mean cosine distance of two images. 0..2
        duplicates: images of the class that have a near-duplicate in it. The interval of their rate takes images for
            independent. It grows with the number of images, so that classes of one size alone compare by it.
        compared_duplicate_rate: the same among `compared` images: classes compare by this one.
        reason: why there are no measures.
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


@dataclass(frozen=True, slots=True)
class Diversity:
    """
    Attributes:
        threshold: the least cosine of near-duplicates.
        scopes: over all first, then each class.
        pairs: the most alike first; `pairs_found` of them there are.
    """

    images: int
    threshold: float
    scopes: tuple[ClassDiversity, ...]
    pairs: tuple[NearDuplicate, ...]
    pairs_found: int
    caveats: tuple[str, ...] = ()


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
