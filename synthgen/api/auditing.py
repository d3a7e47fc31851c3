"""Audits of labelled sets, and samples of them to label: opens runs and judges, and hands them to `auditing`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from synthgen import running as runs
from synthgen.api.arguments import device_of, number_of, path_of
from synthgen.api.asked_judges import TransformersJudges
from synthgen.api.audit_result import Audit
from synthgen.api.judges import ClipJudges
from synthgen.auditing.audit import audit_set
from synthgen.auditing.input.arguments import AnyPath, set_source
from synthgen.auditing.input.audited_set import RecordedRun
from synthgen.auditing.input.query import AuditKeywords, AuditQuery, spelled_out
from synthgen.auditing.to_label import ToLabel, draw_to_label
from synthgen.events import OnProgress, ignore
from synthgen.files import expanded, named_by_itself
from synthgen.store import FolderStore

if TYPE_CHECKING:
    from synthgen.sets import SetSource


@spelled_out
def audit(place: SetSource, *, on_progress: OnProgress = ignore, **asked: Unpack[AuditKeywords]) -> Audit:
    """Measure what is in a labelled set of images, with confidence intervals.

    Args:
        place: a run, a dataset, a Parquet file or a folder of them, an image folder, a CSV, or an id on the hub; a
            `datasets.Dataset` or a `DatasetDict`; or a DataFrame.
        asked: what is asked of the set: the attributes of `AuditQuery`, which says what each one means.

    Raises:
        UsageError, SpecError: an argument is invalid.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.

    Example:
        >>> people = pandas.DataFrame({"label": ["chef", "nurse"] * 20, "tone": ["light"] * 30 + ["dark"] * 10})
        >>> found = synthgen.audit(people, known={"tone": "tone"}, gates=["tone overall: share of dark >= 0.4"])
        >>> found
        <Audit of table: 40 images, gates: insufficient data>
        >>> document, report = found.write("audit")
        >>> str(document), str(report)
        ('audit/audit.json', 'audit/report.html')
    """
    place, query = set_source("place", place), AuditQuery(**asked)
    with named_by_itself(place if isinstance(place, str | os.PathLike) else "the set"):
        return Audit(audit_set(place, query, open_recorded, _judges(query), on_progress))


@spelled_out
def export_labels(
    place: SetSource, count: int, folder: AnyPath, *, on_progress: OnProgress = ignore, **asked: Unpack[AuditKeywords]
) -> ToLabel:
    """Draw `count` images to label by eye, equally many from each class, and write a page and a CSV of them.

    With a single judged attribute, its rarer answers are drawn more often, to measure their errors. The weights in the
    CSV compensate for this.

    Args:
        place: as for `audit`.
        folder: where the page and the CSV are written.
        asked: as for `audit`, whose arguments may be passed as they are.

    Raises:
        SynthgenError: as `audit`.

    Example:
        >>> drawn = synthgen.export_labels("outputs/quickstart", 4, "labels")
        >>> str(drawn.page), str(drawn.table)
        ('labels/to-label.html', 'labels/labels.csv')
    """
    place, query = set_source("place", place), AuditQuery(**asked)
    many, folder = number_of(count, "count"), expanded(path_of(folder, "folder"))
    with named_by_itself(place if isinstance(place, str | os.PathLike) else "the set"):
        return draw_to_label(place, many, folder, query, open_recorded, _judges(query), on_progress)


def _judges(query: AuditQuery) -> ClipJudges:
    device = device_of(query.device)
    return ClipJudges(device, query.trust, TransformersJudges(device))


def open_recorded(folder: Path) -> RecordedRun:
    """Read the plan of the run in `folder`, and which files it committed.

    Raises:
        UsageError, StorageError: it is not a run, or is damaged.
    """
    store = FolderStore(folder)
    planned = runs.open_run(store)
    state = runs.read_intact(planned, store)
    records = list(state.done.values())
    images = tuple(folder / record.images.name for record in records)
    ledgers = tuple(folder / record.ledger.name for record in records)
    return RecordedRun(folder, planned, images, ledgers, state.review)
