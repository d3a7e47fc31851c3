"""A real set as the reference of another one: its shares, and how many independent images they come from."""

from collections.abc import Sequence

import pandas as pd

from synthgen.auditing.effect import Effect
from synthgen.auditing.effects import find_dependent
from synthgen.auditing.findings import REAL
from synthgen.auditing.table import Table
from synthgen.stats.distance import Reference, Target
from synthgen.stats.estimates import Ints


def real_references(real: Table, frame: pd.DataFrame, seed: int) -> dict[str, Reference]:
    """Return the shares of a real set by attribute, overall and in each of its classes.

    Its images may depend on each other like those of the audited set: they then count as fewer, by their design effect.
    Attributes of which no image has a value are left out.

    Args:
        frame: the rows of the table, with what they share: see `find_clustering`.
    """
    effects = find_dependent(real, frame, None, seed).effects
    found = {name: _reference(real, name, effects[name]) for name in real.attributes}
    return {name: each for name, each in found.items() if each is not None}


def _reference(real: Table, name: str, effects: Sequence[Effect]) -> Reference | None:
    values = real.attributes[name].values
    counts = real.counts(name)[:, : len(values)]

    def target(row: Ints, effect: Effect) -> Target:
        shares = row / row.sum()
        return Target(dict(zip(values, shares.tolist(), strict=True)), max(1, int(row.sum() / effect.largest(shares))))

    if not counts.any():
        return None
    rows = zip(real.classes, counts, effects[1:], strict=True)
    classes = {kind: target(row, effect) for kind, row, effect in rows if row.any()}
    return Reference(REAL, target(counts.sum(0), effects[0]), classes)
