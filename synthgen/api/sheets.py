"""The contact sheet of all pictures, `sheet/` of a run: made when it is asked for, and renewed with the dataset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.arguments import number_of, text_of_path
from synthgen.api.publishing import committed
from synthgen.api.results import digest_of_file
from synthgen.api.sheet_record import (
    MOST_PER_PAGE,
    PER_PAGE,
    RECORD,
    PageRecord,
    as_page_record,
    is_page,
    read_page_record,
)
from synthgen.errors import StorageError, UsageError
from synthgen.files import as_damage, as_storage_error, refuse_links, write_file
from synthgen.inert import inert
from synthgen.leftovers import scratch_folder
from synthgen.pages.facts import asked, limits
from synthgen.planning import Plan
from synthgen.records import Reason, Verdict
from synthgen.running import RunState
from synthgen.store import Location, RunStore, layout, open_store
from synthgen.store.layout import PAGES, SUMMARY

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow
    from synthgen.pages.whole import PageLook

_SCRATCH = "synthgen-upload"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The contact sheet of all pictures of a run.

    Attributes:
        index: the page to begin with.
        pages: how many pages of pictures there are; `written` of them were written now, the others were there.
        hidden: how many attempts are on no page, by why.

    Example:
        >>> found = synthgen.sheet("outputs/quickstart")
        >>> found.index
        'outputs/quickstart/sheet/index.html'
    """

    index: str
    pages: int
    pictures: int
    written: int
    hidden: Mapping[str, int]

    def __repr__(self) -> str:
        return f"<Sheet {inert(self.index)}: {self.pictures:,} pictures on {self.pages:,} pages>"


def sheet(location: Location, *, per_page: int | None = None) -> Sheet:
    """Write every picture of a run's committed shards on pages to look through and tick, `RUN/sheet/`.

    Pages whose pictures did not change stay as they are. From then on, whatever builds the dataset again renews them.

    Args:
        per_page: pictures on a page, 1 to 1000. By default, as many as before, and 200 the first time.

    Raises:
        UsageError: no shard is committed.
        StorageError: the run cannot be read or written, or `sheet` in it is not synthgen's.

    Example:
        >>> synthgen.sheet("outputs/quickstart", per_page=5).pictures >= 8
        True
    """
    if per_page is not None:
        per_page = number_of(per_page, "per_page")
        if per_page > MOST_PER_PAGE:
            raise UsageError(f"expected at most {MOST_PER_PAGE}, found {per_page}", argument="per_page")
    store = open_store(text_of_path(location, "location"))
    planned = runs.open_run(store)
    with runs.changing(store):
        state = runs.read_state(planned, store)
        if not state.done:
            hint = "Make one first: `synthgen run` goes on with the run."
            raise UsageError(f"{store.location}: no shard is committed, so there is no picture", hint=hint)
        before = read_page_record(store)
        return _write(planned, store, state, before, per_page or (before.per_page if before else PER_PAGE))


def renew_pages(planned: Plan, store: RunStore) -> None:
    """Renew the pages of a run that has them. Whoever calls this holds the run.

    Raises:
        StorageError: the run cannot be read or written.
    """
    if (before := read_page_record(store)) is not None:
        _write(planned, store, runs.read_state(planned, store), before, before.per_page)


def _write(planned: Plan, store: RunStore, state: RunState, before: PageRecord | None, per_page: int) -> Sheet:
    from synthgen.ledger.tally import read_tally
    from synthgen.pages.whole import INDEX, PagePlaces, count_rows, fingerprints, write_index, write_pages

    hides = _hidden_verdicts(planned)
    counts = count_rows(_facts(store, state))
    hidden = {hides[verdict]: 0 for verdict in hides}
    for verdict, kind in [key for key in counts if key[0] in hides]:
        hidden[hides[verdict]] += counts.pop((verdict, kind))
    places, look = PagePlaces.of(planned.spec.classes, counts, per_page), _look(planned)
    now = fingerprints(_facts(store, state), places, look)
    there = set(store.names(PAGES))
    kept = {
        name: made
        for name, made in (before.pages if before else {}).items()
        if f"{PAGES}/{name}" in there and now.get(name.removesuffix(".html")) == made[0]
    }
    wanted = [page for page in places.pages if f"{page}.html" not in kept]
    quotas = {name: kind.count for name, kind in planned.spec.classes.items()}
    ledgers = [committed(store, record.ledger.name) for record in state.done.values()]
    headline = read_tally(ledgers, quotas, state.review).headline
    result = Sheet(f"{store.location}/{PAGES}/{INDEX}", len(places.pages), sum(counts.values()), len(wanted), hidden)
    index = _fingerprint(now, headline, hidden)
    if not wanted and before and before.pages.get(INDEX, ("",))[0] == index and f"{PAGES}/{INDEX}" in there:
        return result

    with _writing(store, PageRecord(per_page, kept)) as (folder, waiting):
        write_pages(_rows(store, state) if wanted else (), folder, waiting, places=places, look=look, wanted=wanted)
        write_index(folder, places=places, look=look, headline=headline, hidden=hidden)
        made = {f"{page}.html": (now[page], digest_of_file(folder / f"{page}.html")) for page in wanted}
        made[INDEX] = index, digest_of_file(folder / INDEX)
        write_file(folder / SUMMARY, as_page_record(PageRecord(per_page, {**kept, **made})))
    return result


def _look(planned: Plan) -> PageLook:
    from synthgen.pages.whole import PageLook

    return PageLook(planned.spec.name, planned.fingerprint, limits(planned.spec), asked(planned).balanced)


def _hidden_verdicts(planned: Plan) -> dict[str, str]:
    """Return the outcomes of which there is nothing to see, each with why."""
    output = planned.spec.output
    found = {str(Verdict.FAILED): "attempts gave no image"}
    if planned.early is not None:
        found[Reason.EARLY] = "were stopped early: they have no image"
    if output.rejects.keep == "scores":
        found[Verdict.REJECTED] = "were rejected, and output.rejects.keep: scores kept no thumbnails"
        if output.surplus == "drop":
            found[Verdict.SURPLUS] = "were more than needed, and output.rejects.keep: scores kept no thumbnails"
    return found


def _facts(store: RunStore, state: RunState) -> Iterator[tuple[str, str, object]]:
    """Yield, of each attempt in the order of ids, what the filters said, its class, and what decides its looks."""
    from synthgen.ledger.source import batches

    review = state.review
    for record in state.done.values():
        ledger, digest = committed(store, record.ledger.name), record.ledger.sha256
        for batch in batches(ledger, ("id", "class", "verdict", "reason")):
            with as_damage(ledger):
                rows = [(str(row["id"]), str(row["class"]), _outcome(row)) for row in batch.to_pylist()]
            for name, kind, outcome in rows:
                word = review.excluded.get(name) or review.included.get(name)
                yield outcome, kind, [name, digest, word and str(word)]


def _rows(store: RunStore, state: RunState) -> Iterator[tuple[str, LedgerRow]]:
    from synthgen.pages.sheet import ledger_rows

    for record in state.done.values():
        for row in ledger_rows([committed(store, record.ledger.name)]):
            yield _outcome(row), state.review.read(row)


def _outcome(row: Mapping[str, object]) -> str:
    """Return the verdict on an attempt; of one that was stopped early, the reason: there is nothing to see."""
    return Reason.EARLY.value if row["reason"] == Reason.EARLY else Verdict(str(row["verdict"])).value


def _fingerprint(pages: Mapping[str, str], headline: str, hidden: Mapping[str, int]) -> str:
    return sha256(json.dumps([pages, headline, hidden]).encode()).hexdigest()


@contextmanager
def _writing(store: RunStore, kept: PageRecord) -> Iterator[tuple[Path, Path]]:
    """Give the folder to write pages in, and one for what waits for its page.

    Until the new record is written, at the end, there is one that vouches only for the pages that are kept.
    """
    if store.folder is None:
        with scratch_folder(Path(gettempdir()), _SCRATCH, mode=0o700) as scratch:
            folder, waiting = scratch / "pages", scratch / "waiting"
            folder.mkdir()
            waiting.mkdir()
            yield folder, waiting
            _upload(folder, store, kept)
        return
    folder = store.folder / PAGES
    _check_place(store, folder)
    with as_storage_error(folder), scratch_folder(store.folder, f".{PAGES}.new") as waiting:
        write_file(folder / SUMMARY, as_page_record(kept))
        for name in store.names(PAGES):
            if is_page(name) and name.partition("/")[2] not in kept.pages:
                store.delete(name)
        yield folder, waiting


def _check_place(store: RunStore, folder: Path) -> None:
    """Refuse a folder that somebody else made.

    Raises:
        StorageError: it holds files, and none of them is the record of pages or a page.
    """
    refuse_links(folder.parent, folder)
    there = [name for name in store.names_below(PAGES) if not layout.is_temporary(name)]
    if there and RECORD not in there and not any(map(is_page, there)):
        hint = "Move it away, and try again."
        raise StorageError(f"{folder} is in the way: synthgen did not make it", hint=hint)


def _upload(folder: Path, store: RunStore, kept: PageRecord) -> None:
    """Replace the pages in a bucket. The record is gone first and there last: where it is, the pages are as it says."""
    store.delete(RECORD)
    for name in store.names(PAGES):
        if is_page(name) and name.partition("/")[2] not in kept.pages:
            store.delete(name)
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == SUMMARY, path.name)):
        with path.open("rb") as source, store.write(f"{PAGES}/{path.name}") as target:
            shutil.copyfileobj(source, target, 1 << 20)
