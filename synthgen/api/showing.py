"""One attempt of a run: everything that is recorded of it, and why it was accepted or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.arguments import text_of_path, texts_of
from synthgen.api.explaining import Checked, checked, why
from synthgen.api.publishing import committed, published
from synthgen.errors import UsageError
from synthgen.files import as_damage
from synthgen.ledger.columns import (
    CELL_AIMED,
    CELL_FILLED,
    SOURCE_ID,
    SOURCE_LABEL,
    LedgerRow,
    answers_of,
    attributes_in,
    posteriors_of,
    scores_of,
    settings_of,
)
from synthgen.planning import Plan
from synthgen.records import Reason, Verdict
from synthgen.running.recorded import Recorded, RowPlace, find_recorded
from synthgen.spec import PARQUET, stage_name
from synthgen.store import Location, RunStore, open_store
from synthgen.store.layout import in_dataset

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything that a run has of one attempt.

    Attributes:
        is_committed: whether its shard is committed. If not, its batch is kept in the shard's journal, and is judged
            again when the shard is finished: verdict, scores and answers are those of now.
        class_name, cell_aimed, cell_filled: the requested class, the cell that the attempt aimed at, and the cell that
            the image fills; None where it is not recorded, or fills none.
        variables: those of its template, with their values.
        settings: what it drew of the model's settings; empty where all images have the same.
        verdict: None in a journal of an earlier version.
        reason: of the rule that rejected it, or the kind of its failure; None if it passed.
        why: the verdict explained in a sentence.
        scores: by name; None where one could not be measured.
        rules: every rule of the class on a score, in the order in which they were applied.
        answers: by attribute, the measured value, `unknown` or `not applicable`.
        posteriors: by attribute, the probability of each answer.
        seconds: the time of its batch, divided by the number of attempts in it, `batch_size`.
        ledger, images, journal: the files of the run that have it, each with its row, counted from 0; None if a file
            does not have it.
        dataset: the file of the finished dataset that has it, likewise.
        split: of the dataset.
        source: the id of the picture that it began from; None if it began from noise.
        source_label: the class of that picture, in runs that change classes; None in others.
        kept: the columns that it took over from that picture.
        then: what was done with the image after it was made, in its order; empty where nothing was.
        png: the picture; None if there was none, or its pixels were not kept.

    Example:
        >>> attempt, = synthgen.show("outputs/quickstart", ["00000-000000"])
        >>> attempt.prompt, attempt.batch_size
        ('a doctor', 8)
    """

    id: str
    shard: int
    attempt: int
    is_committed: bool
    class_name: str | None
    cell_aimed: str | None
    cell_filled: str | None
    template: str | None
    prompt: str
    negative_prompt: str
    variables: Mapping[str, str]
    settings: Mapping[str, str | int | float]
    seed: int
    verdict: str | None
    reason: str | None
    message: str | None
    why: str
    scores: Mapping[str, float | None]
    rules: tuple[Checked, ...]
    answers: Mapping[str, str]
    posteriors: Mapping[str, Mapping[str, float]]
    seconds: float
    batch_size: int
    ledger: RowPlace | None
    images: RowPlace | None
    journal: RowPlace | None
    dataset: RowPlace | None = None
    split: str | None = None
    source: str | None = None
    source_label: str | None = None
    kept: Mapping[str, object] = field(default_factory=dict)
    then: tuple[str, ...] = ()
    png: bytes | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"<Attempt {self.id}: {self.why}>"


def show(location: Location, image_ids: Sequence[str]) -> tuple[Attempt, ...]:
    """Read everything that a run has of these attempts, in their order. No model is loaded.

    Args:
        image_ids: as the ledger, the dataset and the contact sheet give them.

    Raises:
        UsageError: `location` has no run, or the run has no such attempt. The message says which it has.
        StorageError: a file of the run is damaged, or cannot be read.

    Example:
        >>> first, second = synthgen.show("outputs/quickstart", ["00000-000000", "00000-000001"])
        >>> second.prompt
        'a chef'
    """
    store = open_store(text_of_path(location, "location"))
    image_ids = texts_of(image_ids, "image_ids")
    if not image_ids:
        raise UsageError("expected ids of attempts, found an empty list", argument="image_ids")
    planned = runs.open_run(store)
    found = find_recorded(planned, store, image_ids)
    rows = _rows_of_dataset(store, [one.row["id"] for one in found if one.images is not None])
    return tuple(_attempt(planned, store, one, rows) for one in found)


def _attempt(planned: Plan, store: RunStore, found: Recorded, rows: Mapping[str, tuple[str, RowPlace]]) -> Attempt:
    place = found.ledger or found.journal
    assert place is not None, "it was found somewhere"
    row = found.row
    with as_damage(f"{store.location}/{place.file}"):
        verdict = Verdict(row["verdict"]).value if found.is_judged else None
        split, dataset = rows.get(row["id"], (None, None))
        return Attempt(
            id=row["id"],
            shard=int(row["shard"]),
            attempt=int(row["attempt"]),
            is_committed=found.ledger is not None,
            class_name=row.get("class"),
            cell_aimed=row.get(CELL_AIMED),
            cell_filled=row.get(CELL_FILLED),
            template=row.get("template"),
            prompt=row["prompt"],
            negative_prompt=row["negative_prompt"],
            variables=dict(json.loads(row.get("variables") or "{}")),
            settings=settings_of(row),
            seed=int(row["seed"]),
            verdict=verdict,
            reason=row["reason"],
            message=row["message"],
            why=why(planned, row, verdict),
            scores={name: _finite(value) for name, value in scores_of(row).items()},
            rules=tuple(checked(planned, row)) if _is_measured(row, verdict) else (),
            answers=answers_of(row),
            posteriors=_posteriors(row),
            seconds=_finite(float(row["seconds"])) or 0.0,
            batch_size=int(row["batch_size"]),
            ledger=found.ledger,
            images=found.images,
            journal=found.journal,
            dataset=dataset,
            split=split,
            source=row.get(SOURCE_ID),
            source_label=row.get(SOURCE_LABEL),
            kept={name: row.get(name) for name in (planned.sources.kept if planned.sources else ())},
            then=_stages(planned),
            png=found.png,
        )


def _is_measured(row: LedgerRow, verdict: str | None) -> bool:
    return verdict not in (None, Verdict.FAILED) and row["reason"] != Reason.EARLY


def _stages(planned: Plan) -> tuple[str, ...]:
    pinned = planned.revisions.components
    return tuple(then.described(pinned.get(stage_name(n), "")) for n, then in enumerate(planned.spec.then))


def _posteriors(row: LedgerRow) -> dict[str, dict[str, float]]:
    found = {name: posteriors_of(row, name) for name in attributes_in(row)}
    return {name: {each: share for each, share in shares.items() if isfinite(share)} for name, shares in found.items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _rows_of_dataset(store: RunStore, image_ids: Sequence[str]) -> dict[str, tuple[str, RowPlace]]:
    """Find images in the Parquet of the finished dataset: the split, the file and the row. Others are not searched."""
    summary = published(store) if image_ids else None
    if summary is None or PARQUET not in (summary.format.name, *(one.name for one in summary.format.beside)):
        return {}
    return dict(_found_in(store, summary, set(image_ids)))


def _found_in(store: RunStore, summary: DatasetSummary, wanted: set[str]) -> list[tuple[str, tuple[str, RowPlace]]]:
    import pyarrow.parquet as pq

    from synthgen.dataset.formats.parquet import is_parquet_of_dataset

    found = []
    for split in summary.splits:
        for name in filter(is_parquet_of_dataset, split.files):
            file = in_dataset(name)
            with committed(store, file).open("rb") as opened, as_damage(f"{store.location}/{file}"):
                ids = pq.ParquetFile(opened).read(columns=["id"])["id"].to_pylist()
            found += [(one, (split.name, RowPlace(file, row))) for row, one in enumerate(ids) if one in wanted]
    return found
