"""`synthgen calibrate`: a pilot to label by eye, and the thresholds that follow from the labels."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.app import app
from synthgen.cli.options import Devices, Overrides, SpecFile
from synthgen.cli.stopping import stop_on_signals
from synthgen.errors import QuotaNotMet, UsageError
from synthgen.files import write_file
from synthgen.store import layout


@app.command()
def calibrate(
    spec: SpecFile,
    labels: Annotated[Path | None, typer.Option(help="The labelled CSV; without it, make the pilot.")] = None,
    count: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Images per class in the pilot, 200 by default. One that is there grows."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", metavar="DIR", help="Default: outputs/NAME-pilot.")] = None,
    precision: Annotated[
        float, typer.Option(min=0.01, max=0.9999, help="Share of accepted that must be right.")
    ] = 0.95,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Of the bound on that share.")] = 0.95,
    keep: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Instead of labels: the share of each class's pilot to accept."),
    ] = None,
    set_: Overrides = None,
    devices: Devices = "auto",
) -> None:
    """Find label thresholds that reach a precision. The first call makes a pilot to label by eye, or lets it grow; the
    second reads the labels."""
    from synthgen.api.calibrating import calibrate, keep_share, pilot
    from synthgen.api.specs import read_spec
    from synthgen.cli.progress import show_progress

    found = read_spec(spec, set_ or (), calibrated=False)
    folder = output or Path("outputs") / f"{found.name}-pilot"
    if labels is not None and keep is not None:
        raise UsageError("--labels and --keep exclude each other", hint="Labels promise a precision, --keep a yield.")
    if count is not None and (labels or keep):
        raise UsageError("-n is for making the pilot", hint="Call without --labels and --keep to let it grow first.")
    if labels is None and keep is None:
        stop = stop_on_signals()
        with show_progress(found.model.id) as on_progress:
            made = pilot(found, folder, count, devices=devices, on_progress=on_progress, stop=stop.is_set)
        kept = f": more than -n {count}, and all are kept" if count is not None and count < made.per_class else ""
        print(f"pilot     {made.per_class} pictures of each class{kept}")
        for name, pictures in made.pictures.items():
            if pictures < made.per_class:
                print(f"short     {name}: the model made {pictures} that pass the quality filter and fit the balance")
        print(f"look at   {made.page}")
        print(f"fill in   {made.table}: yes or no in the column 'right'")
        again = ["synthgen", "calibrate", str(spec), "-o", str(folder), "--labels", str(made.table)]
        again += [part for override in set_ or () for part in ("--set", override)]
        print(f"then      {shlex.join(again)} --precision {precision:g}")
        return
    if labels is not None:
        calibration = calibrate(found, folder, labels, precision, confidence)
        print(f"look at {folder / layout.CALIBRATION_PLOT}")
    else:
        calibration = keep_share(found, folder, keep or 1.0)
    width = max(map(len, calibration.classes))
    for name, each in calibration.classes.items():
        print(f"{name:<{width}}  {each}")
    file = folder / layout.CALIBRATION
    if calibration.missed:
        left = f"{file} is of an earlier call: it stays as it is" if file.exists() else f"{file} is not written"
        raise QuotaNotMet(
            f"{calibration.promise} was not reached for {', '.join(calibration.missed)}: {left}",
            hint=f"Label more images (synthgen calibrate {spec} -o {folder} -n MORE adds them to the pilot), ask for "
            "less precision, or describe the class better to the judge, in a new pilot.",
        )
    write_file(file, calibration.to_json().encode())
    print(f"wrote {file}: name it in the spec as filters.label.calibration")
