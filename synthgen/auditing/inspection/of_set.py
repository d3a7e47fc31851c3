"""The inspection of an opened set: its images measured, what is wrong with them, and the pictures to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from synthgen.auditing.input.audit_input import AuditInput, ObservedSet
from synthgen.auditing.input.observations import Observations, check_usable
from synthgen.auditing.pictures import show_pairs

if TYPE_CHECKING:
    from synthgen.auditing.effects import NearGroups
    from synthgen.auditing.findings import Findings
    from synthgen.auditing.input.query import AuditQuery
    from synthgen.auditing.inspection.findings import Inspection, IssueRow
    from synthgen.auditing.inspection.gates import ImageGate
    from synthgen.auditing.report import AuditReport, ReportPicture
    from synthgen.events import OnProgress
    from synthgen.stats.near_hashes import Positions

PER_ISSUE, PER_TWINS, GROUPS = 8, 4, 12
"""Pictures shown of each issue and of each group of repeated images, and how many groups."""
_SUGGESTED, _COLUMNS, _MOST_VALUES = 6, 60, 20


@dataclass(frozen=True, slots=True, eq=False)
class InspectedSet:
    """A set whose images were inspected.

    Attributes:
        seen: the set with the images that could be opened.
        rows: every issue of every image.
        pictures: by id, the images to show.
        copies: a number for each image of `seen`, which images of equal pixels share; blank ones have their own.
    """

    seen: ObservedSet
    inspection: Inspection
    rows: Sequence[IssueRow]
    pictures: Mapping[str, ReportPicture]
    copies: Positions


def inspect_set(first: AuditInput, query: AuditQuery, on_progress: OnProgress) -> InspectedSet | None:
    """Open every image of a set and find out what is wrong with it; None if the set has no images.

    Raises:
        UsageError: the set may not read any of the images that it names.
    """
    import numpy as np
    import pandas as pd

    from synthgen.auditing.inspection.copies import without_blank
    from synthgen.auditing.inspection.inspect import Seen, inspect_images, is_blank
    from synthgen.auditing.inspection.scan import scan
    from synthgen.events import StepProgress
    from synthgen.sets import CLUSTER, aside_of
    from synthgen.sets.splits import splits_of

    images, frame = first.subject.images, first.frame
    if not images.has_images:
        return None
    scanned = scan(images, len(frame), on_progress)
    left_out = {str(frame["id"].iloc[row]): why for row, why in scanned.left_out.items()}
    check_usable(images.source, left_out, len(frame))
    left_out |= aside_of(images)

    opened = frame.iloc[scanned.rows].reset_index(drop=True)
    splits = splits_of(images)
    seen = Seen(
        scanned,
        opened["id"].tolist(),
        [
            None if name is None else str(name)
            for name in opened["label"].astype(object).where(opened["label"].notna(), None)
        ],
        [splits[row] if splits else None for row in scanned.rows.tolist()],
        query.about == "set",
        query.seed,
        {name: pd.factorize(opened[f"{CLUSTER}{name}"])[0].astype(np.int64) for name in query.cluster},
    )
    comparing = f"comparing images of {images.name}"
    on_progress(StepProgress(comparing, "images", 0, len(opened)))
    inspection, rows = inspect_images(seen, len(left_out))
    on_progress(StepProgress(comparing, "images", len(opened), len(opened)))
    looked = Observations(opened, np.asarray(scanned.rows), None, (), left_out, scanned.changes)
    shown = show_pairs(images, looked, _shown(inspection))
    copies = without_blank(np.unique(scanned.measures["pixels"], return_inverse=True)[1], is_blank(scanned))
    return InspectedSet(ObservedSet(images, looked), inspection, rows, shown, copies)


def copies_in(inspected: InspectedSet | None, seen: ObservedSet) -> NearGroups | None:
    """Number the images of a set that no judge looked at, so that copies of the same pixels share a number."""
    import numpy as np

    from synthgen.auditing.effects import NearGroups

    if inspected is None:
        return None
    rows, there = seen.looked.rows, inspected.seen.looked.rows
    number = int(inspected.copies.max(initial=-1)) + 1 + np.arange(len(rows))
    opened = np.isin(rows, there)
    number[opened] = inspected.copies[np.searchsorted(there, rows[opened])]
    return NearGroups(number)


def _shown(found: Inspection) -> list[str]:
    """Return the ids of the images to show: those of a group of repeats together, then some of each issue."""
    repeated = (group.examples[:PER_TWINS] for group in found.twins[:GROUPS])
    return list(chain(*repeated, *(issue.examples[:PER_ISSUE] for issue in found.issues)))


def bare_findings(first: AuditInput, seen: ObservedSet, query: AuditQuery) -> Findings:
    """Return the findings of an audit that measures no attribute: how many images each class has."""
    from synthgen.auditing.findings import Findings
    from synthgen.stats.estimates import ALPHA

    labels = seen.looked.frame["label"]
    counted = labels.dropna().value_counts()
    return Findings(
        images=len(labels),
        classes={str(name): int(counted[name]) for name in sorted(counted.index)},
        undeclared=(),
        confidence=1 - ALPHA,
        seed=query.seed,
        attributes=(),
        crossings=(),
        pipeline=None,
        amplification=(),
        agreement=(),
        gates=(),
        caveats=tuple(_caveats(first, seen)),
        about=query.about,
    )


def _caveats(first: AuditInput, seen: ObservedSet) -> list[str]:
    images, labels = first.subject.images, seen.looked.frame["label"]
    found = []
    if not len(labels):
        found.append("there are no images: nothing was measured")
    elif labels.isna().all():
        found.append("the set names no classes, so its images are compared with each other as one class")
    elif labels.isna().any():
        found.append(f"images without a class: {int(labels.isna().sum()):,} of {len(labels):,}")
    if not images.has_images:
        found.append("the set has no images, so only its classes were counted")
    if columns := _columns(first):
        named = ", ".join(f"{name} ({', '.join(values)})" for name, values in columns.items())
        example = next(iter(columns))
        found.append(
            f"columns that may be attributes: {named}; to measure one, name it with `known`, as {example}={example}"
        )
    return found


def _columns(first: AuditInput) -> dict[str, list[str]]:
    """Return columns with a few different texts each, which may be attributes, and some of their values."""
    from synthgen.errors import UsageError
    from synthgen.sets.features import LABELS
    from synthgen.sets.files import PATHS
    from synthgen.sets.frame import words
    from synthgen.sets.splits import COLUMNS
    from synthgen.spec import RESERVED

    images, found = first.subject.images, dict[str, list[str]]()
    aside = {*LABELS, *PATHS, *COLUMNS, *images.label_columns, "id", "image_id", "key", "prompt"}
    for name in [name for name in images.columns[:_COLUMNS] if name not in aside and name.casefold() not in RESERVED]:
        try:
            column = words(images.table([name])[name]).dropna()
        except UsageError:
            continue  # lists, or other things than a value
        values = column.value_counts()
        if 2 <= len(values) <= min(_MOST_VALUES, len(column) / 2) and len(found) < _SUGGESTED:
            found[name] = [*map(str, values.index[:3]), *([".."] if len(values) > 3 else [])]
    return found


def with_inspection(report: AuditReport, inspected: InspectedSet | None, *, asked: bool) -> AuditReport:
    """Add the inspection to a report, or why there is none although it was asked for."""
    from synthgen.auditing.report import NotMeasured

    if inspected is None:
        why = NotMeasured("repeats, leaks, dark, blank and odd images", "the set has no images")
        return replace(report, not_measured=(*report.not_measured, why)) if asked else report
    place = {name: index for index, name in enumerate(report.findings.classes)}
    counts = sorted(inspected.inspection.counts.items(), key=lambda each: place.get(each[0], len(place)))
    return replace(
        report,
        inspection=replace(inspected.inspection, counts=dict(counts)),
        issue_rows=tuple(inspected.rows),
        issue_pictures=inspected.pictures,
    )


def with_image_gates(report: AuditReport, gates: Sequence[ImageGate]) -> AuditReport:
    """Add the outcomes of gates on what the images show."""
    from synthgen.auditing.gates import GateOutcome
    from synthgen.auditing.inspection.gates import PIXELS, decide_image_gates

    if not gates:
        return report
    found, decided = report.findings, decide_image_gates(gates, report.inspection, report.findings.about)
    firm = any(check.outcome is not GateOutcome.INSUFFICIENT for gate in decided for check in gate.checks)
    rests_on = (*found.rests_on, PIXELS) if firm else found.rests_on
    return replace(report, findings=replace(found, gates=(*found.gates, *decided), rests_on=rests_on))
