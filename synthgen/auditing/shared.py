"""What images of a set have in common, so that they depend on each other: plain values, ready for JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.sets.near_names import first_of

PROMPT, NEAR = "prompt", "near-duplicates"
COLUMN = "column "
"""What `Shared.what` begins with for a column that was named as one of dependent images."""
_NAMES = {PROMPT: "a prompt", "seed": "a seed", "source": "a source image", "file": "a file or an id"}


@dataclass(frozen=True, slots=True)
class Shared:
    """Images that have something in common with others of their class.

    Attributes:
        what: 'prompt', 'seed', 'source', 'file', 'near-duplicates', or 'column NAME' of a column that was named. Rows
            with one file or id are one image.
        images: those that share it with another one.
        groups: into how many groups of two or more they fall.
        largest: the images of the largest group.
        counted: whether intervals allow for it. All but prompts are left aside if they could not multiply the variance
            in any class by 1.05, even if the images of a group were all the same.
    """

    what: str
    images: int
    groups: int
    largest: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Dependence:
    """Which dependences between images were found.

    Attributes:
        shared: what images share; only what at least two of them do.
        apart: in which places the design effects of the single dependences were added up, because they connect so many
            images that clusters over all of them could not be used: 'overall', 'class NAME'.
        reaching: of what images share, that which images of several classes do: then groups overall reach over classes,
            and `shared` tells of those of the whole set.
        single: 'prompt' or 'seed', if all images of some class have a single one: its figures are about that one.
        unknown: dependences whose design effect overall could not be estimated: that sum has the most that it can be.
        chains: images that near-duplicates connect only in chains, so that most images of a chain are not
            near-duplicates of each other; of these, only equal ones count as dependent.
    """

    shared: tuple[Shared, ...]
    apart: tuple[str, ...] = ()
    reaching: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    chains: int = 0

    @property
    def told(self) -> str:
        """Say in words what the images of a cluster share; empty if that is at most a prompt."""
        counted = [each.what for each in self.shared if each.counted]
        if counted in ([], [PROMPT]):
            return ""
        named = [_NAMES.get(what, f"a {what.removeprefix(COLUMN)}") for what in counted if what != NEAR]
        share = f"images that share {' or '.join(named)}" if named else ""
        return " and ".join(filter(None, (share, NEAR if NEAR in counted else "")))

    def caveats(self) -> Iterator[str]:
        """Say what could not be allowed for."""
        for each in self.shared:
            if each.what.startswith(COLUMN) and not each.groups:
                yield f"no two images share a {each.what.removeprefix(COLUMN)}, so intervals need not allow for it"
        for what in self.single:
            yield (
                f"all images of a class have one {what}: the figures of such classes are about that {what}, and say"
                f" nothing about other {what}s"
            )
        if self.apart:
            yield (
                f"{self.told} connect so many images that they cannot be clusters ({first_of(self.apart)}): the design"
                " effects of the single dependences were added up"
            )
        if self.apart and self.unknown:
            named = " and ".join(self.unknown)
            yield f"no design effect could be estimated for {named}: intervals take images of one group as all the same"
        if self.chains:
            yield (
                f"near-duplicates connect {self.chains:,} images only in chains, which this embedding makes of images"
                " that are merely similar: of these, only images with equal embeddings count as dependent"
            )
