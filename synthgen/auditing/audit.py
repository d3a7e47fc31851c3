"""The audit of a set, from top to bottom: open, declare, look, measure, compare, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.auditing.assemble import assemble
from synthgen.auditing.input.audit_input import AuditInput, ObservedSet, open_input, values_of
from synthgen.auditing.input.audited_set import OpenRun, read_ledger, was_asked
from synthgen.auditing.input.declaration import references
from synthgen.auditing.input.judges import Judges
from synthgen.auditing.input.left_out import left_out_gates, notes_on
from synthgen.auditing.input.query import AuditQuery
from synthgen.auditing.label_command import judge_check
from synthgen.events import OnProgress, ignore

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from synthgen.auditing.compare import Comparison
    from synthgen.auditing.confusion import Confusion
    from synthgen.auditing.entanglement import Entanglement
    from synthgen.auditing.filters import Pipeline
    from synthgen.auditing.findings import Findings
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
    real = first.beside(query.reference, query, open_run) if query.reference is not None else None
    second = first.beside(query.compare, query, open_run) if query.compare is not None else None

    # Declare. A user's mistake must show before images are looked at, which may take hours.
    values = values_of(first, [other for other in (real, second) if other is not None])
    common, options = _options(first, query, values, has_reference=real is not None)

    # Look
    seen = first.look(on_progress)
    seen_real = real.look(on_progress) if real else None
    seen_second = second.look(on_progress) if second else None

    # Measure
    frame = seen_real.looked.frame if seen_real else None
    findings = _measured(seen, values, replace(options, real=frame), query.seed, on_progress)
    caveats = [note for each in (seen, seen_real, seen_second) if each for note in notes_on(each)]
    if seen_real is not None and (kept := [name for name in common.references if name not in query.targets]):
        source = seen_real.images.source
        caveats.append(f"the target of {', '.join(kept)} is the spec's `balance`, and not the shares of {source}")
    pipeline, entanglement = _of_ledger(first, query.seed)
    findings = replace(findings, entanglement=entanglement)
    left_out = [gate for each in (seen, seen_real, seen_second) if each for gate in left_out_gates(each, query)]
    findings = replace(
        findings, pipeline=pipeline, caveats=(*findings.caveats, *caveats), gates=(*findings.gates, *left_out)
    )

    # Compare
    comparison: Comparison | None = None
    if seen_second is not None:
        from synthgen.auditing.compare import compare

        other = _measured(seen_second, values, replace(common, real=frame), query.seed, on_progress)
        comparison = compare(findings, other)

    # Report
    report = assemble(first, seen, findings, seen_real, seen_second, comparison, query.seed, _evidence(query, values))
    if findings.labels_needed is None:
        return report
    return replace(report, judge_check=judge_check(place, query, findings.labels_needed))


def _options(
    first: AuditInput, query: AuditQuery, values: Mapping[str, Sequence[str]], *, has_reference: bool
) -> tuple[AuditOptions, AuditOptions]:
    """Read what `measure` may use: first what holds for both of two compared sets, then all of it, for the first."""
    from synthgen.auditing.crossings import check_crossing
    from synthgen.auditing.gate_checks import read_gates
    from synthgen.auditing.measure import AuditOptions

    targets = references(first.declared, query.targets, values)
    common = AuditOptions(
        classes=first.declared.classes,
        known=tuple(first.question.known),
        references=targets,
        confusions=_confusions(query.confusions, values),
        about_set=query.about == "set",
    )
    gates = read_gates([*first.declared.gates, *query.gates], values, list(values if has_reference else targets))
    for names in query.cross:
        check_crossing(names, values)
    labels = _labels(query.labels, values)
    return common, replace(common, labels=labels, crossings=query.cross, gates=gates, trust_judge=query.trust_judge)


def _measured(
    seen: ObservedSet,
    values: Mapping[str, Sequence[str]],
    options: AuditOptions,
    seed: int,
    on_progress: OnProgress,
) -> Findings:
    from synthgen.auditing.measure import measure

    options = replace(options, second=seen.looked.second, vectors=seen.looked.vectors)
    return measure(seen.looked.frame, values, options, seed, on_progress)


def _confusions(given: Mapping[str, Path] | Sequence[str], values: Mapping[str, Sequence[str]]) -> dict[str, Confusion]:
    from synthgen.auditing.confusion_file import name_confusions, read_confusion

    return {name: read_confusion(file) for name, file in name_confusions(given, list(values)).items()}


def _evidence(query: AuditQuery, values: Mapping[str, Sequence[str]]) -> list[str]:
    """Name the files that corrected the judge, each with its sha256."""
    from hashlib import sha256

    from synthgen.auditing.confusion_file import name_confusions

    files = {} if query.labels is None else {"labels": query.labels}
    files |= {f"matrix of {name}": file for name, file in name_confusions(query.confusions, list(values)).items()}
    return [f"{what}: {file.name}, sha256 {sha256(file.read_bytes()).hexdigest()}" for what, file in files.items()]


def _labels(path: Path | None, values: Mapping[str, Sequence[str]]) -> pd.DataFrame | None:
    from synthgen.pages.audit_labels import read_labelling

    return read_labelling(path, values) if path is not None else None


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
