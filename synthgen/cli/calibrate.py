"""`synthgen calibrate`: a pilot to label by eye, and the thresholds that follow from the labels."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import aligned, shown
from synthgen.cli.command import command
from synthgen.cli.options import Devices, Files, Overrides, SpecFile, Variables
from synthgen.cli.session import session
from synthgen.cli.stopping import stop_on_signals
from synthgen.errors import QuotaNotMet, UsageError

if TYPE_CHECKING:
    from synthgen.api.calibrating import Calibrated, Pilot
    from synthgen.spec import Spec

_PROMISED = 0.95


@command
def calibrate(
    spec: SpecFile,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="The labelled CSV. Without it, make the pilot.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            min=1,
            metavar="N",
            help="Images of each class in the pilot. Default: enough for the precision. An existing pilot is extended.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of the pilot. Default: outputs/NAME-pilot."),
    ] = None,
    filter: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="NAME",
            help="What to ask: label, does the image show its class? Or, of images that begin from pictures: kept, is "
            "what should stay still there? changed, did it change as asked? Of images with boxes: box, is the "
            "object in it?",
        ),
    ] = "label",
    precision: Annotated[
        float | None,
        typer.Option(
            "--precision", min=0.01, max=0.9999, help="Share of accepted images that must be right. Default: 0.95."
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option("--confidence", min=0.5, max=0.9999, help="Confidence level of that bound. Default: 0.95."),
    ] = None,
    keep: Annotated[
        float | None,
        typer.Option("--keep", min=0.01, max=1, help="Instead of labels: the share of each class's pilot to accept."),
    ] = None,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    devices: Devices = "auto",
) -> Answer:
    """Find thresholds of a filter that reach a precision.

    The first call makes a pilot to label by eye, or extends it; the second reads the labels.
    """
    from synthgen.cli.sources import Changes, checked

    changes = Changes(overrides, files, variables)
    found, _ = checked(spec, changes, calibrated=False)
    place = folder or Path("outputs") / f"{found.name}-pilot"
    if labels is not None and keep is not None:
        raise UsageError(
            "use either `labels` or `keep`, not both",
            hint="Labels lead to a precision, a share to keep leads to a yield.",
        )
    for argument, given in (("precision", precision), ("confidence", confidence)):
        if keep is not None and given is not None:
            raise UsageError("cannot be combined with `keep`, which promises no precision", argument=argument)
    precision, confidence = precision or _PROMISED, confidence or _PROMISED
    if count is not None and (labels or keep):
        raise UsageError(
            "sets the size of the pilot", argument="count", hint="To extend it, call without `labels` and `keep` first."
        )
    asked = [] if filter == "label" else ["--filter", filter]
    again = ["synthgen", "calibrate", spec, "-o", str(place), *asked, *changes.options()]
    if labels is None and keep is None:
        made = _make_pilot(found, place, count, filter, precision, confidence, devices)
        promise = [f"--precision={precision:g}"] + ([f"--confidence={confidence:g}"] if confidence != _PROMISED else [])
        then = shlex.join([*again, "--labels", str(made.table), *promise])
        return _answer_of_pilot(made, count, then, filter)
    thresholds = _thresholds(found, place, labels, keep, filter, precision, confidence)
    return _answer(thresholds, shlex.join(again), spec)


def _make_pilot(
    spec: "Spec", folder: Path, count: int | None, filter: str, precision: float, confidence: float, devices: str
) -> "Pilot":
    from synthgen.api.calibrating import pilot

    stop = stop_on_signals()
    with session.progress(str(folder), f"loading {spec.model.id}") as on_progress:
        promise = {"precision": precision, "confidence": confidence}
        return pilot(
            spec, folder, count, filter=filter, **promise, devices=devices, on_progress=on_progress, stop=stop.is_set
        )


def _answer_of_pilot(made: "Pilot", count: int | None, then: str, filter: str) -> Answer:
    from synthgen.pages.pilot_labels import ASKED

    more = f" (more than the {count} asked for; all are kept)" if count is not None and count < made.per_class else ""
    lines = [f"pilot     {made.per_class} images of each class{more}"]
    lines += [
        f"short     {shown(name)}: only {images} images passed the quality filter and fit the balance"
        for name, images in made.pictures.items()
        if images < made.per_class
    ]
    lines += [
        f"look at   {made.page}",
        f"fill in   {made.table}: yes or no in the column {ASKED[filter].column!r}",
        f"then      {then}",
    ]
    result = {
        "per_class": made.per_class,
        "pictures": dict(made.pictures),
        "page": str(made.page),
        "table": str(made.table),
        "next": then,
    }
    return Answer(result=result, lines=lines)


def _thresholds(
    spec: "Spec",
    folder: Path,
    labels: Path | None,
    keep: float | None,
    filter: str,
    precision: float,
    confidence: float,
) -> "Calibrated":
    from synthgen.api.calibrating import calibrate, keep_share

    if labels is not None:
        return calibrate(spec, folder, labels, precision, confidence, filter=filter)
    return keep_share(spec, folder, keep or 1.0, filter=filter)


def _as_named(file: Path, spec: str) -> str:
    """Write how a spec in another folder names the file; empty for one in the working folder, or from a pipe."""
    folder = Path(spec).parent
    if str(folder) == ".":
        return ""
    return f": {os.path.relpath(file, folder)}"


def _answer(found: "Calibrated", again: str, spec: str) -> Answer:
    """Show the thresholds. If a class missed the promise, nothing was written."""
    from synthgen.judging.calibration.questions import QUESTIONS

    calibration = found.calibration
    lines = [f"look at   {found.plot}"] if found.plot else []
    told = QUESTIONS[calibration.filter].told
    lines += aligned((shown(name), each.told(told)) for name, each in calibration.classes.items())
    looks = {name: each.look for name, each in calibration.classes.items() if each.look is not None}
    if (most := max(looks.values(), default=0)) > 1:
        lines.append(
            f"note      look {most} at these labels: each look is paid for with half of the error that is still "
            "allowed, so the promise holds"
        )
    result = {
        "filter": calibration.filter,
        "promise": calibration.promise,
        "missed": list(calibration.missed),
        "thresholds": {name: each.min_posterior for name, each in calibration.classes.items()},
        "looks": looks,
        "likely": {name: each.likely for name, each in calibration.classes.items()},
        "denied": {name: each.denied for name, each in calibration.classes.items()},
        "file": str(found.file) if found.file else None,
        "plot": str(found.plot) if found.plot else None,
    }
    if found.file is not None:
        named = _as_named(found.file, spec)
        lines.append(f"wrote {found.file}: name it in the spec as filters.{calibration.filter}.calibration{named}")
        return Answer(result=result, lines=lines)

    left = "the file of an earlier call is unchanged" if found.earlier else "no file was written"
    return Answer(
        result=result,
        lines=lines,
        error=QuotaNotMet(
            f"{calibration.promise} was not reached for {', '.join(calibration.missed)}: {left}",
            hint=f"Label more images (`{again} -n MORE` adds them to the pilot), ask for less precision, or "
            "describe the class better to the judge, in a new pilot.",
        ),
    )
