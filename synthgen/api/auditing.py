"""The audit: a set is read and looked at, its statistics are taken, and a report is made of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.api.asking import Begun, begin, values_of
from synthgen.api.checking import Asked, judge_check
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
    from rich.table import Table
    from rich.text import Text

    from synthgen.auditing.confusion import Confusion
    from synthgen.auditing.filters import Pipeline
    from synthgen.auditing.findings import Findings
    from synthgen.auditing.gates import Outcome
    from synthgen.auditing.measure import Given
    from synthgen.auditing.report import AuditReport

JSON, REPORT, EMBEDDINGS = "audit.json", "report.html", "embeddings"


def output_folder(place: str | Path) -> Path:
    """Where an audit goes by default: into the run that it is of; else into `outputs/NAME-audit`.

    Raises:
        StorageError: the run has a symbolic link there.
    """
    folder = Path(place).expanduser()
    for run in (folder, folder.parent):
        if (run / "plan.json").is_file():
            refuse_links(run, run / "audit")
            return run / "audit"
    return Path("outputs") / f"{folder.resolve().stem}-audit"


def embeddings_folder(output: Path) -> Path:
    """Where an audit in `output` keeps its embeddings by default.

    Raises:
        StorageError: a symbolic link is there.
    """
    refuse_links(output, output / EMBEDDINGS)
    return output / EMBEDDINGS


def check_output(folder: Path, place: str | Path) -> None:
    """Before anything is looked at.

    Raises:
        UsageError: an audit in `folder` would overwrite a run's contact sheet, or lie among the images of the set; or
            its name is not valid UTF-8.
        StorageError: it is a file, or cannot be written.
    """
    if (folder / "plan.json").is_file():
        hint = f"Choose another folder with -o, such as {folder / 'audit'}."
        raise UsageError(f"{folder} is a run, whose report.html is its contact sheet", hint=hint)
    if os.path.realpath(folder) == os.path.realpath(Path(place).expanduser()):
        raise UsageError(f"{folder} is the set itself", hint="Choose another folder with -o.")
    check_folder(folder)
    for name in (JSON, REPORT):
        check_file(folder / name)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found."""

    report: AuditReport

    @property
    def findings(self) -> Findings:
        return self.report.findings

    @property
    def outcome(self) -> Outcome | None:
        """Of all gates; None without gates."""
        return self.findings.outcome

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the set, of each attribute over all, and of figures that a sample gave."""
        found, likeness = self.findings, (self.report.diversity, self.report.leakage)
        of_attributes = (
            f"{attribute.name}: {caveat}" for attribute in found.attributes for caveat in attribute.scopes[0].caveats
        )
        return (*found.caveats, *of_attributes, *(caveat for each in likeness if each for caveat in each.caveats))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """By name, such as 'shares', 'distances' and 'gates'; with a second set, also 'comparison'."""
        from synthgen.auditing.tables import comparison_table, tables

        comparison = self.report.comparison
        more = {"comparison": comparison_table(comparison)} if comparison is not None else {}
        return tables(self.findings) | more

    def to_dict(self) -> dict[str, Any]:
        """What audit.json holds."""
        from synthgen.auditing.report import write_json

        found: dict[str, Any] = json.loads(write_json(self.report))
        return found

    def rendered(self) -> list[Text | Table]:
        """For terminals."""
        from synthgen.auditing.report import render_tables

        return render_tables(self.report)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write audit.json and report.html, each whole or not at all.

        Raises:
            StorageError: the folder cannot be written.
        """
        from synthgen.auditing.report import write_html, write_json
        from synthgen.pages.page import write_page

        write_page(folder / JSON, write_json(self.report).decode())
        write_page(folder / REPORT, write_html(self.report))
        return folder / JSON, folder / REPORT

    def _repr_html_(self) -> str:
        """The verdict and the shares, for notebooks."""
        from synthgen.auditing.report import write_fragment

        return write_fragment(self.report)


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
    """Say what is in a labelled set of images, and how sure that is.

    Args:
        place: a run, a dataset, a Parquet file or a folder of some, an image folder, a CSV, or an id on the hub.
        spec: whose attributes, shares, gates and classes are meant; by default that of the run, if a run made the set.
        attributes: a YAML file with a spec's `attributes`, and its `balance` and `gates` where it has them.
        known: attributes that a column has as true, with the column.
        label: the column of classes; by default it is detected.
        images_from: a folder, besides the set's own, that images may be in which the set names by path.
        judges: one model, or two to compare, as a spec names them.
        reference: a real set; what has no other target is measured against its shares.
        compare: another set, to be put beside this one.
        targets: by attribute 'uniform', or shares such as 'light:0.3,medium:0.4,dark:0.3'.
        confusions: by attribute a CSV of counts: rows are the truth, columns the answers. With a single attribute,
            its name may be left empty.
        labels: the CSV of `export_labels`, filled in.
        cross: attributes, or 'class', to be crossed.
        gates: such as 'skin_tone within class: tv <= 0.1'; besides those of the spec.
        trust_judge: gates take the judge's answers as they are where no labels and no matrix check it on this set; else
            they are undecided there.
        output: the folder that the audit is meant for, by default `output_folder(place)`. Only embeddings are written.
        cache: the folder of embeddings; by default within `output`.
        trust: open the judge that a run names, and this machine does not know.

    Raises:
        UsageError, SpecError: what is given makes no sense.
        ModelError, DeviceError, StorageError: models, devices, disks.
    """
    from synthgen.auditing.crossings import check_crossing
    from synthgen.auditing.gate_checks import read_gates
    from synthgen.auditing.measure import Given

    written = output or output_folder(place)
    folder = cache or embeddings_folder(written)
    begun = begin(str(place), spec, attributes, known or {}, label, split, judges, folder, device, trust, images_from)
    real = begun.beside(str(reference), label) if reference is not None else None
    second = begun.beside(str(compare), label) if compare is not None else None
    others = [each for each in (real, second) if each is not None]
    # What the user may have written wrongly is read before anything is looked at, which may take hours.
    values = values_of(begun, others)
    wanted = references(begun.declared, targets or {}, values)
    common = Given(
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
    asked = Asked(
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
    begun: Begun,
    real: Begun | None,
    second: Begun | None,
    values: Mapping[str, Sequence[str]],
    common: Given,
    given: Given,
    seed: int,
    on_progress: OnProgress,
) -> AuditReport:
    """Look, measure and report. `common` is given for both sets that are compared, `given` for the first."""
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


def _pipeline(begun: Begun, seed: int) -> Pipeline | None:
    """Of the attributes that the run's judge measured as they are meant here."""
    import numpy as np

    from synthgen.auditing.filters import read_pipeline

    run = begun.subject.run
    if run is None:
        return None
    judged = {name: each for name, each in begun.question.attributes.items() if was_asked(run, {name: each})}
    ledger, variables = read_ledger(run, list(judged))
    values = {name: tuple(each.values) for name, each in judged.items()}
    return read_pipeline(ledger, values, np.random.default_rng([seed, *b"ledger"]), variables)
