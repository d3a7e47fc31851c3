"""The end of a run: build the dataset and the contact sheet from its shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.publishing import (
    DATASET,
    SHEET,
    clear_leftovers,
    committed,
    digests_of,
    own_files,
    published,
    publishing,
)
from synthgen.api.results import RESULTS, Results, digest_of_file, read_results, sheet_fingerprint, write_results
from synthgen.errors import QuotaNotMet, StorageError, UsageError
from synthgen.files import as_damage
from synthgen.planning import Plan
from synthgen.records import Reason, Rule, ShardRecord, Shortfall
from synthgen.running import RunState
from synthgen.spec import UNKNOWN, Spec
from synthgen.store import Location, RunStore, open_store
from synthgen.store.layout import SPEC

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.composition import BalanceRequest
    from synthgen.ledger.source import Source
    from synthgen.ledger.tally import Tally

_CLASSES = 12
"""With more classes, thresholds are shown as a range."""


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

    @property
    def missing(self) -> int:
        """How many images the dataset lacks, counted class by class."""
        return self.summary.missing({kind.name: kind.quota for kind in self.tally.classes})


def finalize(location: Location) -> RunResult:
    """Build the dataset and the contact sheet of a run whose shards are all committed. Idempotent.

    Raises:
        UsageError: shards are missing.
        QuotaNotMet: not a single image was accepted.
    """
    store = open_store(location)
    return finalized(runs.open_run(store), store, fresh=0)


def finalized(planned: Plan, store: RunStore, *, fresh: int) -> RunResult:
    """Do what `finalize` does, after `fresh` shards were made."""
    from synthgen.ledger.tally import read_tally

    spec, state = planned.spec, runs.read_state(planned, store)
    _refuse_unfinished(store, state)
    clear_leftovers(store, state.orphans)  # a reader of all files in the folder would count rows twice
    records = list(state.done.values())
    tally = read_tally(_ledgers(store, records), _quotas(spec))
    before, recorded = published(store), read_results(store)
    inputs = sheet_fingerprint(planned, records)
    sheet = _sheet_there(store, recorded, inputs)

    with publishing(store) as folder:
        if sheet is None:
            _check_ledgers(store, records)
            store.delete(RESULTS)  # until the new one exists, nothing vouches for the sheet
            recorded = None
        summary = _build(planned, store, folder, records, tally, before) if tally.accepted else None
        if sheet is None:
            _show(planned, store, folder, records)
            sheet = digest_of_file(folder / SHEET)
        results = Results(inputs, {SHEET: sheet, **(digests_of(summary) if summary else {})})
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
    )


def _refuse_unfinished(store: RunStore, state: RunState) -> None:
    if state.damaged:
        shard, why = next(iter(state.damaged.items()))
        raise StorageError(
            f"{store.location}: shard {shard} is damaged: {why}",
            hint="Run `synthgen repair`, and then run again.",
        )
    if not state.complete:
        raise UsageError(
            f"{store.location}: {len(state.pending)} of {state.shard_count} shards are not committed yet",
            hint="`synthgen run` with the same spec makes them, and so do `synthgen work`'s tasks.",
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
    records: Sequence[ShardRecord],
    tally: Tally,
    before: DatasetSummary | None,
) -> DatasetSummary:
    from synthgen.dataset.finalize import finalize as build
    from synthgen.dataset.provenance import Provenance

    spec = planned.spec
    return build(
        [committed(store, record.images.name) for record in records],
        folder / DATASET,
        digests=[record.images.sha256 for record in records],
        there=before,
        own=own_files(store),
        name=spec.name,
        classes=list(spec.classes),
        splits=spec.output.splits,
        drop=spec.filters.duplicates,
        provenance=Provenance(
            model=spec.model.id,
            judge=spec.judge.id,
            spec=_spec_text(planned, store),
            fingerprint=planned.fingerprint,
            tally=tally,
            model_revision=planned.revisions.generator,
            settings=facts(planned),
            versions=records[0].provenance if records else {},
            asked=asked(planned),
        ),
    )


def _show(planned: Plan, store: RunStore, folder: Path, records: Sequence[ShardRecord]) -> None:
    from synthgen.pages.sheet import ledger_rows, write_sheet

    write_sheet(
        ledger_rows(_ledgers(store, records)),
        folder / SHEET,
        title=planned.spec.name,
        quotas=_quotas(planned.spec),
        limits=limits(planned.spec),
        facts=facts(planned),
        asked=asked(planned),
    )


def _spec_text(planned: Plan, store: RunStore) -> str:
    """Return the spec as its author wrote it, preceded by the counts that the run has grown to since."""
    text = runs.kept_spec(store)
    if text is None:  # written by an earlier version
        with as_damage(f"{store.location}/{SPEC}"):
            text = store.read(SPEC).decode()
    if not any(addition.extends for addition in planned.additions):
        return text
    counts = ", ".join(f"{name} {kind.count}" for name, kind in planned.spec.classes.items())
    return f"# --extend: {counts}\n{text}"


def limits(spec: Spec) -> dict[str, tuple[Rule, ...]]:
    """Return, by class, the rules on scores."""
    from synthgen.planning.rules import rules_of

    told = tuple(
        Rule(Reason.ATTRIBUTE, f"{entry.attribute}_posterior", floor=spec.attributes[entry.attribute].abstain_below)
        for entry in spec.balance
    )
    return {name: (*rules_of(spec, name), *told) for name in spec.classes}


def asked(planned: Plan) -> BalanceRequest:
    """Return what the plan measures and balances."""
    from synthgen.ledger.composition import BalanceRequest

    spec = planned.spec
    answers = {name: (*attribute.groups, UNKNOWN) for name, attribute in spec.attributes.items()}
    return BalanceRequest(
        answers, tuple(entry.attribute for entry in spec.balance), planned.cells if spec.balance else ()
    )


def facts(planned: Plan) -> dict[str, str]:
    """Return how a run samples and filters, in the words of the contact sheet and the card."""
    from synthgen.pages.sheet import watched

    model = planned.spec.model
    facts = {"model": model.id, "steps": str(model.steps), "guidance": f"{model.guidance:g}"}
    floors: dict[str, dict[str, float]] = {}
    for name, of_class in limits(planned.spec).items():
        for limit in of_class:
            if watched(limit):
                floors.setdefault(limit.score, {})[name] = limit.floor
    facts |= {score.replace("_", " "): f"at least {_by_class(by_class)}" for score, by_class in floors.items()}
    facts |= {"calibrated for": planned.promise} if planned.promise else {}
    facts |= {key.replace("measures.", "measure "): release for key, release in planned.revisions.plugins.items()}
    return facts | {"judge": planned.spec.judge.id, "seed": str(planned.spec.seed)}


def _by_class(floors: Mapping[str, float]) -> str:
    least, most = min(floors.values()), max(floors.values())
    if least == most:
        return f"{least:g}"
    if len(floors) > _CLASSES:
        return f"{least:.4g} to {most:.4g}, by class"
    return ", ".join(f"{floor:.4g} ({name})" for name, floor in floors.items())
