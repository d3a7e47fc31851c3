"""Which accepted images a dataset holds, and in which split. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthgen.dataset.duplicates import Duplicate, equal_images, near_duplicates
from synthgen.dataset.splits import assign_groups, assign_splits
from synthgen.errors import QuotaNotMet, StorageError
from synthgen.spec import DuplicateFilter


@dataclass(slots=True)
class AcceptedImages:
    """The accepted images of all shards, as columns: one entry for each image, in the same order everywhere.

    Attributes:
        labels: the position of its class in the spec.
        digests: the sha256 of its encoded picture.
        hashes: its perceptual hash, by place among those that are not spared; empty if nothing asks for it.
        embeddings: of length 1, by the same places; empty if nothing asks for them.
        spared: ids of images to which no rule for duplicates applies.
        sources: the picture that each was made from; empty if they were made from noise.
    """

    ids: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    embeddings: list[NDArray[np.float16]] = field(default_factory=list)
    spared: frozenset[str] = frozenset()
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Selection:
    """The images of a dataset.

    Attributes:
        classes: their names; the position is the label.
        splits: the names of all splits, also of those that no image is in.
        split_of: the split of each selected image, by its id. Accepted images that are not in it are left out.
        counts: images by split and class.
        duplicates: accepted images that repeat one of a lower id: by the filter's rule or, without it, byte for byte.
        dropped: how many of them are left out.
    """

    classes: tuple[str, ...]
    splits: tuple[str, ...]
    split_of: Mapping[str, str]
    counts: Mapping[tuple[str, str], int]
    duplicates: tuple[Duplicate, ...] = ()
    dropped: int = 0

    def images_in(self, split: str) -> int:
        """How many images a split has."""
        return sum(self.counts.get((split, name), 0) for name in self.classes)


def select(
    accepted: AcceptedImages,
    classes: Sequence[str],
    splits: Mapping[str, float],
    drop: DuplicateFilter | None = None,
    groups: Mapping[str, str] | None = None,
) -> Selection:
    """Choose the images of a dataset, and the split of each. The order of `accepted` changes nothing.

    Args:
        splits: the share of each split.
        drop: leave out what repeats another image by this rule; the lowest id stays. Without it, images that are equal
            byte for byte are reported, and stay.
        groups: of each picture that images were made from. Images of one group go to one split.

    Raises:
        QuotaNotMet: there are no images.
        StorageError: an id occurs twice.
    """
    ids, labels = accepted.ids, accepted.labels
    if not ids:
        raise QuotaNotMet("no image was accepted, so there is no dataset", hint="The ledger says why they fell.")
    if twice := [image_id for image_id, count in Counter(ids).items() if count > 1]:
        raise StorageError(f"the image {min(twice)} occurs twice", hint="Run `synthgen verify` on the run folder.")

    if drop:
        compared = [place for place, image_id in enumerate(ids) if image_id not in accepted.spared]
        duplicates = near_duplicates(
            [ids[place] for place in compared],
            [labels[place] for place in compared],
            accepted.hashes,
            accepted.embeddings,
            drop,
        )
    else:
        duplicates = equal_images(ids, accepted.digests)
    dropped = {duplicate.id for duplicate in duplicates} if drop else set()

    kept = [(image_id, label) for image_id, label in zip(ids, labels, strict=True) if image_id not in dropped]
    if accepted.sources:
        of = dict(zip(ids, accepted.sources, strict=True))
        grouped = [(groups or {}).get(of[image_id], of[image_id]) for image_id, _ in kept]
        assigned = assign_groups([label for _, label in kept], grouped, splits)
    else:
        assigned = assign_splits([image_id for image_id, _ in kept], [label for _, label in kept], splits)
    counts = Counter((split, classes[label]) for split, (_, label) in zip(assigned, kept, strict=True))
    return Selection(
        classes=tuple(classes),
        splits=tuple(splits),
        split_of={image_id: split for (image_id, _), split in zip(kept, assigned, strict=True)},
        counts=counts,
        duplicates=duplicates,
        dropped=len(dropped),
    )
