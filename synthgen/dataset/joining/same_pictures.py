"""What two sets that are joined have more than once: pictures with equal bytes, told by their digests. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SplitLeak:
    """A synthetic image in another split than a real one that it shows.

    Attributes:
        synthetic, real: ids of the joined set.
        how: "is a copy of" or "was made from".
    """

    synthetic: str
    real: str
    how: str


@dataclass(frozen=True, slots=True)
class ClassConflict:
    """A picture that is in the joined set under two classes, byte for byte.

    Attributes:
        first, second: ids of the joined set.
        first_class, second_class: of these images.
    """

    first: str
    first_class: str
    second: str
    second_class: str


@dataclass(frozen=True, slots=True)
class SetRepeats:
    """How many images of a set are, byte for byte, an earlier image of the same set.

    Attributes:
        images: of these, all.
        other_split: those that are in another split than the earlier one.
    """

    images: int = 0
    other_split: int = 0


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """The rows of the joined set, those of the real set first.

    Attributes:
        ids, classes, splits, digests: of each row; the digests are of its picture.
        real: the ids that the real images have in their own set.
        sources: the ids that the pictures have which the synthetic images were made from; empty if they were not.
    """

    ids: Sequence[str]
    classes: Sequence[str]
    splits: Sequence[str]
    digests: Sequence[bytes]
    real: Sequence[str]
    sources: Sequence[str | None] = ()

    @property
    def origins(self) -> Mapping[str, range]:
        """The rows of each set."""
        return {"real": range(len(self.real)), "synthetic": range(len(self.real), len(self.ids))}


def leaks_of(rows: JoinedRows) -> Iterator[SplitLeak]:
    """Find what a synthetic image shows of another split: the very picture, or the one that it was made from."""
    many = len(rows.real)
    for split in dict.fromkeys(rows.splits[:many]):
        there = [row for row in range(many) if rows.splits[row] == split]
        pictures = {rows.digests[row]: row for row in there}
        ids = {rows.real[row]: row for row in there}
        for place, image_id in enumerate(rows.ids[many:]):
            if rows.splits[many + place] == split:
                continue
            source = rows.sources[place] if rows.sources else None
            if (row := pictures.get(rows.digests[many + place])) is not None:
                yield SplitLeak(image_id, rows.ids[row], "is a copy of")
            elif source is not None and (row := ids.get(source)) is not None:
                yield SplitLeak(image_id, rows.ids[row], "was made from")


def copies_of(rows: JoinedRows) -> int:
    """Count the synthetic images that are, byte for byte, in the real set in the same split."""
    many = len(rows.real)
    there = {*zip(rows.digests[:many], rows.splits[:many], strict=True)}
    return sum(one in there for one in zip(rows.digests[many:], rows.splits[many:], strict=True))


def conflicts_of(rows: JoinedRows) -> Iterator[ClassConflict]:
    """Find the pictures that are there under several classes: of each, the first two images that contradict."""
    first: dict[bytes, int] = {}
    told: set[bytes] = set()
    for row, digest in enumerate(rows.digests):
        before = first.setdefault(digest, row)
        if rows.classes[before] != rows.classes[row] and digest not in told:
            told.add(digest)
            yield ClassConflict(rows.ids[before], rows.classes[before], rows.ids[row], rows.classes[row])


def repeats_of(rows: JoinedRows) -> dict[str, SetRepeats]:
    """Count what each of the two sets has more than once."""
    return {name: _repeats(rows, there) for name, there in rows.origins.items()}


def _repeats(rows: JoinedRows, there: range) -> SetRepeats:
    first: dict[bytes, str] = {}
    splits = [(rows.splits[row], first.setdefault(rows.digests[row], rows.splits[row])) for row in there]
    return SetRepeats(len(splits) - len(first), sum(split != before for split, before in splits))
