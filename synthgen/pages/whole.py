"""Every picture of a run, on pages of bounded size, each to be ticked; and an index of them.

A picture stands on the pages of what the filters said of it, class after class, in the order of its id. What reviewers
decide changes how it is shown, not where: whoever goes through the pages one by one misses none. Memory holds one page
at a time; what belongs on pages that are not full yet waits on the disk.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from synthgen.files import as_storage_error
from synthgen.ledger.columns import LedgerRow
from synthgen.pages.page import environment, script, write_page
from synthgen.pages.sheet import picture_of
from synthgen.records import Rule, Verdict
from synthgen.version import __version__

HEADINGS = {Verdict.ACCEPTED: "Accepted", Verdict.SURPLUS: "Surplus", Verdict.REJECTED: "Rejected"}
"""The outcomes whose pictures are shown, in this order."""
INDEX = "index.html"
_ROOM = "synthgen.pages"
_HELD = 32 << 20
"""Characters of pictures that wait in memory; more wait on the disk."""


@dataclass(frozen=True, slots=True)
class PagePlaces:
    """Which picture stands on which page.

    Attributes:
        classes: in the order in which they follow each other.
        counts: how many pictures there are, by what the filters said and class.
    """

    classes: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]
    per_page: int

    @classmethod
    def of(cls, classes: Iterable[str], counts: Mapping[tuple[str, str], int], per_page: int) -> "PagePlaces":
        """Place pictures of `classes` first, and of classes that only `counts` knows after them."""
        shown = {key: count for key, count in counts.items() if key[0] in set(HEADINGS) and count}
        return cls(tuple(dict.fromkeys([*classes, *sorted(name for _, name in shown)])), shown, per_page)

    def total(self, verdict: str) -> int:
        return sum(count for (each, _), count in self.counts.items() if each == verdict)

    def pages_of(self, verdict: str) -> list[str]:
        """Name the pages of an outcome, such as "accepted-0001"."""
        return [f"{verdict}-{number + 1:04d}" for number in range(-(-self.total(verdict) // self.per_page))]

    @property
    def pages(self) -> list[str]:
        return [page for verdict in HEADINGS for page in self.pages_of(verdict)]

    def starts(self) -> dict[tuple[str, str], int]:
        """Return the position of the first picture of each outcome and class, among all of the outcome."""
        found: dict[tuple[str, str], int] = {}
        for verdict in HEADINGS:
            position = 0
            for kind in self.classes:
                found[verdict, kind] = position
                position += self.counts.get((verdict, kind), 0)
        return found

    def page_at(self, verdict: str, position: int) -> str:
        return f"{verdict}-{position // self.per_page + 1:04d}"


class Cursor:
    """Gives the page of each picture, for pictures in the order of their ids."""

    def __init__(self, places: PagePlaces) -> None:
        self._places, self._next = places, places.starts()

    def page_of(self, verdict: str, kind: str) -> str | None:
        """Return the page of the next picture of this outcome and class; None if it is not shown."""
        if (verdict, kind) not in self._places.counts:
            return None
        position = self._next[verdict, kind]
        self._next[verdict, kind] += 1
        return self._places.page_at(verdict, position)


@dataclass(frozen=True, slots=True)
class PageLook:
    """What pages show besides their pictures.

    Attributes:
        key: tells the reviews of one run from those of another in a browser's storage.
        limits: by class, the rules on scores.
        balanced: the attributes that are balanced.
    """

    title: str
    key: str
    limits: Mapping[str, Sequence[Rule]]
    balanced: Sequence[str]

    def facts(self, places: PagePlaces) -> list[object]:
        """Return all that decides how a page looks, as JSON types."""
        counts = sorted([*key, count] for key, count in places.counts.items())
        limits = sorted((name, [repr(rule) for rule in rules]) for name, rules in self.limits.items())
        return [__version__, self.title, self.key, limits, list(self.balanced), places.per_page, places.classes, counts]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The pictures of one class on a page, as HTML; `count` is how many there are on all pages."""

    index: int
    name: str
    count: int
    cards: Sequence[Markup]


def write_pages(
    rows: Iterable[tuple[str, LedgerRow]],
    folder: Path,
    waiting: Path,
    *,
    places: PagePlaces,
    look: PageLook,
    wanted: Collection[str],
) -> None:
    """Write the pages `wanted` into `folder`.

    Args:
        rows: what the filters said of an attempt, and its row as it counts now; in the order of their ids.
        waiting: an empty folder for pictures whose page is not full yet.

    Raises:
        StorageError: a row is not valid, or a file cannot be written.
    """
    index = {name: number for number, name in enumerate(places.classes)}
    card = _environment().get_template("card.html.j2").module.card  # type: ignore[attr-defined] # its macro
    around = _neighbours(places.pages)
    held = _Cards(waiting)
    cursor = Cursor(places)
    for verdict, row in rows:
        kind = row["class"]
        if (page := cursor.page_of(verdict, kind)) is not None and page in wanted:
            picture = picture_of(row, look.limits.get(kind, ()), look.balanced)
            held.add(page, index[kind], str(card(picture, kind, True)))

    for page in wanted:
        verdict = page.partition("-")[0]
        shelves = [
            _Shelf(number, name := places.classes[number], places.counts[verdict, name], cards)
            for number, cards in held.of(page)
        ]
        before, after = around[page]
        text = _rendered(
            "whole.html.j2", look, page=page, before=before, after=after, heading=HEADINGS[Verdict(verdict)],
            number=int(page.rpartition("-")[2]), of=len(places.pages_of(verdict)), shelves=shelves,
        )  # fmt: skip
        write_page(folder / f"{page}.html", text)


def write_index(folder: Path, *, places: PagePlaces, look: PageLook, headline: str, hidden: Mapping[str, int]) -> None:
    """Write the index of all pages into `folder`.

    Args:
        hidden: how many attempts are on no page, by why, in words.

    Raises:
        StorageError: it cannot be written.
    """
    starts = places.starts()
    rows = [
        {
            "index": number,
            "name": name,
            "places": [
                {
                    "count": places.counts.get((verdict, name), 0),
                    "page": places.page_at(verdict, starts[verdict, name]),
                }
                for verdict in HEADINGS
            ],
        }
        for number, name in enumerate(places.classes)
    ]

    sides = [{"heading": heading, "pages": places.pages_of(verdict)} for verdict, heading in HEADINGS.items()]
    text = _rendered(
        "whole-index.html.j2", look, page="index", index=True, pages=len(places.pages),
        pictures=sum(places.counts.values()), rows=rows, sides=sides, headline=headline,
        hidden={what: count for what, count in hidden.items() if count},
    )  # fmt: skip
    write_page(folder / INDEX, text)


def fingerprints(rows: Iterable[tuple[str, str, object]], places: PagePlaces, look: PageLook) -> dict[str, str]:
    """Return a fingerprint of everything that each page is made from.

    Args:
        rows: what the filters said of an attempt, its class, and all else that decides how it is shown; in the order
            of their ids.
    """
    whole = sha256(json.dumps(look.facts(places)).encode())
    found = {page: whole.copy() for page in places.pages}
    cursor = Cursor(places)
    for verdict, kind, fact in rows:
        if (page := cursor.page_of(verdict, kind)) is not None:
            found[page].update(json.dumps(fact).encode())
    return {page: digest.hexdigest() for page, digest in found.items()}


def count_rows(rows: Iterable[tuple[str, str, object]]) -> Counter[tuple[str, str]]:
    """Count what `fingerprints` takes, by what the filters said and class."""
    return Counter((verdict, kind) for verdict, kind, _ in rows)


@cache
def _environment() -> Environment:
    return environment(_ROOM)


def _rendered(template: str, look: PageLook, **values: object) -> str:
    text = Markup("\n").join([script(_ROOM, "review.js"), script(_ROOM, "carry.js")])
    found = _environment().get_template(template)
    return found.render(title=look.title, set_key=look.key, reviewable=True, script=text, **values)


def _neighbours(pages: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    before = {after: page for page, after in pairwise(pages)}
    after = dict(pairwise(pages))
    return {page: (before.get(page), after.get(page)) for page in pages}


class _Cards:
    """Pictures, as HTML, that wait until their page is written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._size = folder, 0
        self._held: dict[str, list[str]] = {}

    def add(self, page: str, number: int, card: str) -> None:
        """Keep a picture of the class of this number."""
        self._held.setdefault(page, []).append(json.dumps([number, card]))
        self._size += len(card)
        if self._size > _HELD:
            self._put_down()

    def of(self, page: str) -> Iterator[tuple[int, list[Markup]]]:
        """Yield the pictures of a page, class by class."""
        path, lines = self._folder / page, list[str]()
        with as_storage_error(path):
            if path.exists():
                lines = path.read_text("utf-8").splitlines()
        found: dict[int, list[Markup]] = {}
        for number, card in map(json.loads, [*lines, *self._held.pop(page, ())]):
            found.setdefault(number, []).append(Markup(card))
        yield from sorted(found.items())

    def _put_down(self) -> None:
        for page, cards in self._held.items():
            with as_storage_error(self._folder / page), (self._folder / page).open("a", encoding="utf-8") as file:
                file.writelines(f"{card}\n" for card in cards)
        self._held, self._size = {}, 0
