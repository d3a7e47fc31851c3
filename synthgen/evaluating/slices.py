"""The groups of a test by attribute and value, such as the images of one skin tone. Pure."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from synthgen.errors import UsageError
from synthgen.evaluating.looked_set import LookedSet
from synthgen.sets.near_names import listed
from synthgen.stats.paired import TestSlices
from synthgen.stats.search import Codes

FEWEST = 10
"""Independent images of a group that are needed to measure it."""
MOST = 50
"""Values of an attribute that make groups: a column with more is a number or a name."""


def slices_of(test: LookedSet, groups: Codes) -> TestSlices:
    """Return the groups that are large enough to be measured, largest first.

    Args:
        groups: a number for each image; those that depend on each other have the same.
    """
    found = {}
    for attribute, cells in test.attributes.items():
        values = np.array(cells, dtype=object)
        names = [name for name, _ in Counter(cells).most_common() if name is not None]
        members = {name: np.asarray(values == name) for name in names}
        found[attribute] = {name: each for name, each in members.items() if len(np.unique(groups[each])) >= FEWEST}
    return found


def check_slices(test: LookedSet, groups: Codes) -> None:
    """Check that every attribute has groups that can be measured.

    Raises:
        UsageError: it has none, or too many.
    """
    for attribute, measured in slices_of(test, groups).items():
        values = set(test.attributes[attribute]) - {None}
        if not measured:
            what = f"none of the {len(values):,} values of {attribute!r} has {FEWEST} independent test images"
            raise UsageError(what, argument="group", hint="Give more test images, or a column with fewer values.")
        if len(values) > MOST:
            what = f"{attribute!r} has {len(values):,} values in the test, of {MOST} at most"
            raise UsageError(what, argument="group", hint="Name a column of groups, not one of numbers or names.")


def small_slices(test: LookedSet, slices: TestSlices) -> Iterator[str]:
    """Name the groups that are too small to be measured, a line for each attribute."""
    for attribute, cells in test.attributes.items():
        small = sorted({name for name in cells if name is not None} - slices[attribute].keys())
        if small:
            yield f"{attribute} {listed(small, 3)}: not measured, with fewer than {FEWEST} independent test images"
