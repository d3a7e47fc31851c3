"""The end of a run: build the dataset and the contact sheet from its shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.against import ReadSets, read_sets
from synthgen.api.arguments import flag_of, text_of_path
from synthgen.api.distinct import facts_of_run
from synthgen.api.dividing import rules_of_splits
from synthgen.api.publishing import clear_leftovers, committed, digests_of, own_files, published, publishing
from synthgen.api.results import Results, digest_of_file, read_results, records_of, sheet_fingerprint, write_results
from synthgen.api.review_notes import warn_of_lost, warn_of_void
from synthgen.api.run_result import RunResult
from synthgen.api.sheets import renew_pages
from synthgen.api.trust import pinned_of_dataset, require_trust
from synthgen.errors import QuotaNotMet, StorageError, UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import as_damage
from synthgen.pages.facts import asked, facts, limits
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import RunState
from synthgen.running.attempts import shard_of
from synthgen.spec import OWN_FORMATS, Spec
from synthgen.spec.written import stands_alone, written_briefly
from synthgen.store import Location, RunStore, open_store
from synthgen.store.layout import DATASET, RESULTS, SHEET, SPEC

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.source import Source
    from synthgen.ledger.tally import Tally
    from synthgen.pages.near import NearShelf


def finalize(location: Location, *, trust: bool = False) -> RunResult:
    """Build the dataset and the contact sheet of a run whose shards are all committed. Idempotent.

    Args:
        trust: open a plug-in that the run names as its dataset's format and this machine does not know.

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
    return finalized(planned, store, fresh=0)


def finalized(planned: Plan, store: RunStore, *, fresh: int, on_progress: OnProgress = ignore) -> RunResult:
    """Do what `finalize` does, after `fresh` shards were made. It does not check trust."""
    with runs.changing(store):
        result = _finalized(planned, store, fresh, on_progress=on_progress)
        renew_pages(planned, store)
        return result


def _finalized(planned: Plan, store: RunStore, fresh: int, *, on_progress: OnProgress) -> RunResult:
    from synthgen.ledger.source import pixel_bytes
    from synthgen.ledger.tally import read_tally

    spec, state = planned.spec, runs.read_state(planned, store)
    _refuse_unfinished(store, state)
    warn_of_void(store, state)
    clear_leftovers(store, state.orphans)  # a reader of all files in the folder would count rows twice
    records = list(state.done.values())
    tally = read_tally(_ledgers(store, records), _quotas(spec), state.review)
    before, recorded = published(store), read_results(store)
    warn_of_lost(store, recorded)
    compared = read_sets(planned, on_progress)
    inputs = sheet_fingerprint(planned, records, state.review, compared.facts)
    sheet = _sheet_there(store, recorded, inputs)
    told = facts(planned) | facts_of_run(
        [committed(store, one.images.name) for one in records], _ledgers(store, records)
    )

    with publishing(store) as folder:
        if sheet is None:
            _check_ledgers(store, records)
            store.delete(RESULTS)  # until the new one exists, nothing vouches for the sheet
            recorded = None
        summary = _build(planned, store, folder, state, tally, before, told, compared) if tally.accepted else None
        if sheet is None:
            _show(planned, store, folder, state, told, compared.shelves(summary))
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
        kept_bytes=pixel_bytes(_ledgers(store, records)),
    )


def check_format(spec: Spec) -> None:
    """Check, before any image is made, that the dataset's format can be opened with its options.

    Raises:
        UsageError: it cannot.
    """
    if any(name not in OWN_FORMATS for name in spec.output.formats):
        from synthgen.dataset.formats.opening import open_formats

        open_formats(spec.output.formats, spec.output.format_options)


def _refuse_unfinished(store: RunStore, state: RunState) -> None:
    runs.check_intact(state, store.location)
    if not state.complete:
        shards = "shard is" if state.shard_count == 1 else "shards are"
        raise UsageError(
            f"{store.location}: {len(state.pending)} of {state.shard_count} {shards} not committed yet",
            hint=f"`synthgen run {store.location}` makes what is missing, and so do `synthgen work`'s tasks.",
        )


def _quotas(spec: Spec) -> dict[str, int | None]:
    return {name: kind.count for name, kind in spec.classes.items()}


def _ledgers(store: RunStore, records: Sequence[ShardRecord]) -> list[Source]:
    return [committed(store, record.ledger.name) for record in records]


def _sheet_there(store: RunStore, recorded: Results | None, inputs: str) -> str | None:
    """Return the sha256 of the contact sheet if it is intact and was made from these ledgers."""
    if recorded is None or recorded.sheet != inputs or SHEET not in store.names(""):
        return None
    digest = store.describe(SHEET).sha256
    return digest if digest == recorded.files.get(SHEET) else None


def _check_ledgers(store: RunStore, records: Sequence[ShardRecord]) -> None:
    """Compare every ledger with its commit.

    Raises:
        StorageError: a ledger differs from what was committed.
    """
    for record in records:
        if store.describe(record.ledger.name).sha256 != record.ledger.sha256:
            what = f"{store.location}/{record.ledger.name} is damaged: its sha256 is not the one of its commit"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")


def _build(
    planned: Plan,
    store: RunStore,
    folder: Path,
    state: RunState,
    tally: Tally,
    before: DatasetSummary | None,
    told: Mapping[str, str],
    compared: ReadSets,
) -> DatasetSummary:
    from synthgen.dataset.encoding import Encoding
    from synthgen.dataset.finalize import finalize as build
    from synthgen.dataset.formats.opening import open_formats
    from synthgen.dataset.provenance import Provenance, made_with

    spec, records, review = planned.spec, list(state.done.values()), state.review
    writer, origin = open_formats(spec.output.formats, spec.output.format_options)
    if review.included:
        _check_ledgers(store, [state.done[shard] for shard in sorted(set(map(shard_of, review.included)))])
    return build(
        [committed(store, record.images.name) for record in records],
        folder / DATASET,
        digests=[record.images.sha256 for record in records],
        there=before,
        own=own_files(store),
        review=review,
        ledgers=_ledgers(store, records),
        name=spec.name,
        classes=list(spec.classes),
        splits=rules_of_splits(planned),
        others=compared.others,
        drop=spec.filters.duplicates,
        writer=writer,
        provenance=Provenance(
            model=spec.model.id,
            judge=spec.judge.id,
            spec=(written := _spec_text(planned, store)),
            resolved=None if stands_alone(written) else written_briefly(spec),
            fingerprint=planned.fingerprint,
            tally=tally,
            model_revision=planned.revisions.generator,
            settings=told,
            versions=made_with(records),
            asked=asked(planned),
            format=origin,
            encoding=Encoding(spec.output.image.format, spec.output.image.quality),
            metadata=spec.metadata,
        ),
    )


def _show(
    planned: Plan,
    store: RunStore,
    folder: Path,
    state: RunState,
    told: Mapping[str, str],
    near: Sequence[NearShelf],
) -> None:
    from synthgen.pages.sheet import ledger_rows, write_sheet

    write_sheet(
        map(state.review.read, ledger_rows(_ledgers(store, list(state.done.values())))),
        folder / SHEET,
        title=planned.spec.name,
        quotas=_quotas(planned.spec),
        limits=limits(planned.spec),
        facts=told,
        asked=asked(planned),
        reviewable=True,
        near=near,
    )


def _spec_text(planned: Plan, store: RunStore) -> str:
    """Return the spec as its author last wrote it, preceded by the counts that the run has grown to since."""
    text, since = runs.kept_spec(store), 0
    for number, addition in enumerate(planned.additions, start=1):
        if addition.written is not None:
            text, since = addition.written, number
    if text is None:  # written by an earlier version
        with as_damage(f"{store.location}/{SPEC}"):
            text = store.read(SPEC).decode()
    if not any(addition.extends for addition in planned.additions[since:]):
        return text
    counts = ", ".join(f"{name} {kind.count}" for name, kind in planned.spec.classes.items())
    return f"# extended to: {counts}\n{text}"
