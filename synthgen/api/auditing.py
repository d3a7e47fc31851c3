"""The audit: a set is read and looked at, its statistics are taken, and a report is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen import __version__
from synthgen.api.declaring import Declaration, declare, find_judges, references
from synthgen.api.looking import Looked, OnProgress, Question, judge_of, look_at
from synthgen.api.showing import show_cells
from synthgen.api.subject import Subject, open_subject, read_ledger, was_asked
from synthgen.errors import UsageError
from synthgen.spec import Spec

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from synthgen.audit.compare import Comparison
    from synthgen.audit.confusion import Confusion
    from synthgen.audit.findings import Findings
    from synthgen.audit.gates import Outcome
    from synthgen.audit.pipeline import Pipeline
    from synthgen.audit.report import AuditReport, NotMeasured

JSON, REPORT, EMBEDDINGS = "audit.json", "report.html", "embeddings"


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
    def tables(self) -> dict[str, pd.DataFrame]:
        """By name, such as 'shares', 'distances' and 'gates'; with a second set, also 'comparison'."""
        from synthgen.audit.tables import comparison_table, tables

        comparison = self.report.comparison
        more = {"comparison": comparison_table(comparison)} if comparison is not None else {}
        return tables(self.findings) | more

    def to_dict(self) -> dict[str, Any]:
        """What audit.json holds."""
        from synthgen.audit.report import write_json

        found: dict[str, Any] = json.loads(write_json(self.report))
        return found

    def rendered(self) -> list[Table]:
        """For terminals."""
        from synthgen.audit.report import render_tables

        return render_tables(self.report)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write audit.json and report.html, each whole or not at all.

        Raises:
            StorageError: the folder cannot be written.
        """
        from synthgen.audit.report import write_html, write_json
        from synthgen.page import write_page

        write_page(folder / JSON, write_json(self.report).decode())
        write_page(folder / REPORT, write_html(self.report))
        return folder / JSON, folder / REPORT

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """A set that was looked at, and what is asked of it."""

    subject: Subject
    declared: Declaration
    question: Question
    looked: Looked


def output_folder(place: str | Path) -> Path:
    """Where an audit goes by default: into the run that it is of; else into `outputs/NAME-audit`."""
    folder = Path(place).expanduser()
    for run in (folder, folder.parent):
        if (run / "plan.json").is_file():
            return run / "audit"
    return Path("outputs") / f"{folder.resolve().stem}-audit"


def audit(
    place: str | Path,
    *,
    spec: Spec | Path | None = None,
    attributes: Path | None = None,
    known: Mapping[str, str] | None = None,
    label: str | None = None,
    split: str | None = None,
    judges: Sequence[str] = (),
    reference: str | Path | None = None,
    compare: str | Path | None = None,
    targets: Mapping[str, str] | None = None,
    confusions: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    cross: Sequence[Sequence[str]] = (),
    gates: Sequence[str] = (),
    cache: Path | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress = lambda name, seen: None,
) -> Audit:
    """Say what is in a labelled set of images, and how sure that is.

    Args:
        place: a run, a dataset, a Parquet file or a folder of some, an image folder, a CSV, or an id on the hub.
        spec: whose attributes, shares, gates and classes are meant; by default that of the run, if a run made the set.
        attributes: a YAML file with a spec's `attributes`, and its `balance` and `gates` where it has them.
        known: attributes that a column has as true, with the column.
        label: the column of classes; by default it is detected.
        judges: one model, or two to compare, as a spec names them.
        reference: a real set; what has no other target is measured against its shares.
        compare: another set, to be put beside this one.
        targets: by attribute 'uniform', or shares such as 'light:0.3,medium:0.4,dark:0.3'.
        confusions: by attribute a CSV of counts: rows are the truth, columns the answers. With a single attribute,
            its name may be left empty.
        labels: the CSV of `export_labels`, filled in.
        cross: attributes, or 'class', to be crossed.
        gates: such as 'skin_tone within class: tv <= 0.1'; besides those of the spec.
        cache: the folder of embeddings; by default within `output_folder(place)`.

    Raises:
        UsageError, SpecError: what is given makes no sense.
        ModelError, DeviceError, StorageError: models, devices, disks.
    """
    from synthgen.audit.compare import compare as beside
    from synthgen.audit.measure import Given, measure

    folder = cache or output_folder(place) / EMBEDDINGS
    begun = _begin(str(place), spec, attributes, known or {}, label, split, judges, folder, device, on_progress)
    others = {
        name: _look_beside(str(other), begun.question, label, on_progress)
        for name, other in (("reference", reference), ("compare", compare))
        if other is not None
    }
    looked, real, second = begun.looked, others.get("reference"), others.get("compare")
    values = _values(begun, [each.frame for _, each in others.values()])
    wanted = references(begun.declared, targets or {}, values)
    common = Given(
        classes=begun.declared.classes,
        known=tuple(begun.question.known),
        references=wanted,
        confusions=_confusions(confusions or {}, values),
        real=real[1].frame if real else None,
    )
    given = replace(
        common,
        labels=_labels(labels, values),
        second=looked.second,
        crossings=cross,
        gates=[*(gate for gate in begun.declared.gates if gate.attribute in values), *gates],
    )
    findings = measure(looked.frame, values, given, seed)
    pipeline = _pipeline(begun, seed)
    same = _same_judge(begun)
    findings = replace(
        findings, pipeline=pipeline, caveats=(*findings.caveats, *_caveats(looked, same), *_caveats_of(others))
    )
    comparison = beside(findings, measure(second[1].frame, values, common, seed)) if second else None
    return Audit(_report(begun, findings, real, second, comparison, same, seed))


def export_labels(
    place: str | Path,
    count: int,
    folder: Path,
    *,
    spec: Spec | Path | None = None,
    attributes: Path | None = None,
    known: Mapping[str, str] | None = None,
    label: str | None = None,
    split: str | None = None,
    judges: Sequence[str] = (),
    cache: Path | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress = lambda name, seen: None,
) -> Path:
    """Draw `count` images to label by eye, from each class alike: a page of them, and a CSV, whose path is returned.

    With a single judged attribute, its rarer answers are drawn more often, which tells their errors. The CSV has the
    weights that make up for it.

    Raises:
        As `audit`.
    """
    import numpy as np
    import pandas as pd

    from synthgen.audit.labelled import draw_sample
    from synthgen.audit.labelling import Sample, write_labelling
    from synthgen.audit.sets import thumbnail

    cached = cache or output_folder(place) / EMBEDDINGS
    begun = _begin(str(place), spec, attributes, known or {}, label, split, judges, cached, device, on_progress)
    judged = list(begun.question.attributes)
    if not judged:
        raise UsageError("there is nothing to label: no attribute is judged", hint="Give --spec or --attributes.")
    if not begun.subject.images.has_images:
        raise UsageError(f"{begun.subject.images.source} has no images to label")
    frame, images = begun.looked.frame, begun.subject.images
    drawn = draw_sample(frame, count, seed, judged if len(judged) == 1 else ())
    # The order of the strata would give away what the judge answered.
    drawn = drawn.iloc[np.random.default_rng(seed).permutation(len(drawn))].reset_index(drop=True)
    places = begun.looked.rows[pd.Index(frame["id"]).get_indexer(pd.Index(drawn["id"]))]
    pictures = dict(zip(np.sort(places).tolist(), images.some(np.sort(places).tolist()), strict=True))
    thumbnails = [thumbnail(pictures[place], 256) for place in places.tolist()]
    columns = drawn["id"].tolist(), drawn["label"].tolist(), drawn["weight"].tolist(), thumbnails
    samples = [Sample(*row) for row in zip(*columns, strict=True)]
    values = {name: tuple(begun.question.attributes[name].values) for name in judged}
    return write_labelling(samples, values, folder, f"{images.name}: what do you see?")


def _begin(
    place: str,
    spec: Spec | Path | None,
    attributes: Path | None,
    known: Mapping[str, str],
    label: str | None,
    split: str | None,
    judges: Sequence[str],
    cache: Path,
    device: str,
    on_progress: OnProgress,
) -> _Begun:
    subject = open_subject(place, split)
    declared = declare(subject.run, spec, attributes)
    judged = {name: each for name, each in declared.attributes.items() if name not in known}
    needed = bool(judged) or subject.run is not None
    if not (needed or known or judges):
        hint = "Give --spec or --attributes, name columns with --known, or give a --judge for diversity alone."
        raise UsageError(f"{subject.images.source}: it is not said what to measure", hint=hint)
    found = find_judges(judges, subject.run, declared.judge, needed)
    question = Question(judged, known, found, cache, device)
    return _Begun(subject, declared, question, look_at(subject, question, label, on_progress))


def _look_beside(place: str, question: Question, label: str | None, on_progress: OnProgress) -> tuple[Subject, Looked]:
    """Another set, asked the same by the first judge. Its classes may stand in a column of another name."""
    subject = open_subject(place)
    own = label if label in subject.images.columns else None
    return subject, look_at(subject, replace(question, judges=question.judges[:1]), own, on_progress)


def _values(begun: _Begun, others: Sequence[pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """By attribute: those that are declared; of a column, those that occur in any of the sets.

    Raises:
        UsageError: a column has fewer than two.
    """
    from synthgen.audit.table import ASIDE

    found = {name: tuple(attribute.values) for name, attribute in begun.declared.attributes.items()}
    for name, column in begun.question.known.items():
        if name in found:
            continue
        seen = {value for frame in (begun.looked.frame, *others) for value in frame[name].dropna().unique()}
        found[name] = tuple(sorted(seen - set(ASIDE)))
        if len(found[name]) < 2:
            there = ", ".join(found[name]) or "nothing"
            hint = "An attribute needs two values or more; --attributes can declare those that do not occur."
            raise UsageError(f"--known {name}={column}: the column holds {there}", hint=hint)
    return found


def _confusions(files: Mapping[str, Path], values: Mapping[str, Sequence[str]]) -> dict[str, Confusion]:
    from synthgen.audit.confusion_file import read_confusion

    if "" in files:
        if len(values) != 1:
            hint = f"There are {', '.join(values)}: write --confusion NAME={files['']}."
            raise UsageError("--confusion: of which attribute is it?", hint=hint)
        files = {next(iter(values)): files[""]}
    if strange := [name for name in files if name not in values]:
        raise UsageError(f"--confusion: there is no attribute {strange[0]!r}", hint=f"There are {', '.join(values)}.")
    return {name: read_confusion(path) for name, path in files.items()}


def _labels(path: Path | None, values: Mapping[str, Sequence[str]]) -> pd.DataFrame | None:
    from synthgen.audit.labelling import read_labelling

    return read_labelling(path, values) if path is not None else None


def _pipeline(begun: _Begun, seed: int) -> Pipeline | None:
    """Of the attributes that the run's judge measured as they are meant here."""
    import numpy as np

    from synthgen.audit.pipeline import read_pipeline

    run = begun.subject.run
    if run is None:
        return None
    judged = {name: each for name, each in begun.question.attributes.items() if was_asked(run, {name: each})}
    ledger, variables = read_ledger(run, list(judged))
    values = {name: tuple(each.values) for name, each in judged.items()}
    return read_pipeline(ledger, values, np.random.default_rng([seed, *b"ledger"]), variables)


def _same_judge(begun: _Begun) -> bool:
    run, judges = begun.subject.run, begun.question.judges
    return run is not None and bool(begun.question.attributes) and judges[:1] == (judge_of(run),)


def _caveats(looked: Looked, same_judge: bool) -> list[str]:
    found = []
    if same_judge:
        found.append(
            "the model that measured the attributes is the model that filtered the set: what it misreads, it "
            "misread when it chose the images, and this audit cannot see it. Name another with --judge, or label some"
        )
    if looked.unreadable:
        shown = ", ".join(looked.unreadable[:3]) + (", .." if len(looked.unreadable) > 3 else "")
        found.append(f"images that cannot be opened, and were left out: {len(looked.unreadable)} ({shown})")
    return found


def _caveats_of(others: Mapping[str, tuple[Subject, Looked]]) -> list[str]:
    return [
        f"{subject.images.source}: {len(looked.unreadable)} image(s) cannot be opened, and were left out"
        for subject, looked in others.values()
        if looked.unreadable
    ]


def _report(
    begun: _Begun,
    findings: Findings,
    real: tuple[Subject, Looked] | None,
    second: tuple[Subject, Looked] | None,
    comparison: Comparison | None,
    same_judge: bool,
    seed: int,
) -> AuditReport:
    from synthgen.audit.report import AuditReport, Judge, Provenance

    images = begun.subject.images
    judges = [Judge(judge.name, judge.revision) for judge in begun.question.judges]
    asked = judges if begun.question.attributes else []
    return AuditReport(
        title=f"Audit of {images.name}",
        set_name=images.name,
        source=images.source,
        judge=asked[0] if asked else None,
        second_judge=asked[1] if len(asked) > 1 else None,
        same_judge=same_judge,
        findings=findings,
        provenance=Provenance(__version__, datetime.now(UTC).isoformat(timespec="seconds"), seed),
        comparison=comparison,
        compared_with=second[0].images.name if second else None,
        pictures=show_cells(images, begun.looked, list(findings.classes), [a.name for a in findings.attributes], seed),
        not_measured=tuple(_not_measured(begun, real)),
    )


def _not_measured(begun: _Begun, real: tuple[Subject, Looked] | None) -> list[NotMeasured]:
    from synthgen.audit.report import NotMeasured

    found = []
    if begun.subject.run is None:
        found.append(NotMeasured("bias made by filters", "the set has no ledger of what was rejected"))
    if begun.looked.vectors is None:
        found.append(NotMeasured("diversity and leakage", "no judge looked at the images: name one with --judge"))
    if real is None:
        found.append(NotMeasured("leakage and bias amplification", "no real set was given with --reference"))
    return found
