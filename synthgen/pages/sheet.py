"""The contact sheet: one HTML file that shows what was accepted, what was rejected, and why."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import MappingProxyType

from synthgen.files import as_damage
from synthgen.ledger.columns import (
    FOR_DUPLICATES,
    LedgerRow,
    answers_of,
    attributes_in,
    posteriors_in,
    posteriors_of,
    scores_in,
    scores_of,
    settings_of,
)
from synthgen.ledger.composition import BalanceRequest, CellCount, Composition, emptiest
from synthgen.ledger.review import REVIEWER
from synthgen.ledger.source import Source, batches, schema_of
from synthgen.ledger.tally import MEANINGS, ClassTally, Fate, Tally, tally
from synthgen.pages.near import NearShelf
from synthgen.pages.page import data_uri, environment, script, write_page
from synthgen.pages.score import Score
from synthgen.records import Reason, Rule, Verdict
from synthgen.spec import UNKNOWN, on_one_line

PER_CLASS = 24
PER_SHEET = 2400
"""The most pictures in a sheet of very many classes: some 5 MB."""

_NONE = type(None)
_ALWAYS = {"id": (str,), "class": (str,), "prompt": (str,)}
_OFTEN = {"reason": (str, _NONE), "message": (str, _NONE), "thumbnail": (bytes, _NONE)}
_MEASURED = ((scores_in, (float, _NONE)), (attributes_in, (str, _NONE)), (posteriors_in, (dict, _NONE)))
"""The types that columns of the ledger may have."""

_NO_LIMITS: Mapping[str, Sequence[Rule]] = MappingProxyType({})
_NO_FACTS: Mapping[str, str] = MappingProxyType({})
_NOT_COUNTED: Mapping[str, int] = MappingProxyType({})
_NOTHING_ASKED = BalanceRequest()
# What says most about the filter comes first: its own decisions, starting with the closest ones.
_ORDER = {Verdict.REJECTED: 0, Verdict.FAILED: 1, Verdict.SURPLUS: 2}


def watched(rule: Rule) -> bool:
    """Return whether the rule's score is shown on every picture, and not only on those that the rule rejects."""
    shown = (Reason.LABEL, Reason.CLIP, Reason.KEPT, Reason.CHANGED, Reason.BOX, Reason.LEARNER)
    return rule.reason in shown


@dataclass(frozen=True, slots=True)
class SheetPicture:
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
    kept: bool
    settings: str = ""

    @property
    def decision(self) -> str | None:
        """What a reviewer can decide about it: `exclude` or `include`; None if its pixels are gone."""
        if self.accepted:
            return "exclude"
        return "include" if self.kept or self.reason == REVIEWER else None

    @property
    def accepted(self) -> bool:
        return self.verdict == Verdict.ACCEPTED

    @property
    def order(self) -> tuple[int, float, str]:
        """The sort key: pictures that were accepted or rejected by the narrowest margin come first."""
        failing = [score.margin for score in self.scores if score.broken]
        decisive = failing if self.verdict == Verdict.REJECTED else [score.margin for score in self.scores]
        return _ORDER.get(Verdict(self.verdict), 0), min(decisive, default=inf), self.id

    @property
    def uri(self) -> str | None:
        return data_uri(self.thumbnail)


@dataclass(frozen=True, slots=True)
class Group:
    """A class with its shown pictures, and the measured attributes of the accepted ones.

    Attributes:
        cells: the cells that are shown; of all its `cell_count` cells, `full` are full.
        measured: every answer of each attribute that is not balanced.
    """

    tally: ClassTally
    accepted: Sequence[SheetPicture]
    others: Sequence[SheetPicture]
    cells: Sequence[CellCount]
    cell_count: int
    full: int
    measured: Mapping[str, Sequence[CellCount]]


def ledger_rows(ledgers: Iterable[Source]) -> Iterator[LedgerRow]:
    """Read the rows of committed ledger files, one at a time. Of full images, they have only the `path`.

    Raises:
        StorageError: a file cannot be read, or a row is not valid.
    """
    for ledger in ledgers:
        there = [name for name in schema_of(ledger).names if name not in FOR_DUPLICATES]
        names = ["image.path" if name == "image" else name for name in there]
        for batch in batches(ledger, names):
            for row in batch.to_pylist():
                with as_damage(ledger):
                    _check(row)
                yield row


def _check(row: Mapping[str, object]) -> None:
    """Check the types of a row.

    Raises:
        LookupError, ValueError: it is not a row of a ledger.
    """
    Verdict(str(row["verdict"]))
    measured = {column: kinds for found, kinds in _MEASURED for column in found(row).values()}
    for name, kinds in {**_ALWAYS, **_OFTEN, **measured}.items():
        if not isinstance(row[name], kinds):
            raise ValueError(f"{row['id']!r} has {row[name]!r:.40} as its {name}")


def write_sheet(
    rows: Iterable[LedgerRow],
    path: Path,
    *,
    title: str,
    quotas: Mapping[str, int | None],
    limits: Mapping[str, Sequence[Rule]] = _NO_LIMITS,
    facts: Mapping[str, str] = _NO_FACTS,
    asked: BalanceRequest = _NOTHING_ASKED,
    per_class: int = PER_CLASS,
    reviewable: bool = False,
    near: Sequence[NearShelf] = (),
    there: Mapping[str, int] = _NOT_COUNTED,
) -> Tally:
    """Write the contact sheet of `rows` of the ledger, in any order, to `path`, whole or not at all.

    Args:
        quotas: of every class, in the spec's order; None if there is none, as in a preview.
        limits: by class, the rules on scores. With them, borderline pictures come first, and only the scores that are
            watched or decided are shown.
        facts: shown below the title, such as the model and its settings.
        asked: what is measured and balanced; shown beside the measurements of the accepted pictures.
        per_class: at most this many accepted pictures of a class, and as many others; fewer with very many classes.
        near: images that are too near to those of other sets.
        there: by class, how many images the dataset has; by default, all that were accepted.
        reviewable: add a filter, tick boxes, and a button that saves what was ticked: a file for `exclude`.

    Raises:
        StorageError: `path` cannot be written.
    """
    limit = min(per_class, max(1, PER_SHEET // (2 * max(len(quotas), 1))))
    fates: Counter[Fate] = Counter()
    shown: defaultdict[tuple[str, bool], _Best] = defaultdict(lambda: _Best(limit))
    composition = Composition(asked)
    too_near: dict[str, bytes | None] = {pair.id: None for each in near for pair in each.pairs}
    for row in rows:
        if row["id"] in too_near:
            too_near[row["id"]] = row["thumbnail"]
        picture = picture_of(row, limits.get(row["class"], ()), asked.balanced)
        fates[row["class"], picture.verdict, picture.reason] += 1
        shown[row["class"], picture.accepted].add(picture)
        if picture.accepted:
            composition.add(row["class"], answers_of(row))

    counted = tally(fates, quotas)
    groups = [
        _group(kind, shown[kind.name, True].pictures, shown[kind.name, False].pictures, composition, limit)
        for kind in counted.classes
    ]
    shelves = [each.with_pictures(too_near) for each in near]
    write_page(path, _rendered(title, facts, counted, groups, composition, shelves, there, reviewable=reviewable))
    return counted


def _group(
    kind: ClassTally,
    accepted: Sequence[SheetPicture],
    others: Sequence[SheetPicture],
    composition: Composition,
    limit: int,
) -> Group:
    cells = list(composition.cells_of(kind.name).values())
    full = sum(not cell.short for cell in cells)
    measured = {name: composition.answers_of(name, kind.name) for name in composition.free} if kind.accepted else {}
    return Group(kind, accepted, others, emptiest(cells, limit), len(cells), full, measured)


class _Best:
    """The first `limit` pictures by their order, with at most twice as many in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: list[SheetPicture] = []

    def add(self, picture: SheetPicture) -> None:
        self._held.append(picture)
        if len(self._held) > 2 * self._limit:
            self._held = self.pictures

    @property
    def pictures(self) -> list[SheetPicture]:
        return sorted(self._held, key=lambda picture: picture.order)[: self._limit]


def picture_of(row: LedgerRow, limits: Sequence[Rule], balanced: Sequence[str]) -> SheetPicture:
    return SheetPicture(
        id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        message=row["message"] or (_homeless(row, balanced) if row["reason"] == Reason.ATTRIBUTE else None),
        prompt=row["prompt"],
        seed=row.get("seed"),
        scores=tuple(_scores(row, limits)),
        attributes=tuple((name.replace("_", " "), value) for name, value in answers_of(row).items()),
        thumbnail=row["thumbnail"],
        kept=row.get("image") is not None,
        settings=on_one_line(settings_of(row)),
    )


def _scores(row: LedgerRow, limits: Sequence[Rule]) -> Iterator[Score]:
    """Choose the scores that filters watch, and others that decided; all scores if none is watched."""
    by_name = {limit.score: limit for limit in limits if watched(limit) or limit.reason == row["reason"]}
    watching = any(watched(limit) for limit in limits)
    for name, value in scores_of(row).items():
        if value is not None:
            score = Score(name.replace("_", " "), value, limit := by_name.get(name))
            if not watching or (limit and (watched(limit) or score.broken)):
                yield score


def _homeless(row: LedgerRow, balanced: Sequence[str]) -> str | None:
    """Describe a picture that fits no cell: by its most likely answers if the judge was unsure, else by its answers."""
    answers = answers_of(row)
    measured = {name: answers.get(name) for name in balanced}
    unsure = [name for name, answer in measured.items() if answer == UNKNOWN]
    likeliest = {name: max(found, key=found.__getitem__) for name in unsure if (found := posteriors_of(row, name))}
    shown = ", ".join(f"{name.replace('_', ' ')} {answer!r}" for name, answer in (likeliest or measured).items())
    if unsure:
        return f"likeliest: {shown}" if likeliest else None
    return f"no cell asks for {shown}" if shown else None


def _rendered(
    title: str,
    facts: Mapping[str, str],
    counted: Tally,
    groups: Sequence[Group],
    composition: Composition,
    near: Sequence[NearShelf],
    there: Mapping[str, int],
    *,
    reviewable: bool,
) -> str:
    active = {"script": script("synthgen.pages", "review.js")} if reviewable else {}
    return (
        environment("synthgen.pages")
        .get_template("sheet.html.j2")
        .render(
            title=title,
            facts=facts,
            tally=counted,
            groups=groups,
            near=near,
            there=there,
            left_out=sum(kind.accepted - there.get(kind.name, kind.accepted) for kind in counted.classes),
            missing=sum(max((kind.quota or 0) - there.get(kind.name, kind.accepted), 0) for kind in counted.classes),
            others=[(reason, count, MEANINGS.get(reason, "")) for reason, count in counted.others.items()],
            balanced=composition.asked.balanced,
            measured={name: composition.answers_of(name) for name in composition.free} if counted.accepted else {},
            sorted_by_margin=any(score.limit is not None for g in groups for p in g.accepted for score in p.scores),
            reviewable=reviewable,
            **active,
        )
    )
