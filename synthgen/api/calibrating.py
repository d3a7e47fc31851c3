"""Calibration: a pilot to label, and the thresholds that follow from the labels."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path

from synthgen import running as runs
from synthgen.api.arguments import PathInput, devices_of, number_of, one_spelling, path_of, share_of
from synthgen.api.looking import take_look
from synthgen.api.pilots import accepted_rows, boxed_thumbnails, earlier_pictures, is_begun, pilot_spec, plan_of_pilot
from synthgen.api.running import run
from synthgen.api.specs import SpecInput, spec_of
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import as_damage, as_storage_error, check_file, refuse_links, write_file
from synthgen.judging.calibration.conditions import conditions
from synthgen.judging.calibration.looks import fingerprint, spent
from synthgen.judging.calibration.questions import CalibratedFilter, question_of
from synthgen.judging.calibration.threshold import Calibration, curve, pilot_size, quantile, threshold
from synthgen.ledger.columns import LedgerRow, score_of
from synthgen.spec import Spec
from synthgen.spec.checks import check
from synthgen.store import FolderStore
from synthgen.store.layout import CALIBRATION, CALIBRATION_PLOT, LABELS, LEDGER, TO_LABEL

_NO_BOX = -2.0
"""Where an image without a box stands among margins, which are at least -1."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """Pictures of a pilot to label.

    Attributes:
        table: the CSV to fill in.
        page: an HTML page of the pictures, in the order of the CSV.
        per_class: how many pictures of each class were asked for.
        pictures: how many there are, by class.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> made.page.name, made.table.name
        ('to-label.html', 'labels.csv')
    """

    table: Path
    page: Path
    per_class: int
    pictures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Thresholds, and the files that they were written to.

    Attributes:
        calibration: the thresholds, or what kept a class from having one.
        file: `calibration.json` in the pilot's folder, which a spec names as `filters.label.calibration`; None where
            the promise is missed for a class, and nothing was written.
        plot: `calibration.svg` beside it; None without labels.
        earlier: whether the folder holds the calibration of an earlier call, which a missed promise leaves as it is.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> found = synthgen.keep_share("specs/quickstart.yaml", "outputs/pilot", 0.5)
        >>> found.file.name
        'calibration.json'
    """

    calibration: Calibration
    file: Path | None
    plot: Path | None
    earlier: bool


@one_spelling
def pilot(
    spec: SpecInput,
    folder: PathInput,
    count: int | None = None,
    *,
    filter: str = "label",
    precision: float = 0.95,
    confidence: float = 0.95,
    devices: str = "auto",
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Pilot:
    """Generate images of each class without a label filter, with a page and a CSV to label them.

    A pilot is a run like any other: stopped, it can be resumed. Called again with a higher `count`, it grows. So does
    the CSV, which keeps its labels. Its seed differs from the spec's: these images are in no dataset.

    Args:
        count: images of each class; a pilot that has more keeps them. By default what the pilot has, or enough for
            `precision` and `confidence`: twice as many as just pass with one wrong among them.
        filter: what to ask: `label`; of images that begin from pictures, `kept` or `changed`; of images with boxes,
            `box`. All ask about the same images, each in a page and a CSV of its own.

    Raises:
        UsageError: `filter` does not fit the spec; the pilot in `folder` was made for another spec, or is too small for
            the cells of `balance`.
        SynthgenError: as `run`.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> dict(made.pictures)
        {'doctor': 2, 'chef': 2}
    """
    spec, folder = spec_of(spec, calibrated=False), path_of(folder, "folder")
    devices, count = devices_of(devices), None if count is None else number_of(count, "count")
    question = question_of(spec, filter)
    for path in (question.file(folder, LABELS), question.file(folder, TO_LABEL)):
        refuse_links(folder, path)
        check_file(path)

    there = plan_of_pilot(spec, folder) if is_begun(folder) else None
    before = min(kind.count for kind in there.spec.classes.values()) if there else 0
    precision, confidence = share_of(precision, "precision"), share_of(confidence, "confidence")
    count = max(count or before or pilot_size(precision, spent(confidence, 1)), before)
    wanted = pilot_spec(spec, count)
    for finding in check(wanted.canonical()):
        raise UsageError(f"{count}: {finding.message}", argument="count", hint="Make a larger pilot.")
    run(wanted, folder, devices=devices, extend=True, on_progress=on_progress, stop=stop)

    with runs.changing(FolderStore(folder)):
        return _to_label(spec, folder, count, question)


def _to_label(spec: Spec, folder: Path, count: int, question: CalibratedFilter) -> Pilot:
    from synthgen.pages.pilot_labels import ASKED, PilotSample, add_rows, write_labelling

    classes, table, page = list(spec.classes), question.file(folder, LABELS), question.file(folder, TO_LABEL)
    rows = {row["id"]: row for row in sorted(accepted_rows(folder), key=lambda row: classes.index(row["class"]))}
    asked = ASKED[question.filter]
    lines = add_rows({name: row["class"] for name, row in rows.items()}, table, asked)
    before = earlier_pictures(folder) if question.compares else lambda row: None
    boxed = boxed_thumbnails(folder) if question.boxed else {}
    samples = [
        PilotSample(line, name, row["class"], boxed.get(name, row["thumbnail"]), before(row), row["prompt"])
        for name, line in lines.items()
        if (row := rows.get(name)) is not None
    ]
    definitions = {name: kind.definition for name, kind in spec.classes.items()}
    title = f"{spec.name}: pictures to label"
    write_labelling(samples, definitions, page, title=title, table=table.name, asked=asked)
    made = Counter(row["class"] for row in rows.values())
    return Pilot(table, page, count, {name: made[name] for name in classes})


def calibrate(
    spec: SpecInput,
    folder: PathInput,
    labels: PathInput,
    precision: float = 0.95,
    confidence: float = 0.95,
    *,
    filter: str = "label",
) -> Calibrated:
    """Find the thresholds that reach `precision` by the labels of a pilot, plot the trade-off, and write the file.

    The plot is always written. If a class reaches no threshold, `calibration.json` stays as it is.

    Each call with other labels of a class, or another promise, is another look at it, which `looks.json` in the pilot
    counts. Look k spends (1 - `confidence`) / 2**k: the promise holds however often you label more and call again.

    Args:
        folder: the pilot's; see `pilot`.
        labels: the CSV that `pilot` made, filled in.
        precision: the share of accepted images that must be right, between 0 and 1.
        confidence: of the bound on that share.
        filter: what was asked of the images: see `pilot`.

    Raises:
        UsageError: `filter` does not fit the spec; `folder` has no pilot, or one for another spec; the labels are
            unreadable or of another pilot.
        StorageError: the pilot is damaged, or its folder cannot be written.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> labels = pandas.read_csv(made.table, dtype=str).assign(right="yes")  # look at the page first
        >>> labels.to_csv("labelled.csv", index=False)
        >>> found = synthgen.calibrate("specs/quickstart.yaml", "outputs/pilot", "labelled.csv", 0.4, 0.5)
        >>> found.calibration.missed
        ()
    """
    spec, folder, labels = spec_of(spec, calibrated=False), path_of(folder, "folder"), path_of(labels, "labels")
    precision, confidence = share_of(precision, "precision"), share_of(confidence, "confidence")
    question = question_of(spec, filter)
    with runs.changing(FolderStore(folder)):
        return _calibrated(spec, folder, labels, precision, confidence, question)


def _calibrated(
    spec: Spec, folder: Path, labels: Path, precision: float, confidence: float, question: CalibratedFilter
) -> Calibrated:
    from synthgen.judging.calibration.plot import write_precision_plot
    from synthgen.pages.pilot_labels import ASKED, read_labels

    made_for, pictures = _pilot_of(spec, folder, question)
    made_as = {name: class_name for name, (class_name, _) in pictures.items()}
    right = read_labels(labels, made_as, ASKED[question.filter])
    posteriors, answers = defaultdict[str, list[float]](list), defaultdict[str, list[bool]](list)
    labelled = defaultdict[str, dict[str, bool]](dict)
    for name, answer in right.items():
        class_name, posterior = pictures[name]
        posteriors[class_name].append(posterior)
        answers[class_name].append(answer)
        labelled[class_name][name] = answer

    prints = {question.key(name): fingerprint(labelled[name], precision, confidence) for name in spec.classes}
    looks = dict(zip(spec.classes, take_look(folder, prints).values(), strict=True))
    classes = {
        name: replace(threshold(posteriors[name], answers[name], precision, spent(confidence, look)), look=look)
        for name, look in looks.items()
    }
    curves = {name: curve(posteriors[name], answers[name], confidence) for name in spec.classes}
    chosen = {name: None if each.min_posterior is None else each.share for name, each in classes.items()}
    plot = question.file(folder, CALIBRATION_PLOT)
    write_precision_plot(curves, chosen, precision, plot)
    promise = f"precision {precision:g} with confidence {confidence:g}"
    return _kept(Calibration(promise, made_for, classes, question.filter), folder, question, plot)


def keep_share(spec: SpecInput, folder: PathInput, keep: float, *, filter: str = "label") -> Calibrated:
    """Find thresholds that keep the likeliest pictures of each class, without labels, and write the file.

    They are computed from the pilot in `folder`, and promise the yield that it showed, with its interval.

    Args:
        keep: the share of each class's pictures to keep: more than 0 and at most 1.
        filter: whose thresholds they are: `label`, `kept`, `changed` or `box`.

    Raises:
        UsageError: `filter` does not fit the spec; `folder` has no pilot, or one for another spec.
        StorageError: the pilot is damaged, or its folder cannot be written.

    Example:
        >>> made = synthgen.pilot("specs/quickstart.yaml", "outputs/pilot", count=2)
        >>> found = synthgen.keep_share("specs/quickstart.yaml", "outputs/pilot", 0.5)
        >>> found.calibration
        <Calibration a yield of 50%: reached for 2 of 2 classes>
    """
    spec, folder, keep = spec_of(spec, calibrated=False), path_of(folder, "folder"), share_of(keep, "keep", whole=True)
    question = question_of(spec, filter)
    with runs.changing(FolderStore(folder)):
        made_for, pictures = _pilot_of(spec, folder, question)
        posteriors = defaultdict[str, list[float]](list)
        for class_name, posterior in pictures.values():
            posteriors[class_name].append(posterior)

        classes = {name: quantile(posteriors[name], keep) for name in spec.classes}
        if question.filter != "label":  # 0.5 says nothing about other scores
            classes = {name: replace(each, denied=None) for name, each in classes.items()}
        found = _kept(Calibration(f"a yield of {keep:.0%}", made_for, classes, question.filter), folder, question, None)
        if found.file is not None:  # the plot was drawn from labels, which these thresholds do not use
            plot = question.file(folder, CALIBRATION_PLOT)
            with as_storage_error(plot):
                plot.unlink(missing_ok=True)
    return found


def _kept(calibration: Calibration, folder: Path, question: CalibratedFilter, plot: Path | None) -> Calibrated:
    """Write a calibration whose promise holds for every class; leave an earlier one as it is otherwise."""
    file = question.file(folder, CALIBRATION)
    earlier = file.exists()
    if calibration.missed:
        return Calibrated(calibration, None, plot, earlier)
    refuse_links(folder, file)
    write_file(file, calibration.to_json().encode())
    return Calibrated(calibration, file, plot, earlier)


def _pilot_of(
    spec: Spec, folder: Path, question: CalibratedFilter
) -> tuple[Mapping[str, object], dict[str, tuple[str, float]]]:
    """Return the conditions of the pilot, and the class and score of each of its pictures."""
    if not is_begun(folder):
        hint = f"Make it first: `synthgen.pilot(spec, {str(folder)!r})`."
        raise UsageError(f"there is no pilot in {folder}", argument="folder", hint=hint)
    made_for = conditions(plan_of_pilot(spec, folder))
    with as_damage(folder / LEDGER):
        return made_for, {row["id"]: (row["class"], _score(row, question)) for row in accepted_rows(folder)}


def _score(row: LedgerRow, question: CalibratedFilter) -> float:
    score = score_of(row, question.score)
    if question.boxed and (score is None or isnan(score)):
        return _NO_BOX
    if score is None:
        raise ValueError(f"{row['id']} has no {question.score}")
    return score
