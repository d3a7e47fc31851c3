"""What the dependence of images costs the figures of slices and strata: as much as the shares of the same place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthgen.auditing.effect import Effect
from synthgen.stats.association import rao_scott
from synthgen.stats.estimates import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """The design effects of an audit, as slices and strata use them.

    Attributes:
        effects: by attribute, overall and then in each class, as those of the shares; empty if images are independent.
        more: whether images depend on each other by more than the clusters of the table: by groups that reach over
            classes, or by several that would connect too much.
    """

    effects: Mapping[str, Sequence[Effect]] = field(default_factory=dict)
    more: bool = False

    def of_shares(self, name: str, values: int, overall: bool) -> Floats | None:
        """Return the design effect of each share, at least 1: [1, values] overall, or [classes, values]."""
        if name not in self.effects:
            return None
        places = self._places(name, overall)
        if all(each.size is None for each in places):
            return None
        return np.array([[max(1.0, each.of(value) or 1.0) for value in range(values)] for each in places])

    def freedom(self, names: Sequence[str], overall: bool) -> Floats:
        """Return the degrees of freedom of the effects, infinite where they are no estimates: [1] or [classes]."""
        found = [
            [np.inf if each.size is None or each.freedom is None else each.freedom for each in places]
            for name in names
            for places in [self._places(name, overall)]
        ]
        least: Floats = np.min(np.array(found, dtype=float), axis=0)
        return least

    def effect_of(self, name: str, place: int) -> Effect | None:
        """Return the effect overall, for place 0, or in a class."""
        return self.effects[name][place] if name in self.effects else None

    def of_association(self, counts: Mapping[str, Ints]) -> float:
        """Bound the design effect of an association of these attributes with each other, or of one with the class.

        With clusters of m images, in which answers are alike by r and s, that of an association of two attributes is
        1 + (m - 1) r s: no more than the smaller effect of their shares, 1 + (m - 1) r.

        Args:
            counts: images by class and value.
        """
        found = []
        for name, own in counts.items():
            if name not in self.effects:
                return 1.0
            overall, *classes = self.effects[name]
            found.append(max(overall.at_least, rao_scott(own, np.array([each.at_least for each in classes]))))
        return min(found, default=1.0)

    def _places(self, name: str, overall: bool) -> Sequence[Effect]:
        return self.effects[name][:1] if overall else self.effects[name][1:]
