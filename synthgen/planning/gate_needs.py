"""How many images the gates of a spec need before they can pass."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

from synthgen.planning.cells import shares_of
from synthgen.spec import Spec, crossed_parts
from synthgen.stats.power import images_to_pass


class GateNeed(NamedTuple):
    """What it takes to show that a gate is kept.

    Attributes:
        gate: as a line.
        needed: about how many images, if their shares are exactly those of the target; None if no number is enough.
        place: the class with the fewest images, or 'overall'.
        images: how many the spec asks for there.
    """

    gate: str
    needed: int | None
    place: str
    images: int

    @property
    def can_pass(self) -> bool:
        return self.needed is not None and self.images >= self.needed

    @property
    def sentence(self) -> str:
        """What a reader of the spec should know."""
        if self.needed is None:
            return f"{self.gate}: no number of images can show that a distance is 0"
        where = "overall" if self.place == "overall" else "in each class"
        needs = f"{self.gate}: takes about {self.needed:,} images {where} to pass, even with exact shares"
        return needs if self.can_pass else f"{needs}; {self.place} has {self.images:,}, so it will stay undecided"


def gate_needs(spec: Spec) -> Iterator[GateNeed]:
    """Yield what each gate of balanced attributes needs. Shares that are still in a file are left out.

    Combinations of attributes should have the product of their shares, as the cells of a run have.
    """
    balanced = {entry.attribute: entry for entry in spec.wanted}
    for gate in spec.gates:
        names = [gate.attribute] if gate.attribute in spec.attributes else crossed_parts(gate.attribute)
        entries = [balanced[name] for name in names if name in balanced]
        if len(entries) < len(names) or any(each.target != "uniform" and "from" in each.target for each in entries):
            continue
        axes = [[share for _, share in shares_of(spec, entry)] for entry in entries]
        needed = images_to_pass([prod(shares) for shares in product(*axes)], gate.max_tv)
        if gate.within == "class":
            name, images = min(((name, kind.count) for name, kind in spec.classes.items()), key=lambda each: each[1])
            yield GateNeed(f"{gate.attribute} within class: tv <= {gate.max_tv:g}", needed, f"class {name}", images)
        else:
            yield GateNeed(f"{gate.attribute} overall: tv <= {gate.max_tv:g}", needed, "overall", spec.total)
