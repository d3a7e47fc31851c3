"""Cells: each class, cut by the attributes that the spec balances, with its quota of accepted images."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import floor, prod

from synthgen.records import Cell
from synthgen.spec import Balance, Spec


def cells_of(spec: Spec) -> tuple[Cell, ...]:
    """Class by class in the spec's order, and within a class every combination of balanced values with a quota."""
    return cells_for(spec, {name: kind.count for name, kind in spec.classes.items()})


def cells_for(spec: Spec, counts: Mapping[str, int]) -> tuple[Cell, ...]:
    """The cells of `spec`, with quotas for `counts` images of its classes."""
    return tuple(
        cell
        for label, (name, count) in enumerate(counts.items())
        for cell in _cells_of_class(spec, label, name, count)
        if cell.quota
    )


def kinds_of(spec: Spec) -> dict[str, Cell]:
    """Every cell that images of `spec` may fall into, by name, whatever its quota."""
    cells = (cell for label, name in enumerate(spec.classes) for cell in _cells_of_class(spec, label, name, 0))
    return {cell.name: cell for cell in cells}


def _cells_of_class(spec: Spec, label: int, name: str, count: int) -> Iterator[Cell]:
    combinations = list(product(*(_shares(spec, entry) for entry in spec.balance)))
    shares = [prod(share for _, share in combination) for combination in combinations]
    for combination, quota in zip(combinations, apportion(count, shares, label), strict=True):
        values = tuple((entry.attribute, value) for entry, (value, _) in zip(spec.balance, combination, strict=True))
        full_name = ", ".join([name, *(f"{attribute}={value}" for attribute, value in values)])
        yield Cell(full_name, name, label, quota, values)


def _shares(spec: Spec, entry: Balance) -> list[tuple[str, float]]:
    """The values of a balanced attribute that are wanted, with their shares, in the order of the attribute."""
    values = spec.attributes[entry.attribute].values
    if entry.target == "uniform":
        return [(value, 1 / len(values)) for value in values]
    shares = {value: share for value, share in entry.target.items() if not isinstance(share, str)}
    assert shares, "a reference is resolved before it is planned"
    return [(value, shares[value]) for value in values if shares.get(value)]


def apportion(count: int, shares: Sequence[float], turn: int = 0) -> list[int]:
    """`count` as whole numbers in proportion to `shares`, which make 1: each at least its share rounded down, what
    is then left by largest remainder (Hamilton's method).

    `turn` says at which place equal remainders start to be served, so that not every class favours the same value.
    """
    exact = [count * share for share in shares]
    whole = [floor(part + 1e-9) for part in exact]

    def served(place: int) -> tuple[float, int]:
        return round(whole[place] - exact[place], 9), (place - turn) % len(shares)

    for place in sorted(range(len(shares)), key=served)[: count - sum(whole)]:
        whole[place] += 1
    return whole
