"""What accepted images were measured to be, beside what was asked for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthgen.records import Cell

ANSWERS = 12
"""At most this many of an attribute's answers are shown one by one."""


@dataclass(frozen=True, slots=True)
class BalanceRequest:
    """What was asked for: the attributes to measure, and the cells to fill.

    Attributes:
        answers: by attribute, all that the judge may answer: its values, `not applicable` where that may be, `unknown`.
        balanced: the attributes that have shares to keep.
        cells: cells with their quotas; none where nothing is balanced, and in a preview, which has no quotas.
    """

    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    balanced: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class CellCount:
    """How many images of a whole, such as a class, have something in common.

    Attributes:
        asked: how many there should be; None where nothing is asked for.
    """

    name: str
    images: int
    whole: int
    asked: int | None = None

    @property
    def share(self) -> str:
        return f"{self.images / self.whole:.0%}" if self.whole else "–"

    @property
    def short(self) -> int:
        return max((self.asked or 0) - self.images, 0)


class Composition:
    """Counts accepted images."""

    def __init__(self, asked: BalanceRequest) -> None:
        self.asked = asked
        self._cells: dict[str, dict[tuple[tuple[str, str], ...], Cell]] = defaultdict(dict)
        for cell in asked.cells:
            self._cells[cell.class_name][cell.values] = cell
        self._classes: Counter[str] = Counter()
        self._filled: Counter[str] = Counter()
        self._answers: Counter[tuple[str, str, str]] = Counter()

    def add(self, class_name: str, attributes: Mapping[str, str], images: int = 1) -> None:
        """Count images of one class and with the same answers."""
        self._classes[class_name] += images
        for name, value in attributes.items():
            self._answers[class_name, name, value] += images
        values = tuple((name, attributes.get(name, "")) for name in self.asked.balanced)
        if cell := self._cells[class_name].get(values):
            self._filled[cell.name] += images

    @property
    def free(self) -> tuple[str, ...]:
        """The attributes whose shares nothing controls."""
        held = self.asked.balanced if self.asked.cells else ()
        return tuple(name for name in self.asked.answers if name not in held)

    def cells_of(self, class_name: str) -> dict[tuple[str, ...], CellCount]:
        """What is in the cells of a class, by their values."""
        whole = self._classes[class_name]
        return {
            (values := tuple(value for _, value in cell.values)): CellCount(
                ", ".join(values), self._filled[cell.name], whole, cell.quota
            )
            for cell in self._cells[class_name].values()
        }

    def answers_of(self, attribute: str, class_name: str | None = None) -> list[CellCount]:
        """Count every answer, `unknown` too, in a class or in all images. If there are many, the rarest are merged."""
        classes = list(self._classes) if class_name is None else [class_name]
        whole = sum(self._classes[name] for name in classes)
        counts = {
            answer: sum(self._answers[name, attribute, answer] for name in classes)
            for answer in self.asked.answers[attribute]
        }
        shown = self._shown(attribute)
        parts = [CellCount(answer, count, whole) for answer, count in counts.items() if answer in shown]
        if rest := [count for answer, count in counts.items() if answer not in shown]:
            parts.insert(-1, CellCount(f"{len(rest)} others", sum(rest), whole))
        return parts

    def _shown(self, attribute: str) -> set[str]:
        """The answers to show, the same in every class: all, or the most frequent and the last, `unknown`."""
        *values, last = self.asked.answers[attribute]
        if len(values) < ANSWERS:
            return {*values, last}
        total = {value: sum(self._answers[name, attribute, value] for name in self._classes) for value in values}
        return {last, *sorted(values, key=lambda value: -total[value])[: ANSWERS - 2]}


def emptiest(parts: Sequence[CellCount], limit: int) -> list[CellCount]:
    """Choose the parts that lack most, at most `limit`, in their order."""
    chosen = sorted(range(len(parts)), key=lambda place: -parts[place].short)[:limit]
    return [parts[place] for place in sorted(chosen)]
