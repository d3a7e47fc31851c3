"""The dataset of a finished run: what `finalize` and `export` make of its shards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.dividing import rules_of_splits
from synthgen.api.marking import marking_of, signature_of
from synthgen.api.origins import last_spec, origin_of
from synthgen.api.papers import with_papers
from synthgen.api.publishing import committed
from synthgen.errors import StorageError, UsageError
from synthgen.events import OnProgress, ignore
from synthgen.pages.facts import asked
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import RunState
from synthgen.running.attempts import shard_of
from synthgen.spec import Output
from synthgen.spec.written import stands_alone, written_briefly
from synthgen.store import RunStore

if TYPE_CHECKING:
    from synthgen.dataset.against import OtherSet
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.source import Source
    from synthgen.ledger.tally import Tally


def refuse_unfinished(store: RunStore, state: RunState) -> None:
    """Check that all shards of a run are committed.

    Raises:
        UsageError: some are not.
    """
    runs.check_intact(state, store.location)
    if not state.complete:
        shards = "shard is" if state.shard_count == 1 else "shards are"
        raise UsageError(
            f"{store.location}: {len(state.pending)} of {state.shard_count} {shards} not committed yet",
            hint=f"`synthgen run {store.location}` makes what is missing, and so do `synthgen work`'s tasks.",
        )


def ledgers_of(store: RunStore, records: Sequence[ShardRecord]) -> list[Source]:
    """Return the ledgers of shards."""
    return [committed(store, record.ledger.name) for record in records]


def check_ledgers(store: RunStore, records: Sequence[ShardRecord]) -> None:
    """Compare every ledger with its commit.

    Raises:
        StorageError: a ledger differs from what was committed.
    """
    for record in records:
        if store.describe(record.ledger.name).sha256 != record.ledger.sha256:
            what = f"{store.location}/{record.ledger.name} is damaged: its sha256 is not the one of its commit"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")


def build_dataset(
    planned: Plan,
    store: RunStore,
    folder: Path,
    state: RunState,
    output: Output,
    tally: Tally,
    told: Mapping[str, str],
    others: Sequence[OtherSet] = (),
    *,
    before: DatasetSummary | None = None,
    own: Collection[str] = (),
    on_progress: OnProgress = ignore,
) -> DatasetSummary:
    """Make the dataset of a finished run in `folder`.

    Args:
        output: which formats are written, and how pictures are encoded.
        told: how the run was made, for the card.
        others: the sets that its images are compared with.
        before, own: `there` and `own` of `dataset.finalize`.

    Raises:
        UsageError, StorageError: as `dataset.finalize`.
    """
    from synthgen.dataset.encoding import Encoding
    from synthgen.dataset.finalize import finalize
    from synthgen.dataset.formats.opening import open_formats
    from synthgen.dataset.provenance import Provenance, made_with

    spec, records, review = planned.spec, list(state.done.values()), state.review
    writer, origin = open_formats(output.formats, output.format_options)
    signature = signature_of(spec)
    if review.included:
        check_ledgers(store, [state.done[shard] for shard in sorted(set(map(shard_of, review.included)))])
    return finalize(
        [committed(store, record.images.name) for record in records],
        folder,
        digests=[record.images.sha256 for record in records],
        there=before,
        own=own,
        review=review,
        ledgers=ledgers_of(store, records),
        name=spec.name,
        classes=list(spec.classes),
        splits=rules_of_splits(planned),
        others=others,
        labels=output.label_order(list(spec.classes)),
        seed=spec.seed,
        drop=spec.filters.duplicates,
        writer=writer,
        provenance=with_papers(
            Provenance(
                model=spec.model.id,
                judge=spec.judge.id,
                spec=(written := last_spec(planned, store)),
                resolved=None if stands_alone(written) else written_briefly(spec),
                fingerprint=planned.fingerprint,
                tally=tally,
                model_revision=planned.revisions.generator,
                settings=told,
                versions=made_with(records),
                asked=asked(planned),
                format=origin,
                encoding=Encoding(output.image.format, output.image.quality),
                marking=marking_of(planned),
                signed_by=signature.by if signature else None,
                origin=origin_of(planned, records, written),
                metadata=spec.metadata,
            ),
            planned,
            store,
        ),
        signature=signature,
        on_progress=on_progress,
    )
