"""The audit: read a set, look at its images, compute its statistics, and report them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.asking import AuditInput, begin, values_of
from synthgen.api.audit_result import JSON, REPORT, Audit
from synthgen.api.checking import AuditCommand, judge_check
from synthgen.api.declaring import references
from synthgen.api.left_out import notes_on
from synthgen.api.looking import OnProgress
from synthgen.api.reporting import make_report
from synthgen.api.subject import read_ledger, was_asked
from synthgen.errors import UsageError
from synthgen.files import check_file, check_folder, refuse_links
from synthgen.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.auditing.confusion import Confusion
    from synthgen.auditing.filters import Pipeline
    from synthgen.auditing.measure import AuditOptions
    from synthgen.auditing.report import AuditReport

EMBEDDINGS = "embeddings"


def output_folder(place: str | Path) -> Path:
    """Return where an audit goes by default: into the audited run, or else into `outputs/NAME-audit`.

    Raises:
        StorageError: the run has a symbolic link in that place.
    """
    folder = Path(place).expanduser()
    for run in (folder, folder.parent):
        if (run / "plan.json").is_file():
            refuse_links(run, run / "audit")
            return run / "audit"
    return Path("outputs") / f"{folder.resolve().stem}-audit"


def embeddings_folder(output: Path) -> Path:
    """Return where an audit in `output` keeps its embeddings by default.

    Raises:
        StorageError: that place is a symbolic link.
    """
    refuse_links(output, output / EMBEDDINGS)
    return output / EMBEDDINGS


def check_output(folder: Path, place: str | Path) -> None:
    """Check that an audit can be written to `folder`, before any image is looked at.

    Raises:
        UsageError: an audit in `folder` would overwrite a run's contact sheet, or end up among the images of the set;
            or its name is not valid UTF-8.
        StorageError: `folder` is a file, or cannot be written.
    """
    if (folder / "plan.json").is_file():
        hint = f"Choose another folder with -o, such as {folder / 'audit'}."
        raise UsageError(f"{folder} is a run, whose report.html is its contact sheet", hint=hint)
    if os.path.realpath(folder) == os.path.realpath(Path(place).expanduser()):
        raise UsageError(f"{folder} is the set itself", hint="Choose another folder with -o.")
    check_folder(folder)
    for name in (JSON, REPORT):
        check_file(folder / name)


def audit(
    place: str | Path,
    *,
    spec: Spec | Path | None = None,
    attributes: Path | None = None,
    known: Mapping[str, str] | None = None,
    label: str | None = None,
    split: str | None = None,
    images_from: Path | None = None,
    judges: Sequence[str] = (),
    reference: str | Path | None = None,
    compare: str | Path | None = None,
    targets: Mapping[str, str] | None = None,
    confusions: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    cross: Sequence[Sequence[str]] = (),
    gates: Sequence[str] = (),
    trust_judge: bool = False,
    output: Path | None = None,
    cache: Path | None = None,
    device: str = "auto",
    trust: bool = False,
    seed: int = 0,
    on_progress: OnProgress = lambda name, done: None,
) -> Audit:
    """Measure what is in a labelled set of images, with confidence intervals.

    Args:
        place: a run, a dataset, a Parquet file or a folder of them, an image folder, a CSV, or an id on the hub.
        spec: gives the attributes, shares, gates and classes; by default the spec of the run that made the set, if any.
        attributes: a YAML file with the `attributes` of a spec and, optionally, its `balance` and `gates`.
        known: attributes whose true values are in a column, and the name of that column.
        label: the column of classes; detected by default.
        images_from: a folder, besides the set's own, that may hold images which the set names by path.
        judges: one model, or two to compare, named as in a spec.
        reference: a real set; attributes without another target are measured against its shares.
        compare: another set to compare this one with.
        targets: for each attribute, 'uniform' or shares such as 'light:0.3,medium:0.4,dark:0.3'.
        confusions: for each attribute, a CSV of counts: rows are the truth, columns the answers. With a single
            attribute, its name may be left empty.
        labels: the CSV of `export_labels`, filled in.
        cross: groups of attributes, or 'class', to cross.
        gates: such as 'skin_tone within class: tv <= 0.1'; added to those of the spec.
        trust_judge: let gates use the judge's raw answers where neither labels nor a matrix check it on this set;
            otherwise such gates stay undecided.
        output: the folder that the audit is meant for, by default `output_folder(place)`. Only embeddings are written.
        cache: the folder of embeddings; by default inside `output`.
        trust: open a judge that the run names and this machine does not know.

    Raises:
        UsageError, SpecError: an argument is invalid.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.

    Example:
        >>> found = synthgen.audit("outputs/quickstart")
        >>> found.write(Path("outputs/quickstart/audit"))
    """
    from synthgen.auditing.crossings import check_crossing
    from synthgen.auditing.gate_checks import read_gates
    from synthgen.auditing.measure import AuditOptions

    written = output or output_folder(place)
    folder = cache or embeddings_folder(written)
    begun = begin(str(place), spec, attributes, known or {}, label, split, judges, folder, device, trust, images_from)
    real = begun.beside(str(reference), label) if reference is not None else None
    second = begun.beside(str(compare), label) if compare is not None else None
    others = [each for each in (real, second) if each is not None]

    # Read everything that may contain a user's mistake before looking at images, which may take hours.
    values = values_of(begun, others)
    wanted = references(begun.declared, targets or {}, values)
    common = AuditOptions(
        classes=begun.declared.classes,
        known=tuple(begun.question.known),
        references=wanted,
        confusions=_confusions(confusions or {}, values),
    )
    limits = read_gates([*begun.declared.gates, *gates], values, list(values if real else wanted))
    for names in cross:
        check_crossing(names, values)
    labelled = _labels(labels, values)
    given = replace(common, labels=labelled, crossings=cross, gates=limits, trust_judge=trust_judge)

    report = _report(begun, real, second, values, common, given, seed, on_progress)
    needed = report.findings.labels_needed
    if needed is None:
        return Audit(report)

    asked = AuditCommand(
        place=str(place),
        spec=spec,
        attributes=attributes,
        known=known or {},
        label=label,
        split=split,
        judges=judges,
        reference=str(reference) if reference is not None else None,
        compare=str(compare) if compare is not None else None,
        targets=targets or {},
        confusions=confusions or {},
        labels=labels,
        cross=cross,
        gates=gates,
        output=output,
        folder=written,
        cache=cache,
        embeddings=folder,
        device=device,
        trust=trust,
        images_from=images_from,
        seed=seed,
    )
    return Audit(replace(report, judge_check=judge_check(asked, needed)))


def _report(
    begun: AuditInput,
    real: AuditInput | None,
    second: AuditInput | None,
    values: Mapping[str, Sequence[str]],
    common: AuditOptions,
    given: AuditOptions,
    seed: int,
    on_progress: OnProgress,
) -> AuditReport:
    """Look, measure and report. `common` applies to both compared sets, `given` to the first."""
    from synthgen.auditing.compare import compare as beside
    from synthgen.auditing.measure import measure

    seen = begun.look(on_progress)
    seen_real = real.look(on_progress) if real else None
    seen_second = second.look(on_progress) if second else None
    frame = seen_real.looked.frame if seen_real else None

    given = replace(given, real=frame, second=seen.looked.second)
    findings = measure(seen.looked.frame, values, given, seed, on_progress)
    caveats = [caveat for each in (seen, seen_real, seen_second) if each for caveat in notes_on(each)]
    findings = replace(findings, pipeline=_pipeline(begun, seed), caveats=(*findings.caveats, *caveats))

    comparison = None
    if seen_second:
        other = measure(seen_second.looked.frame, values, replace(common, real=frame), seed, on_progress)
        comparison = beside(findings, other)
    return make_report(begun, seen, findings, seen_real, seen_second, comparison, seed)


def _confusions(files: Mapping[str, Path], values: Mapping[str, Sequence[str]]) -> dict[str, Confusion]:
    from synthgen.auditing.confusion_file import read_confusion

    if "" in files:
        if len(values) != 1:
            hint = f"There are {', '.join(values)}: write --confusion NAME={files['']}."
            raise UsageError("--confusion: of which attribute is it?", hint=hint)
        files = {next(iter(values)): files[""]}
    if strange := [name for name in files if name not in values]:
        raise UsageError(f"--confusion: there is no attribute {strange[0]!r}", hint=f"There are {', '.join(values)}.")
    return {name: read_confusion(path) for name, path in files.items()}


def _labels(path: Path | None, values: Mapping[str, Sequence[str]]) -> pd.DataFrame | None:
    from synthgen.pages.audit_labels import read_labelling

    return read_labelling(path, values) if path is not None else None


def _pipeline(begun: AuditInput, seed: int) -> Pipeline | None:
    """Read the run's ledger for the attributes that its judge measured exactly as they are declared here."""
    import numpy as np

    from synthgen.auditing.filters import read_pipeline

    run = begun.subject.run
    if run is None:
        return None
    judged = {name: each for name, each in begun.question.attributes.items() if was_asked(run, {name: each})}
    ledger, variables = read_ledger(run, list(judged))
    values = {name: tuple(each.values) for name, each in judged.items()}
    return read_pipeline(ledger, values, np.random.default_rng([seed, *b"ledger"]), variables)
