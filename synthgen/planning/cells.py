"""Cells: each class, divided by the attributes that the spec balances, with its quota of accepted images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, zip_longest
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


def turns(cells: tuple[Cell, ...]) -> list[Cell]:
    """Order cells in rounds that take one cell of every class: no class is seen twice before all were seen once.

    Classes begin at different cells, so that the first round does not show one value alone.
    """
    classes: dict[str, list[Cell]] = {}
    for cell in cells:
        classes.setdefault(cell.class_name, []).append(cell)
    turned = [own[place % len(own) :] + own[: place % len(own)] for place, own in enumerate(classes.values())]
    return [cell for turn in zip_longest(*turned) for cell in turn if cell is not None]


@dataclass(frozen=True, slots=True)
class Rounding:
    """What whole images do to the shares that were asked for.

    Attributes:
        worst: class, attribute, value, the share asked for and the share planned, where they differ most; None if
            they do not.
        empty: names of cells that want less than one image, and for which none is planned.
    """

    worst: tuple[str, str, str, float, float] | None
    empty: tuple[str, ...]


def rounding_of(spec: Spec) -> Rounding:
    off, empty = [], []
    for label, (name, kind) in enumerate(spec.classes.items()):
        cells = list(_cells_of_class(spec, label, name, kind.count))
        empty += [cell.name for cell in cells if not cell.quota]
        for entry in spec.wanted:
            for value, share in shares_of(spec, entry):
                planned = sum(cell.quota for cell in cells if (entry.attribute, value) in cell.values) / kind.count
                off.append((name, entry.attribute, value, share, planned))
    worst = max(off, key=lambda each: abs(each[3] - each[4]), default=None)
    return Rounding(worst if worst and abs(worst[3] - worst[4]) > 1e-6 else None, tuple(empty))


def _cells_of_class(spec: Spec, label: int, name: str, count: int) -> Iterator[Cell]:
    axes = [shares_of(spec, entry) for entry in spec.wanted]
    quotas = apportion(count, tuple(tuple(share for _, share in axis) for axis in axes), label)
    for combination, quota in zip(product(*axes), quotas, strict=True):
        values = tuple((entry.attribute, value) for entry, (value, _) in zip(spec.wanted, combination, strict=True))
        full_name = ", ".join([name, *(f"{attribute}={value}" for attribute, value in values)])
        yield Cell(full_name, name, label, quota, values)


def shares_of(spec: Spec, entry: Balance) -> list[tuple[str, float]]:
    """Return the values of a balanced attribute that are wanted, with their shares, in the order of the attribute."""
    values = spec.attributes[entry.attribute].values
    if entry.target == "uniform":
        return [(value, 1 / len(values)) for value in values]
    shares = {value: share for value, share in entry.target.items() if not isinstance(share, str)}
    assert shares, "a reference is resolved before it is planned"
    return [(value, shares[value]) for value in values if shares.get(value)]


@lru_cache(maxsize=4096)
def apportion(count: int, axes: tuple[tuple[float, ...], ...], turn: int = 0) -> tuple[int, ...]:
    """Divide `count` into whole numbers, one for each combination of the shares in `axes`, in the order of `product`.

    Each is its exact share rounded up or down, such that the sums along every axis come near their own: even with few
    images an attribute keeps its shares, though its combinations with others cannot. A single axis is rounded by
    largest remainder (Hamilton's method). This is controlled rounding (Cox 1987, JASA 82), first by need and then by
    swaps. It is not proven that no sum is off by a whole image; a property test looks for one.

    Args:
        axes: for each attribute, the shares of its values, which sum to 1.
        turn: which of equal needs is served first, so that not every class favours the same value.
    """
    places = list(product(*(range(len(axis)) for axis in axes)))
    exact = [count * prod(axis[i] for axis, i in zip(axes, place, strict=True)) for place in places]
    whole = [floor(part + 1e-9) for part in exact]
    lacking = [[count * share for share in axis] for axis in axes]

    def give(number: int, to: int) -> None:
        for axis, i in zip(lacking, places[to], strict=True):
            axis[i] -= number

    def need(place: int) -> float:
        return sum(axis[i] for axis, i in zip(lacking, places[place], strict=True))

    def urgency(place: int) -> tuple[float, float]:
        return round(need(place), 9), round(exact[place] - whole[place], 9)

    def neediest() -> int:
        most = max(map(urgency, down))
        equal = sorted(place for place in down if urgency(place) == most)
        return equal[turn % len(equal)]

    def gain(swap: tuple[int, int]) -> float:
        """Half of what moving an image takes off the sum of the squares of what is lacking."""
        giver, taker = swap
        apart = sum(i != j for i, j in zip(places[giver], places[taker], strict=True))
        return need(taker) - need(giver) - apart

    for place, number in enumerate(whole):
        give(number, place)
    down = {place for place in range(len(places)) if exact[place] - whole[place] > 1e-9}
    up: set[int] = set()

    def move(place: int, losing: set[int], gaining: set[int]) -> None:
        losing.remove(place)
        gaining.add(place)
        give(1 if gaining is up else -1, place)

    for _ in range(count - sum(whole)):
        move(neediest(), down, up)
    while up and down and gain(swap := max(product(sorted(up), sorted(down)), key=gain)) > 1e-6:
        move(swap[0], up, down)
        move(swap[1], down, up)
    return tuple(number + (place in up) for place, number in enumerate(whole))
