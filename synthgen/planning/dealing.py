"""Which pictures the attempts of a shard begin from. Pure.

The pictures of a class are shuffled once, by the spec's seed, and dealt in rounds: slot `s` is picture `s % n` of round
`s // n`. Each shard has slots of its own, one after the other, so shards need not know of each other.

Without a limit, a shard begins at the number of images that come before it, and goes on from there: pictures that give
no good image are passed by, and each picture gets about as many images as any other. With `per_source`, there are as
many slots as accepted images are allowed, and a shard keeps to its own. Half of the slots that a block of shards does
not need are its reserve; the rest is left for shards that may be added.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthgen.planning.counts import images_before, images_of
from synthgen.planning.numbering import shuffled
from synthgen.planning.plan import Plan
from synthgen.records import Cell, SourceRow
from synthgen.spec import TO_CLASS, Spec


@dataclass(frozen=True, slots=True)
class Deal:
    """The slots of one class in one shard.

    Attributes:
        pictures: how many the class has.
        begin: the first slot.
        slots: how many there are; None if the pictures have no limit.
    """

    plan: Plan
    class_name: str
    pictures: int
    begin: int
    slots: int | None

    def place(self, turn: int) -> int:
        """The place of the picture at the `turn`th slot, counted in turn: 0 to `pictures` - 1."""
        return (self.begin + (turn if self.slots is None else turn % self.slots)) % self.pictures

    def limit(self, place: int) -> int | None:
        """How many accepted images the shard may have of the picture at this place; None if any number."""
        if self.slots is None:
            return None
        first, last = self.begin - 1 - place, self.begin + self.slots - 1 - place
        return last // self.pictures - first // self.pictures

    def id(self, place: int) -> str:
        """The id of the picture at this place."""
        assert self.plan.sources is not None
        key = f"{self.plan.spec.seed}/source/{self.class_name}"
        return pictures_for(self.plan, self.class_name)[shuffled(place, self.pictures, key)].id


def deals_of(plan: Plan, shard: int, classes: Iterable[str]) -> dict[str, Deal]:
    """Return what a shard has of the pictures of each class; nothing if its images begin from noise.

    Raises:
        KeyError: the set has no picture of a class.
    """
    if plan.sources is None or plan.spec.source is None:
        return {}
    blocks, block = [cells for cells, _ in plan.blocks], plan.block_of(shard)
    return {
        name: _deal(plan, _count_for(plan, name), plan.spec.source.per_source, name, blocks, block) for name in classes
    }


def _deal(
    plan: Plan,
    pictures: int,
    limit: int | None,
    class_name: str,
    blocks: Sequence[tuple[Cell, ...]],
    block: tuple[int, int, int],
) -> Deal:
    number, place, shards = block
    cells = blocks[number]
    before = images_before(cells, class_name, place, shards)
    earlier = [images_of(of, class_name) for of in blocks[:number]]
    if limit is None:
        return Deal(plan, class_name, pictures, sum(earlier) + before, None)

    begin, free = 0, pictures * limit
    for images in earlier:
        reserved = _reserved(images, free)
        begin, free = begin + reserved, free - reserved
    images = images_of(cells, class_name)
    after, reserved = images_before(cells, class_name, place + 1, shards), _reserved(images, free)
    first, last = (begin + reserved * count // images for count in (before, after))
    return Deal(plan, class_name, pictures, first, last - first)


def is_changed(spec: Spec, class_name: str) -> bool:
    """Whether images of a class begin from pictures of all others: the set of a plan has none of its own then."""
    return spec.to.get(TO_CLASS) == class_name


def pictures_for(plan: Plan, class_name: str) -> Sequence[SourceRow]:
    """Return the pictures that images of a class begin from."""
    assert plan.sources is not None
    rows = plan.sources.rows
    return rows.all if is_changed(plan.spec, class_name) else rows.by_class[class_name]


def _count_for(plan: Plan, class_name: str) -> int:
    assert plan.sources is not None
    return plan.sources.total if is_changed(plan.spec, class_name) else plan.sources.counts.get(class_name, 0)


def lacking_sources(plan: Plan) -> list[str]:
    """Say for which classes `per_source` allows fewer images than the plan asks for, block by block of its shards."""
    if plan.sources is None or plan.spec.source is None or (limit := plan.spec.source.per_source) is None:
        return []
    found, blocks = [], [cells for cells, _ in plan.blocks]
    for name in plan.spec.classes:
        pictures = _count_for(plan, name)
        free = pictures * limit
        for number, cells in enumerate(blocks):
            images = images_of(cells, name)
            if images > free:
                whose = "for" if is_changed(plan.spec, name) else "of"
                of = f"{pictures:,} picture{'s' if pictures != 1 else ''} {whose} {name!r}, {limit:,} from each"
                left = f"allow {free:,} image{'s' if free != 1 else ''}" + (" more" if number else "")
                found.append(f"source.per_source: {of}, {left}, and {images:,} are asked for")
                break
            free -= _reserved(images, free)
    return found


def _reserved(images: int, free: int) -> int:
    return images + (free - images) // 2 if images else 0
