"""The end of a run: build the dataset and the contact sheet from its shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.against import read_sets
from synthgen.api.arguments import flag_of, text_of_path
from synthgen.api.building import build_dataset, check_ledgers, ledgers_of, refuse_unfinished
from synthgen.api.distinct import facts_of_run
from synthgen.api.marking import check_signature
from synthgen.api.publishing import clear_leftovers, committed, digests_of, own_files, published, publishing
from synthgen.api.results import Results, digest_of_file, read_results, records_of, sheet_fingerprint, write_results
from synthgen.api.review_notes import warn_of_lost, warn_of_void
from synthgen.api.sheets import renew_pages
from synthgen.api.trust import pinned_of_dataset, require_trust
from synthgen.errors import QuotaNotMet
from synthgen.events import OnProgress, ignore
from synthgen.fragments import fragment, paragraph
from synthgen.inert import inert
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.pages.facts import asked, facts, limits
from synthgen.planning import Plan
from synthgen.records import Shortfall
from synthgen.running import RunState
from synthgen.spec import OWN_FORMATS, Spec
from synthgen.store import Location, RunStore, open_store
from synthgen.store.layout import DATASET, RESULTS, SHEET

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.stopped import Stopped
    from synthgen.ledger.tally import Tally
    from synthgen.pages.near import NearShelf


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        folder: the run's folder or address, which contains dataset and sheet.
        fresh: shards made by this call; 0 if all were done before.
        rebuilt: whether this call wrote the dataset; False if it existed already.
        tally: the outcomes of all attempts, per class.
        shortfalls: the cells that are not full.
        seconds: work time of all committed shards.
        spec: the spec of the run, with thresholds in place of files.
        review: the images that reviewers took out or in.
        kept_bytes: disk space of images that were not accepted and whose pixels the ledger keeps.
        stopped: what early rejection stopped, and what it may have lost; None where nothing could be stopped.

    Example:
        >>> result = synthgen.run("specs/quickstart.yaml", "outputs/quickstart")
        >>> {kind.name: kind.accepted for kind in result.tally.classes}
        {'doctor': 4, 'chef': 4}
    """

    folder: str
    dataset: str
    sheet: str
    fresh: int
    rebuilt: bool
    tally: Tally
    summary: DatasetSummary
    shortfalls: tuple[Shortfall, ...]
    seconds: float
    spec: Spec
    review: Review = NO_REVIEW
    kept_bytes: int = 0
    stopped: Stopped | None = None

    def __repr__(self) -> str:
        images = f"{self.summary.rows:,} of {self.spec.total:,} images"
        return f"<RunResult {inert(self.folder)}: {images} from {self.tally.attempted:,} attempts>"

    def _repr_html_(self) -> str:
        """Show the counts of each class, the reasons and where the files are, in a notebook."""
        title = f"{self.spec.name}: {self.summary.rows:,} of {self.spec.total:,} images"
        splits = ", ".join(f"{split.name} {split.rows:,}" for split in self.summary.splits)
        places = f"dataset {self.dataset}: {splits}", f"contact sheet {self.sheet}"
        return fragment(title, *self.tally.tables(), *map(paragraph, places))

    @property
    def missing(self) -> int:
        """How many images the dataset lacks, counted class by class; with images taken in, also cell by cell."""
        by_class = self.summary.missing({kind.name: kind.quota for kind in self.tally.classes})
        return max(by_class, sum(short.missing for short in self.shortfalls))


def finalize(location: Location, *, trust: bool = False, on_progress: OnProgress = ignore) -> RunResult:
    """Build the dataset and the contact sheet of a run whose shards are all committed. Idempotent.

    Args:
        trust: open a plug-in that the run names as its dataset's format and this machine does not know.
        on_progress: hears how many images are written.

    Raises:
        UsageError: shards are missing, or the run names an unknown format and `trust` is false.
        QuotaNotMet: not a single image was accepted.

    Example:
        >>> planned = synthgen.begin("specs/quickstart.yaml", "outputs/tasks")
        >>> outcome = synthgen.work("outputs/tasks")
        >>> synthgen.finalize("outputs/tasks").dataset
        'outputs/tasks/dataset'
    """
    store, trust = open_store(text_of_path(location, "location")), flag_of(trust, "trust")
    planned = runs.open_run(store)
    require_trust(pinned_of_dataset(planned), store.location, trust=trust)
    return finalized(planned, store, fresh=0, on_progress=on_progress)


def finalized(planned: Plan, store: RunStore, *, fresh: int, on_progress: OnProgress = ignore) -> RunResult:
    """Do what `finalize` does, after `fresh` shards were made. It does not check trust."""
    check_signature(planned.spec)
    with runs.changing(store):
        result = _finalized(planned, store, fresh, on_progress)
        renew_pages(planned, store)
        return result


def _finalized(planned: Plan, store: RunStore, fresh: int, on_progress: OnProgress) -> RunResult:
    from synthgen.ledger.source import pixel_bytes
    from synthgen.ledger.stopped import read_stopped
    from synthgen.ledger.tally import read_tally

    spec, state = planned.spec, runs.read_state(planned, store)
    refuse_unfinished(store, state)
    warn_of_void(store, state)
    clear_leftovers(store, state.orphans)  # a reader of all files in the folder would count rows twice
    records = list(state.done.values())
    tally = read_tally(ledgers_of(store, records), _quotas(spec), state.review)
    before, recorded = published(store), read_results(store)
    warn_of_lost(store, recorded)
    compared = read_sets(planned, on_progress)
    inputs = sheet_fingerprint(planned, records, state.review, compared.facts)
    sheet = _sheet_there(store, recorded, inputs)
    told = facts(planned) | facts_of_run(
        [committed(store, one.images.name) for one in records], ledgers_of(store, records)
    )
    stopped = read_stopped(ledgers_of(store, records), list(spec.classes), list(spec.attributes))
    told |= {"early rejection": "; ".join(stopped.lines)} if stopped is not None else {}

    own = own_files(store)
    with publishing(store) as folder:
        if sheet is None:
            check_ledgers(store, records)
            store.delete(RESULTS)  # until the new one exists, nothing vouches for the sheet
            recorded = None
        build = partial(
            build_dataset, planned, store, folder / DATASET, state, spec.output, tally, told, compared.others
        )
        summary = build(before=before, own=own, on_progress=on_progress) if tally.accepted else None
        if sheet is None:
            _show(planned, store, folder, state, told, compared.shelves(summary), summary)
            sheet = digest_of_file(folder / SHEET)
        digests, origin = (digests_of(summary), summary.format.facts) if summary else ({}, {})
        results = Results(inputs, {SHEET: sheet, **digests}, origin, records_of(store), len(records))
        if results != recorded:
            write_results(results, folder)

    if summary is None:
        hint = f"Look at {store.location}/{SHEET}; `synthgen status {store.location}` says what attempts came to."
        raise QuotaNotMet("no image was accepted, so there is no dataset", hint=hint)
    return RunResult(
        folder=store.location,
        dataset=f"{store.location}/{DATASET}",
        sheet=f"{store.location}/{SHEET}",
        fresh=fresh,
        rebuilt=before != summary,
        tally=tally,
        summary=summary,
        shortfalls=state.shortfalls,
        seconds=state.seconds,
        spec=spec,
        review=state.review,
        kept_bytes=pixel_bytes(ledgers_of(store, records)),
        stopped=stopped,
    )


def check_format(spec: Spec) -> None:
    """Check, before any image is made, that the dataset's format can be opened with its options.

    Raises:
        UsageError: it cannot.
    """
    if any(name not in OWN_FORMATS for name in spec.output.formats):
        from synthgen.dataset.formats.opening import open_formats

        open_formats(spec.output.formats, spec.output.format_options)


def _quotas(spec: Spec) -> dict[str, int | None]:
    return {name: kind.count for name, kind in spec.classes.items()}


def _sheet_there(store: RunStore, recorded: Results | None, inputs: str) -> str | None:
    """Return the sha256 of the contact sheet if it is intact and was made from these ledgers."""
    if recorded is None or recorded.sheet != inputs or SHEET not in store.names(""):
        return None
    digest = store.describe(SHEET).sha256
    return digest if digest == recorded.files.get(SHEET) else None


def _show(
    planned: Plan,
    store: RunStore,
    folder: Path,
    state: RunState,
    told: Mapping[str, str],
    near: Sequence[NearShelf],
    summary: DatasetSummary | None,
) -> None:
    from synthgen.pages.sheet import ledger_rows, write_sheet

    write_sheet(
        map(state.review.read, ledger_rows(ledgers_of(store, list(state.done.values())))),
        folder / SHEET,
        title=planned.spec.name,
        quotas=_quotas(planned.spec),
        limits=limits(planned.spec),
        facts=told,
        asked=asked(planned),
        reviewable=True,
        near=near,
        there=summary.classes if summary else {},
    )
