"""Which accepted images a dataset holds, and in which split. Pure."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq

import numpy as np
from numpy.typing import NDArray

from synthgen.dataset.against import ComparedSet, OtherSet, compare
from synthgen.dataset.duplicates import Duplicate, equal_images, near_duplicates
from synthgen.dataset.groups import (
    SAME_FILE,
    SAME_HASH,
    SAME_LOOK,
    Bond,
    SplitGroups,
    bond_of,
    grouping,
    joined,
    near_by_cosine,
    near_by_hash,
)
from synthgen.dataset.splits import assign_splits, split_counts
from synthgen.errors import QuotaNotMet, StorageError
from synthgen.spec import AgainstSpec, DuplicateFilter, NearRule, Splits
from synthgen.stats.search import Vectors


@dataclass(slots=True)
class AcceptedImages:
    """The accepted images of all shards, as columns: one entry for each image, in the same order everywhere.

    Attributes:
        labels: the position of its class in the spec.
        digests: the sha256 of its encoded picture.
        hashes: its perceptual hash, None where it has none; empty if nothing asks for it.
        embeddings: [n, d], NaN where there is none; None if nothing asks for them.
        spared: ids of images that a person took in: no rule leaves them out.
        cells: what it was measured to be of what is balanced; empty if nothing is.
        shared: by name, what it may have in common with others, such as its source and its seed.
    """

    ids: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    hashes: list[bytes | None] = field(default_factory=list)
    embeddings: NDArray[np.float16] | None = None
    spared: frozenset[str] = frozenset()
    cells: list[tuple[str, ...]] = field(default_factory=list)
    shared: dict[str, list[Hashable]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, places: Sequence[int]) -> "AcceptedImages":
        """Return the images at these places, which are different ones."""
        if len(places) == len(self) and all(map(eq, places, range(len(self)))):
            return self
        return AcceptedImages(
            [self.ids[place] for place in places],
            [self.labels[place] for place in places],
            [self.digests[place] for place in places],
            [self.hashes[place] for place in places] if self.hashes else [],
            None if self.embeddings is None else self.embeddings[[*places]],
            self.spared,
            [self.cells[place] for place in places] if self.cells else [],
            {name: [keys[place] for place in places] for name, keys in self.shared.items()},
        )

    @property
    def vectors(self) -> Vectors | None:
        """The embeddings in float32, of length 1."""
        if self.embeddings is None:
            return None
        found: Vectors = self.embeddings.astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


@dataclass(frozen=True, slots=True)
class SplitRules:
    """How images are divided.

    Attributes:
        sizes: of each split.
        near: which images are near-duplicates, and so in one split; None joins only equal files.
        together: what else keeps images together: `prompt`, `template`.
        groups: of each picture that images were made from.
        against: which images are too near to those of another set.
    """

    sizes: Splits
    near: NearRule | None = None
    together: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    against: AgainstSpec | None = None

    @property
    def facts(self) -> list[object]:
        """All that decides which image goes where, as JSON types."""
        rules = [rule.model_dump(mode="json") if rule else None for rule in (self.near, self.against)]
        return [list(self.sizes.items()), rules, sorted(self.together), sorted(self.groups.items())]


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
        wanted: by split, how many images its size gives it.
        exact: the splits of which the spec says how many images they have.
        grouping: how images were kept together.
        compared: the other sets that the images were compared with.
    """

    classes: tuple[str, ...]
    splits: tuple[str, ...]
    split_of: Mapping[str, str]
    counts: Mapping[tuple[str, str], int]
    duplicates: tuple[Duplicate, ...] = ()
    dropped: int = 0
    wanted: Mapping[str, int] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()
    grouping: SplitGroups | None = None
    compared: tuple[ComparedSet, ...] = ()

    def images_in(self, split: str) -> int:
        """How many images a split has."""
        return sum(self.counts.get((split, name), 0) for name in self.classes)


def select(
    accepted: AcceptedImages,
    classes: Sequence[str],
    rules: SplitRules,
    drop: DuplicateFilter | None = None,
    others: Sequence[OtherSet] = (),
) -> Selection:
    """Choose the images of a dataset, and the split of each. The order of `accepted` changes nothing.

    Args:
        drop: leave out what repeats another image by this rule; the lowest id stays. Without it, images that are equal
            byte for byte are reported, and stay.
        others: the sets that `rules.against` names. What is too near to them is left out before duplicates are.

    Raises:
        QuotaNotMet: there are no images, or none that is far enough from the other sets.
        StorageError: an id occurs twice.
    """
    if not accepted.ids:
        raise QuotaNotMet("no image was accepted, so there is no dataset", hint="The ledger says why they fell.")
    if len(set(accepted.ids)) < len(accepted):
        twice = [image_id for image_id, count in Counter(accepted.ids).items() if count > 1]
        raise StorageError(f"the image {min(twice)} occurs twice", hint="Run `synthgen verify` on the run folder.")
    images = accepted.of(sorted(range(len(accepted)), key=accepted.ids.__getitem__))

    compared = _compared(images, rules.against, others)
    too_near = {one.id for each in compared if each.removed for one in each.near}
    images = images.of([place for place, image_id in enumerate(images.ids) if image_id not in too_near])
    if not images.ids:
        hint = "Look at the sets, or loosen output.against; the images are kept, and the run can be finalized again."
        raise QuotaNotMet("every image is too near to a set of output.against, so there is no dataset", hint=hint)

    duplicates = _repeats(images, drop) if drop else equal_images(images.ids, images.digests)
    dropped = {duplicate.id for duplicate in duplicates} if drop else set()
    kept = images.of([place for place, image_id in enumerate(images.ids) if image_id not in dropped])

    bonds = _bonds(kept, rules.near)
    groups = joined(bonds, len(kept))
    assigned = assign_splits(kept.ids, _strata(kept), rules.sizes, groups.tolist())
    totals = [count for _, count in sorted(Counter(kept.labels).items())]
    wanted = Counter[str]()
    for each in split_counts(totals, rules.sizes):
        wanted.update(each)
    return Selection(
        classes=tuple(classes),
        splits=tuple(rules.sizes),
        split_of=dict(zip(kept.ids, assigned, strict=True)),
        counts=Counter((split, classes[label]) for split, label in zip(assigned, kept.labels, strict=True)),
        duplicates=duplicates,
        dropped=len(dropped),
        wanted={split: size if isinstance(size, int) else wanted[split] for split, size in rules.sizes.items()},
        exact=frozenset(split for split, size in rules.sizes.items() if isinstance(size, int)),
        grouping=grouping(bonds, groups),
        compared=compared,
    )


def _compared(images: AcceptedImages, rule: AgainstSpec | None, others: Sequence[OtherSet]) -> tuple[ComparedSet, ...]:
    if rule is None:
        return ()
    return compare(images.ids, images.hashes, images.vectors, others, rule, images.spared)


def _repeats(images: AcceptedImages, drop: DuplicateFilter) -> tuple[Duplicate, ...]:
    asked = images.of([place for place, image_id in enumerate(images.ids) if image_id not in images.spared])
    return near_duplicates(asked.ids, asked.labels, asked.hashes, asked.vectors, drop)


def _bonds(images: AcceptedImages, near: NearRule | None) -> list[Bond]:
    bonds = [Bond(SAME_FILE, bond_of(SAME_FILE, images.digests).number)]
    if near is not None and near.max_bits is not None and images.hashes:
        bonds.append(near_by_hash(SAME_HASH, images.hashes, near.max_bits))
    if near is not None and near.min_cosine is not None and (vectors := images.vectors) is not None:
        bonds.append(near_by_cosine(SAME_LOOK, vectors, near.min_cosine))
    return [*bonds, *(bond_of(name, keys) for name, keys in images.shared.items())]


def _strata(images: AcceptedImages) -> list[tuple[int, ...]]:
    """Return the label of each image, and the number of its cell where classes have some."""
    number = {cell: place for place, cell in enumerate(sorted(set(images.cells)))}
    cells = [number[cell] for cell in images.cells] or [0] * len(images)
    return list(zip(images.labels, cells, strict=True))
