"""The audit of a set, from top to bottom: open, declare, look, measure, compare, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.auditing.assemble import assemble
from synthgen.auditing.input.audit_input import AuditInput, ObservedSet, open_input, values_of
from synthgen.auditing.input.audited_set import OpenRun, read_ledger, was_asked
from synthgen.auditing.input.checked_on import with_domain
from synthgen.auditing.input.declaration import references
from synthgen.auditing.input.judges import Judges
from synthgen.auditing.input.left_out import left_out_gates, notes_on
from synthgen.auditing.input.missing import missing_told
from synthgen.auditing.input.query import AuditQuery
from synthgen.auditing.input.unclustered import unclustered_told
from synthgen.auditing.inspection.gates import is_image_gate, read_image_gates
from synthgen.auditing.inspection.of_set import (
    bare_findings,
    copies_in,
    inspect_set,
    with_image_gates,
    with_inspection,
)
from synthgen.auditing.label_command import judge_check
from synthgen.auditing.questions.of_report import with_questions
from synthgen.auditing.taken import place_sha256
from synthgen.auditing.trends.of_report import read_since, with_trends
from synthgen.auditing.undeclared.of_set import check_undeclared, with_undeclared
from synthgen.bounded import read_bounded
from synthgen.events import OnProgress, ignore

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from synthgen.auditing.compare import Comparison
    from synthgen.auditing.confusion import Confusion
    from synthgen.auditing.embeddings import NearSet
    from synthgen.auditing.entanglement import Entanglement
    from synthgen.auditing.filters import Pipeline
    from synthgen.auditing.findings import Findings
    from synthgen.auditing.hearing import Heard
    from synthgen.auditing.inspection.gates import ImageGate
    from synthgen.auditing.inspection.of_set import InspectedSet
    from synthgen.auditing.measure import AuditOptions
    from synthgen.auditing.report import AuditReport
    from synthgen.sets import SetSource


def audit_set(
    place: SetSource, query: AuditQuery, open_run: OpenRun, judges: Judges, on_progress: OnProgress = ignore
) -> AuditReport:
    """Audit a set.

    Args:
        open_run: reads the plan and the committed files of a run.
        judges: finds and opens the models that look at images.

    Raises:
        SynthgenError: as `synthgen.audit`.
    """
    # Open
    first = open_input(place, query, open_run, judges)
    check_undeclared(first, query)
    real = first.beside(query.reference, query, open_run) if query.reference is not None else None
    second = first.beside(query.compare, query, open_run) if query.compare is not None else None
    earlier = read_since(query.since)
    # Declare. A user's mistake must show before images are looked at, which may take hours.
    values = values_of(first, [other for other in (real, second) if other is not None])
    common, options = _options(first, query, values, has_reference=real is not None)
    of_images = read_image_gates(query.gates, has_images=first.subject.images.has_images)

    # Look
    seen = first.look(on_progress)
    seen_real = real.look(on_progress) if real else None
    seen_second = second.look(on_progress) if second else None
    inspected = inspect_set(first, query, on_progress) if first.bare or query.inspect or of_images else None
    if first.bare and inspected is not None:
        seen = inspected.seen

    # Hear all judges, of which one decides
    heard = _heard(first, seen, values, options)
    if heard is not None:
        seen, options = heard.applied(seen), replace(options, opinions=heard.opinions)
        seen_real = heard.applied(seen_real) if seen_real else None
        seen_second = heard.applied(seen_second) if seen_second else None

    # Measure
    from synthgen.auditing.near_groups import near_of

    near = near_of(seen.looked, values, query.seed)
    if first.bare:
        findings = bare_findings(first, seen, query)
    else:
        given = replace(options, real=_frame(seen_real), near=copies_in(inspected, seen))
        findings = _measured(seen, values, given, query.seed, on_progress, near)
    if heard is not None:
        findings = replace(findings, agreement=heard.agreement, second_opinion=heard.opinion)
    kept = [name for name in common.references if name not in query.targets]
    pipeline, entanglement = _of_ledger(first, query.seed)
    findings = replace(findings, pipeline=pipeline, entanglement=entanglement)
    findings = _noted(findings, first, seen, seen_real, seen_second, kept, query)

    # Compare
    comparison: Comparison | None = None
    if seen_second is not None:
        from synthgen.auditing.compare import compare
        from synthgen.auditing.confusion_classes import of_classes

        there = of_classes(common.confusions, set(seen_second.looked.frame["label"].astype(str)))
        theirs = replace(common, real=_frame(seen_real), confusions=there)
        close = near_of(seen_second.looked, values, query.seed)
        other = _measured(seen_second, values, theirs, query.seed, on_progress, close)
        comparison = compare(findings, other)

    # Report
    evidence = _evidence(query, values)
    report = assemble(first, seen, findings, seen_real, seen_second, comparison, query.seed, evidence, near)
    report = with_undeclared(report, first, seen, values, near, query, on_progress)
    report = _with_images(_of_place(report, place, query), inspected, query, of_images)
    return with_questions(with_trends(with_domain(report, first, seen), earlier), first.subject.run)


def _of_place(report: AuditReport, place: SetSource, query: AuditQuery) -> AuditReport:
    provenance = replace(report.provenance, place_sha256=place_sha256(place))
    needed = report.findings.labels_needed
    check = judge_check(place, query, needed) if needed is not None else None
    return replace(report, predictions=query.predictions, provenance=provenance, judge_check=check)


def _with_images(
    report: AuditReport, inspected: InspectedSet | None, query: AuditQuery, gates: Sequence[ImageGate]
) -> AuditReport:
    return with_image_gates(with_inspection(report, inspected, asked=query.inspect), gates)


def _frame(seen: ObservedSet | None) -> pd.DataFrame | None:
    return seen.looked.frame if seen else None


def _noted(
    findings: Findings,
    first: AuditInput,
    seen: ObservedSet,
    real: ObservedSet | None,
    second: ObservedSet | None,
    kept: Sequence[str],
    query: AuditQuery,
) -> Findings:
    """Add what was left out of the sets, and notes on how they were read. `kept` have a target besides the real set."""
    there = [each for each in (seen, real, second) if each]
    caveats = [*missing_told(first), *(note for each in there for note in notes_on(each))]
    caveats += unclustered_told((real, second), query.cluster)
    if real is not None and kept:
        source = real.images.source
        caveats.append(f"the target of {', '.join(kept)} is the spec's `balance`, and not the shares of {source}")
    left_out = [gate for each in there for gate in left_out_gates(each, query)]
    return replace(findings, caveats=(*findings.caveats, *caveats), gates=(*findings.gates, *left_out))


def _heard(
    first: AuditInput, seen: ObservedSet, values: Mapping[str, Sequence[str]], options: AuditOptions
) -> Heard | None:
    from synthgen.auditing.hearing import hear

    return hear(seen, first.question, values, options)


def _options(
    first: AuditInput, query: AuditQuery, values: Mapping[str, Sequence[str]], *, has_reference: bool
) -> tuple[AuditOptions, AuditOptions]:
    """Read what `measure` may use: first what holds for both of two compared sets, then all of it, for the first."""
    from synthgen.auditing.confusion_classes import check_classes
    from synthgen.auditing.crossings import check_crossing
    from synthgen.auditing.gate_checks import read_gates
    from synthgen.auditing.groups.joint import joint_name, with_joint
    from synthgen.auditing.groups.predictions import check_predictions
    from synthgen.auditing.groups.references import check_reference_groups
    from synthgen.auditing.measure import AuditOptions

    targets = references(first.declared, query.targets, with_joint(values, query.targets))
    common = AuditOptions(
        classes=first.declared.classes,
        known=tuple(first.question.known),
        references=targets,
        confusions=_confusions(query.confusions, values),
        about_set=query.about == "set",
    )
    check_classes(
        common.confusions, {*(first.declared.classes or ()), *map(str, first.frame["label"].dropna().unique())}
    )
    has_predictions = query.predictions is not None
    referenced = [*values, *targets] if has_reference else list(targets)
    lines = [line for line in query.gates if not is_image_gate(line)]
    gates = read_gates([*first.declared.gates, *lines], values, referenced, has_predictions)
    for names in query.cross:
        check_crossing(names, values)
    classes = dict.fromkeys([*(first.declared.classes or ()), *first.frame["label"].dropna().unique()])
    check_reference_groups(query.reference_groups, values, classes)
    if query.predictions is not None:
        check_predictions(first.frame, classes, query.predictions)
    balanced = [entry.attribute for entry in first.declared.balance if entry.attribute in values]
    crossed = [[name for name in names if name != "class"] for names in (balanced, *query.cross)]
    asked = replace(
        common,
        labels=_labels(query.labels, values, first, "labels"),
        second_labels=_labels(query.second_labels, values, first, "second_labels"),
        crossings=query.cross,
        joints=[joint_name(names) for names in crossed if len(names) > 1],
        reference_groups=query.reference_groups,
        gates=gates,
        trust_judge=query.trust_judge,
    )
    return common, asked


def _measured(
    seen: ObservedSet,
    values: Mapping[str, Sequence[str]],
    options: AuditOptions,
    seed: int,
    on_progress: OnProgress,
    near: NearSet | None,
) -> Findings:
    from synthgen.auditing.measure import measure
    from synthgen.auditing.near_groups import near_groups

    groups = near_groups(near, seed) if near is not None else options.near
    options = replace(options, vectors=seen.looked.vectors, near=groups)
    return measure(seen.looked.frame, values, options, seed, on_progress)


def _confusions(given: Mapping[str, Path] | Sequence[str], values: Mapping[str, Sequence[str]]) -> dict[str, Confusion]:
    from synthgen.auditing.confusion_file import name_confusions, read_confusion

    return {name: read_confusion(file, values[name]) for name, file in name_confusions(given, list(values)).items()}


def _evidence(query: AuditQuery, values: Mapping[str, Sequence[str]]) -> list[str]:
    """Name the files that corrected the judge, each with its sha256."""
    from hashlib import sha256

    from synthgen.auditing.confusion_file import name_confusions

    files = {} if query.labels is None else {"labels": query.labels}
    files |= {} if query.second_labels is None else {"second labels": query.second_labels}
    files |= {f"matrix of {name}": file for name, file in name_confusions(query.confusions, list(values)).items()}
    return [f"{what}: {file.name}, sha256 {sha256(read_bounded(file)).hexdigest()}" for what, file in files.items()]


def _labels(
    path: Path | None, values: Mapping[str, Sequence[str]], first: AuditInput, argument: str
) -> pd.DataFrame | None:
    from synthgen.auditing.label_classes import check_label_classes
    from synthgen.pages.audit_labels import read_labelling

    if path is None:
        return None
    table = read_labelling(path, values)
    check_label_classes(path, first.frame, argument)
    return table


def _of_ledger(first: AuditInput, seed: int) -> tuple[Pipeline | None, Entanglement | None]:
    """Read the run's ledger for the attributes that its judge measured exactly as they are declared here."""
    import numpy as np

    from synthgen.auditing.entanglement import read_entanglement
    from synthgen.auditing.filters import read_pipeline
    from synthgen.planning.cells import kinds_of

    run = first.subject.run
    if run is None:
        return None, None
    judged = {
        name: attribute for name, attribute in first.question.attributes.items() if was_asked(run, {name: attribute})
    }
    ledger, variables = read_ledger(run, list(judged))
    values = {name: tuple(attribute.values) for name, attribute in judged.items()}
    spec = run.planned.spec
    steered = [name for name, attribute in spec.attributes.items() if attribute.variable]
    aims = read_entanglement(ledger, values, kinds_of(spec), steered, np.random.default_rng([seed, *b"aims"]))
    return read_pipeline(ledger, values, np.random.default_rng([seed, *b"ledger"]), variables), aims
