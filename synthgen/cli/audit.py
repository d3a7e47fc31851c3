"""`synthgen audit`: parse, call `api`, print."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthgen.cli.app import app
from synthgen.cli.options import Trust
from synthgen.cli.show import print_json
from synthgen.cli.streams import Inert, console
from synthgen.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from synthgen.api.audit_result import Audit
    from synthgen.api.sampling import ToLabel

"""Of `--trust`, here and elsewhere."""
_EVERY = 5.0
"""Seconds between two lines of progress."""


@app.command()
def audit(
    place: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="A run, a dataset (saved to disk, or an id on the hub), a Parquet file or a folder of some, a folder "
            "with a subfolder of images for each class, or a CSV of paths and labels.",
        ),
    ],
    spec: Annotated[Path | None, typer.Option(help="The spec whose attributes, shares and gates are meant.")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="A YAML file with a spec's 'attributes', and its 'balance' and 'gates'.")
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COLUMN", help="An attribute that a column has as true. Repeatable."),
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of classes.")] = None,
    split: Annotated[str | None, typer.Option(help="Audit this split alone.")] = None,
    images_from: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where images may be that a set names by path, besides its own folder."),
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Who looks at the images, as in a spec. Twice: two judges, compared."),
    ] = None,
    reference: Annotated[str | None, typer.Option(metavar="SET", help="A real set to measure against.")] = None,
    compare: Annotated[str | None, typer.Option(metavar="SET", help="Another set, to be put beside this one.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARES", help="What should be: 'uniform', or 'light:0.3,dark:0.7'. Repeatable."),
    ] = None,
    confusion: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE", help="A CSV of counts, rows the truth and columns the answers. Repeatable."
        ),
    ] = None,
    export_labels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Draw N images to label by eye, and audit nothing.")
    ] = None,
    import_labels: Annotated[Path | None, typer.Option(metavar="FILE", help="The CSV of labels, filled in.")] = None,
    cross: Annotated[
        list[str] | None, typer.Option(metavar="NAME,NAME", help="Attributes, or 'class', to cross. Repeatable.")
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE", help="Such as 'skin_tone within class: tv <= 0.1'. Repeatable."),
    ] = None,
    trust_judge: Annotated[
        bool,
        typer.Option("--trust-judge", help="Gates take the judge's word also where nothing checks it on this set."),
    ] = False,
    allow_insufficient: Annotated[
        bool, typer.Option("--allow-insufficient", help="A gate without enough data to decide it is no failure.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", metavar="DIR", help="Default: RUN/audit, or outputs/NAME-audit.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where embeddings are kept. Default: in the output.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is one.")] = "auto",
    trust: Trust = False,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Say what is in a labelled set of images. It tells how sure that is, and whether the gates hold.

    Exit code 4: a gate failed, or the data do not suffice to decide it.
    """
    from synthgen.api.auditing import audit, check_output, embeddings_folder, output_folder
    from synthgen.api.sampling import export_labels as draw_labels

    folder = output or output_folder(place)
    check_output(folder, place)
    asked: dict[str, Any] = {
        "spec": spec,
        "attributes": attributes,
        "known": _pairs("--known", known),
        "label": label,
        "split": split,
        "images_from": images_from,
        "judges": judge or (),
        "device": device,
        "trust": trust,
        "seed": seed,
        "on_progress": _progress(),
    }
    if export_labels is not None:
        drawn = draw_labels(place, export_labels, folder, cache=cache or embeddings_folder(folder), **asked)
        _print_drawn(drawn)
        return
    found = audit(
        place,
        reference=reference,
        compare=compare,
        targets=_pairs("--target", target),
        confusions=_confusions(confusion),
        labels=import_labels,
        cross=[tuple(part.strip() for part in names.split(",")) for names in cross or ()],
        gates=gate or (),
        trust_judge=trust_judge,
        output=output,
        cache=cache,
        **asked,
    )
    document, report = found.write(folder)
    if as_json:
        print_json(**found.to_dict())
    else:
        print_audit(found)
        for caveat in found.notes:
            print(f"note      {caveat}")
        print(f"figures   {document}")
        print(f"look at   {report}")
        if found.report.judge_check and allow_insufficient:
            from synthgen.auditing.report import how_to_check

            print(f"note      {how_to_check(found.report.judge_check)}")
        print(
            "          (also association with the class, how sure so many images can be, filters, likeness, pictures)"
        )
    _exit(found, allow_insufficient)


def _print_drawn(drawn: "ToLabel") -> None:
    """Say what to do with a sample that was drawn to be labelled."""
    print(f"look at   {drawn.page}")
    print(f"fill in   {drawn.table}")
    print(f"then      the same command, with --import-labels {drawn.table} in place of --export-labels")
    if drawn.few:
        from synthgen.auditing.quote import FEWEST_LABELS

        shown = ", ".join(f"{name} ({many})" for name, many in islice(drawn.few.items(), 6))
        more = f" and {len(drawn.few) - 6} more" if len(drawn.few) > 6 else ""
        takes = f"which takes {FEWEST_LABELS}"
        named = f"{takes}: {shown}{more}; or all its images"
        print(f"note      too few to correct the shares of a class on its own, {named}")


def print_audit(found: "Audit") -> None:
    """The tables, as wide as the terminal."""
    terminal = console()
    for shown in found.rendered():
        terminal.print(Inert(shown), "", sep="\n")


def _exit(found: "Audit", allow_insufficient: bool) -> None:
    """Raises:
    GateFailed: a gate did, or there was nothing to measure.
    """
    if not found.findings.images:
        raise GateFailed("there are no images: nothing was measured", hint="Is it the right set, and the right split?")
    failed = [gate for gate in found.findings.gates if gate.outcome == "fail"]
    unsure = [gate for gate in found.findings.gates if gate.outcome == "insufficient data"]
    if failed or (unsure and not allow_insufficient):
        lines = [f"{gate.outcome}: {gate.gate}: {gate.reason}" for gate in (*failed, *unsure)]
        raise GateFailed("\n".join(lines), hint="\n".join(_hints(found, bool(failed))) or None)


def _hints(found: "Audit", failed: bool) -> Iterator[str]:
    """What would decide the gates that are undecided, by their causes."""
    from synthgen.auditing.report import how_to_check

    if found.report.judge_check is not None:
        yield how_to_check(found.report.judge_check)
    checks = [check for gate in found.findings.gates for check in gate.checks]
    if any(check.unchecked and check.outcome == "insufficient data" for check in checks):
        yield "--trust-judge takes the judge's word as it is."
    if not failed:
        yield "--allow-insufficient passes it meanwhile."


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise UsageError(f"{option} {name}: expected NAME=VALUE, such as skin_tone=COLUMN")
    names = [name.strip() for name, _, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{option}: {twice[0]!r} is given twice", hint="Give each attribute once.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _confusions(given: list[str] | None) -> dict[str, Path]:
    """A file alone is of the only attribute, whose name is not known yet."""
    return {name if equals else "": Path(file if equals else name) for name, equals, file in _split(given)}


def _split(given: list[str] | None) -> list[tuple[str, str, str]]:
    return [text.partition("=") for text in given or ()]


def _progress() -> Callable[[str, str], None]:
    """A line on stderr now and then."""
    last = time.monotonic()

    def on_progress(name: str, done: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            print(f"{name}: {done}", file=sys.stderr)

    return on_progress
