"""The contact sheet: one HTML file that shows what was accepted, what was not, and why."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from synthgen.dataset.source import Source, batches, schema_of
from synthgen.dataset.tally import MEANINGS, ClassTally, Fate, Tally, tally
from synthgen.page import data_uri, environment, write_page
from synthgen.records import Verdict

PER_CLASS = 24
PER_SHEET = 2400
"""Pictures in a sheet of very many classes: some 5 MB."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# What tells most about the filter comes first: its own decisions, the closest of them before all others.
_ORDER = {Verdict.REJECTED: 0, Verdict.FAILED: 1, Verdict.SURPLUS: 2}


@dataclass(frozen=True, slots=True)
class Score:
    """
    Attributes:
        floor: what a filter asks for; None where none looks at it.
    """

    name: str
    value: float
    floor: float | None

    @property
    def text(self) -> str:
        if not isfinite(self.value):
            return "none"
        return f"{self.value:.3f}" if abs(self.value) >= 0.01 or not self.value else f"{self.value:.1e}"

    @property
    def floor_text(self) -> str:
        return "" if self.floor is None else f"{self.floor:.3g}"

    @property
    def fails(self) -> bool:
        return self.floor is not None and not self.value >= self.floor

    @property
    def margin(self) -> float:
        """How far from its floor, as a share of the floor: 0.55 is closer to 0.5 than 0.3 to 0.2."""
        if self.floor is None or not isfinite(self.value):
            return inf
        return abs(self.value - self.floor) / (abs(self.floor) or 1.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """One attempt as the sheet shows it."""

    id: str
    verdict: str
    reason: str | None
    message: str | None
    prompt: str
    seed: int | None
    scores: tuple[Score, ...]
    attributes: tuple[tuple[str, str], ...]
    thumbnail: bytes | None

    @property
    def accepted(self) -> bool:
        return self.verdict == Verdict.ACCEPTED

    @property
    def order(self) -> tuple[int, float, str]:
        """Borderline ones first: accepted by the narrowest margin, rejected by the narrowest."""
        failing = [score.margin for score in self.scores if score.fails]
        decisive = failing if self.verdict == Verdict.REJECTED else [score.margin for score in self.scores]
        return _ORDER.get(Verdict(self.verdict), 0), min(decisive, default=inf), self.id

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)


@dataclass(frozen=True, slots=True)
class Group:
    """A class with the pictures of it that are shown."""

    tally: ClassTally
    accepted: Sequence[Picture]
    others: Sequence[Picture]


def ledger_rows(ledgers: Iterable[Source]) -> Iterator[dict[str, Any]]:
    """The rows of committed ledger files, one at a time, without the full images that a ledger may keep."""
    for ledger in ledgers:
        names = [name for name in schema_of(ledger).names if name != "image"]
        for batch in batches(ledger, names):
            yield from batch.to_pylist()


def write_sheet(
    rows: Iterable[Mapping[str, Any]],
    path: Path,
    *,
    title: str,
    quotas: Mapping[str, int | None],
    floors: Mapping[str, Mapping[str, float]] = _NOTHING,
    facts: Mapping[str, str] = _NOTHING,
    per_class: int = PER_CLASS,
) -> Tally:
    """Write the contact sheet of `rows` of the ledger, in any order, to `path`, whole or not at all.

    Args:
        quotas: every class in the spec's order; None where nothing is asked for, as in a preview.
        floors: by class, the least value that a filter accepts, by score, without the prefix `score_`.
            With it, borderline pictures come first, and only these scores are shown.
        facts: shown below the title, such as the model and its settings.
        per_class: at most so many accepted pictures of a class, and as many others; fewer with very many
            classes.

    Raises:
        StorageError: `path` cannot be written.
    """
    limit = min(per_class, max(1, PER_SHEET // (2 * max(len(quotas), 1))))
    fates: Counter[Fate] = Counter()
    shown: defaultdict[tuple[str, bool], _Best] = defaultdict(lambda: _Best(limit))
    for row in rows:
        picture = _picture(row, floors.get(row["class"], _NOTHING))
        fates[row["class"], picture.verdict, picture.reason] += 1
        shown[row["class"], picture.accepted].add(picture)
    counted = tally(fates, quotas)
    groups = [
        Group(kind, shown[kind.name, True].pictures, shown[kind.name, False].pictures) for kind in counted.classes
    ]
    write_page(path, _rendered(title, facts, counted, groups))
    return counted


class _Best:
    """The first `limit` pictures by their order; holds at most twice as many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: list[Picture] = []

    def add(self, picture: Picture) -> None:
        self._held.append(picture)
        if len(self._held) > 2 * self._limit:
            self._held = self.pictures

    @property
    def pictures(self) -> list[Picture]:
        return sorted(self._held, key=lambda picture: picture.order)[: self._limit]


def _picture(row: Mapping[str, Any], floors: Mapping[str, float]) -> Picture:
    measured = {name.removeprefix("score_"): row[name] for name in row if name.startswith("score_")}
    return Picture(
        id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        message=row["message"],
        prompt=row["prompt"],
        seed=row.get("seed"),
        scores=tuple(
            Score(name.replace("_", " "), value, floors.get(name))
            for name, value in measured.items()
            if value is not None and (not floors or name in floors)
        ),
        attributes=tuple(
            (name.removeprefix("attribute_").replace("_", " "), value)
            for name, value in row.items()
            if name.startswith("attribute_") and value is not None
        ),
        thumbnail=row["thumbnail"],
    )


def _rendered(title: str, facts: Mapping[str, str], counted: Tally, groups: Sequence[Group]) -> str:
    return (
        environment("synthgen.dataset")
        .get_template("sheet.html.j2")
        .render(
            title=title,
            facts=facts,
            tally=counted,
            groups=groups,
            others=[(reason, count, MEANINGS.get(reason, "")) for reason, count in counted.others.items()],
            sorted_by_margin=any(score.floor is not None for g in groups for p in g.accepted for score in p.scores),
        )
    )
