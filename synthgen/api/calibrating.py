"""Calibration: a pilot to label, and the thresholds that follow from the labels."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgen import run as runs
from synthgen.api.planning import plan
from synthgen.api.running import run
from synthgen.errors import UsageError
from synthgen.judge.calibration import Calibration, conditions, curve, quantile, threshold
from synthgen.records import Verdict
from synthgen.run import FolderStore, Progress
from synthgen.spec import Filters, LabelFilter, Spec

LABELS = "labels.csv"
PAGE = "to-label.html"
PLOT = "calibration.svg"


def pilot(
    spec: Spec,
    folder: Path,
    count: int,
    *,
    devices: str = "auto",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Generate `count` images of each class that no label filter has seen, and what is needed to label them: a
    page of pictures without scores, which would sway the eye, and `labels.csv`, whose path is returned.

    A run like any other: stopped, it goes on. Its seed is not the spec's: these images are in no dataset.

    Raises:
        As `run`.
    """
    from synthgen.dataset.labels import write_labels
    from synthgen.dataset.sheet import ledger_rows, write_sheet

    run(_pilot_spec(spec, count), folder, devices=devices, on_progress=on_progress, stop=stop)
    rows = [row for row in ledger_rows(_ledgers(folder)) if row["verdict"] == "accepted"]
    blind = [
        {key: row[key] for key in row if not key.startswith(("score_", "attribute_", "posteriors_"))} for row in rows
    ]
    quotas: dict[str, int | None] = dict.fromkeys(spec.classes)
    write_sheet(blind, folder / PAGE, title=f"{spec.name}: is it its class?", quotas=quotas, per_class=count)
    write_labels(rows, folder / LABELS)
    return folder / LABELS


def calibrate(spec: Spec, folder: Path, labels: Path, precision: float, confidence: float) -> Calibration:
    """The thresholds that reach `precision`, from the labels of the pilot in `folder`; and a plot of what each buys.

    Raises:
        UsageError: the labels are unreadable or of another pilot, or the pilot was made for another spec.
        StorageError: no pilot lies there.
    """
    from synthgen.dataset.labels import read_labels
    from synthgen.dataset.precision_plot import write_precision_plot

    made_for, pictures = _pilot_of(spec, folder)
    right = read_labels(labels)
    if unknown := [name for name in right if name not in pictures]:
        hint = f"Use the {LABELS} of this pilot."
        raise UsageError(f"{labels}: {unknown[0]} is no picture of the pilot in {folder}", hint=hint)
    posteriors, answers = defaultdict[str, list[float]](list), defaultdict[str, list[bool]](list)
    for name, answer in right.items():
        class_name, posterior = pictures[name]
        posteriors[class_name].append(posterior)
        answers[class_name].append(answer)
    classes = {name: threshold(posteriors[name], answers[name], precision, confidence) for name in spec.classes}
    curves = {name: curve(posteriors[name], answers[name], confidence) for name in spec.classes}
    chosen = {name: None if each.min_posterior is None else each.share for name, each in classes.items()}
    write_precision_plot(curves, chosen, precision, folder / PLOT)
    return Calibration(f"precision {precision:g} with confidence {confidence:g}", made_for, classes)


def keep_share(spec: Spec, folder: Path, keep: float) -> Calibration:
    """The thresholds that the likeliest pictures of each class reach, `keep` of them in 0..1: by the pilot in
    `folder`, and without labels.

    Raises:
        UsageError: the pilot was made for another spec.
        StorageError: no pilot lies there.
    """
    made_for, pictures = _pilot_of(spec, folder)
    posteriors = defaultdict[str, list[float]](list)
    for class_name, posterior in pictures.values():
        posteriors[class_name].append(posterior)
    classes = {name: quantile(posteriors[name], keep) for name in spec.classes}
    return Calibration(f"a yield of {keep:.0%}", made_for, classes)


def _pilot_of(spec: Spec, folder: Path) -> tuple[dict[str, Any], dict[str, tuple[str, float]]]:
    """What the pilot was made for, and of each of its pictures the class and its posterior."""
    from synthgen.dataset.sheet import ledger_rows

    label = LabelFilter(none_of_these=spec.filters.label.none_of_these if spec.filters.label else ())
    made_for = conditions(plan(spec.model_copy(update={"filters": Filters(label=label)})))
    there = conditions(runs.open_run(FolderStore(folder)))
    if differing := [key for key in made_for if made_for[key] != there[key]]:
        hint = "Make another with `synthgen calibrate` in a new folder."
        raise UsageError(f"{folder}: the pilot was made with other {differing[0]} than the spec's", hint=hint)
    rows = (row for row in ledger_rows(_ledgers(folder)) if row["verdict"] == Verdict.ACCEPTED)
    return made_for, {row["id"]: (row["class"], row["score_label_posterior"]) for row in rows}


def _pilot_spec(spec: Spec, count: int) -> Spec:
    """Every attempt with a picture is accepted, whatever it shows."""
    none_of_these = spec.filters.label.none_of_these if spec.filters.label else ()
    label = LabelFilter(min_posterior=0.0, none_of_these=none_of_these)
    changes = {
        "name": f"{spec.name[:50]}-pilot",
        "classes": {name: kind.model_copy(update={"count": count}) for name, kind in spec.classes.items()},
        "filters": Filters(quality=spec.filters.quality, label=label),
        "balance": (),
        "seed": (spec.seed + 1) % 2**63,
    }
    return spec.model_copy(update=changes)


def _ledgers(folder: Path) -> list[Path]:
    store = FolderStore(folder)
    return [folder / record.ledger.name for record in runs.read_state(runs.open_run(store), store).done.values()]
