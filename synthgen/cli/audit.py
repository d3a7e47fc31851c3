"""`synthgen audit`: parses options, calls `api`, prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.audit_answer import answer_of_audit, answer_of_sample, pairs
from synthgen.cli.command import command
from synthgen.cli.options import (
    About,
    AllowRemote,
    Cluster,
    Device,
    DrawSeed,
    EmbeddingsCache,
    ImagesFrom,
    LabelColumn,
    Trust,
)
from synthgen.cli.session import session
from synthgen.errors import UsageError

if TYPE_CHECKING:
    from synthgen.auditing.input.query import AuditKeywords


@command
def audit(
    place: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="A run, a dataset (saved to disk, or an id on the hub), a Parquet file or a folder of them, an image "
            "folder or a .zip of one, a WebDataset, a COCO set, or a CSV of paths and labels.",
        ),
    ],
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="FILE", help="Spec that gives attributes, shares and gates.")
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            "--attributes", metavar="FILE", help="YAML file with a spec's 'attributes', 'balance' and 'gates'."
        ),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            "--known", metavar="NAME=COLUMN", help="Attribute whose true value is in a column of the set. Repeatable."
        ),
    ] = None,
    label: LabelColumn = None,
    split: Annotated[str | None, typer.Option("--split", metavar="NAME", help="Audit only this split.")] = None,
    images_from: ImagesFrom = None,
    allow_remote: AllowRemote = False,
    judges: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            metavar="MODEL",
            help="Model that measures the images, as in a spec, or vqa:MODEL or detector:MODEL. Repeat to compare.",
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="SET", help="A real set to measure against.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="SET", help="A second set to compare with.")
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target", metavar="NAME=SHARES", help="Target shares: 'uniform', or 'light:0.3,dark:0.7'. Repeatable."
        ),
    ] = None,
    confusions: Annotated[
        list[str] | None,
        typer.Option(
            "--confusion",
            metavar="[NAME=]FILE",
            help="CSV of the judge's errors: counts, with the truth in rows and the answers in columns. A column "
            "`class` gives each class its own rows. Repeatable.",
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--export-labels", min=1, metavar="N", help="Draw N images to label by eye; audit nothing."),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--import-labels",
            metavar="FILE",
            help="The CSV of labels, filled in. Repeat for a second labeller; the first counts where they differ.",
        ),
    ] = None,
    cross: Annotated[
        list[str] | None,
        typer.Option("--cross", metavar="NAME,NAME", help="Attributes to cross, or 'class'. Repeatable."),
    ] = None,
    reference_groups: Annotated[
        list[str] | None,
        typer.Option(
            "--reference-group",
            metavar="NAME=VALUE",
            help="Group that others are compared with: a value of an attribute, or class=CLASS. Repeatable. "
            "Default: the largest.",
        ),
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            "--predictions",
            metavar="COLUMN",
            help="Column of a model's predicted classes: its errors by class and group.",
        ),
    ] = None,
    cluster: Cluster = None,
    gates: Annotated[
        list[str] | None,
        typer.Option(
            "--gate",
            metavar="GATE",
            help="A limit, such as 'skin_tone within class: tv <= 0.1' or 'dark <= 1%'. Repeatable.",
        ),
    ] = None,
    trust_judge: Annotated[
        bool,
        typer.Option(
            "--trust-judge", help="Let gates use the judge's answers even if nothing has checked them on this set."
        ),
    ] = False,
    allow_insufficient: Annotated[
        bool,
        typer.Option("--allow-insufficient", help="Do not fail if there is not enough data to decide a gate."),
    ] = False,
    allow_left_out: Annotated[
        float,
        typer.Option(
            "--allow-left-out",
            min=0,
            max=1,
            metavar="SHARE",
            help="Largest share of images that may be left out because they cannot be used.",
        ),
    ] = 0.1,
    about: Annotated[
        About,
        typer.Option(
            "--about",
            help="What intervals are about: what made the set, or only this set, whose known shares are then exact.",
        ),
    ] = About.SOURCE,
    inspect: Annotated[
        bool,
        typer.Option(
            "--inspect",
            help="Also look for repeats, leaks between splits, dark, blank, blurry and odd images. Without other "
            "options, this is done anyway.",
        ),
    ] = False,
    undeclared: Annotated[
        bool,
        typer.Option(
            "--undeclared",
            help="Also search for what no attribute names but classes differ in. The judge then looks at every image "
            "once more.",
        ),
    ] = False,
    since: Annotated[
        list[Path] | None,
        typer.Option(
            "--since",
            metavar="FILE",
            help="The audit.json, or the folder, of an audit of an earlier version. Repeatable, the oldest first.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder of the report. Default: RUN/audit, or outputs/NAME-audit."
        ),
    ] = None,
    cache: EmbeddingsCache = None,
    device: Device = "auto",
    trust: Trust = False,
    seed: DrawSeed = 0,
) -> Answer:
    """Measure what is in a labelled set of images. Every figure has an interval; gates decide the exit code.

    Exit code 4: a gate failed, there is not enough data to decide it, or too many images were left out.
    """
    from synthgen.api.auditing import audit, export_labels
    from synthgen.auditing.places import check_output, output_folder
    from synthgen.auditing.taken import check_replaceable, check_same_set
    from synthgen.files import named_by_itself

    first, second = _labellings(labels or [])
    if count is not None and first is not None:
        raise UsageError("use either `count` or `labels`, not both")
    with named_by_itself(place):
        folder = output or output_folder(place)
        check_output(folder, place)
        check_replaceable(folder)
        if output is None:
            check_same_set(folder, place)
    asked: AuditKeywords = {
        "spec": spec,
        "attributes": attributes,
        "known": pairs("known", known),
        "label": label,
        "split": split,
        "images_from": images_from,
        "allow_remote": allow_remote,
        "judges": judges or (),
        "cluster": cluster or (),
        "output": output,
        "cache": cache,
        "device": device,
        "trust": trust,
        "seed": seed,
    }
    with session.progress(str(place), f"reading {place}") as on_progress:
        if count is not None:
            return answer_of_sample(export_labels(place, count, folder, on_progress=on_progress, **asked))
        asked |= {
            "reference": reference,
            "compare": compare,
            "targets": pairs("targets", targets),
            "confusions": confusions or (),
            "labels": first,
            "second_labels": second,
            "cross": [tuple(part.strip() for part in names.split(",")) for names in cross or ()],
            "reference_groups": pairs("reference_groups", reference_groups),
            "predictions": predictions,
            "gates": gates or (),
            "trust_judge": trust_judge,
            "allow_left_out": allow_left_out,
            "about": about.value,
            "inspect": inspect,
            "undeclared": undeclared,
            "since": since or (),
        }
        found = audit(place, on_progress=on_progress, **asked)
    document, report = found.write(folder)
    return answer_of_audit(found, document, report, allow_insufficient)


def _labellings(given: list[Path]) -> tuple[Path | None, Path | None]:
    """Return the table of the first labeller, and that of the second.

    Raises:
        UsageError: there are more, or one is given twice.
    """
    if len(given) > 2:
        raise UsageError("two labellers at most", argument="labels", hint="Give one or two tables.")
    if len(given) == 2 and given[0].resolve() == given[1].resolve():
        raise UsageError(f"{given[0]} is given twice", argument="labels", hint="Two people fill in two tables.")
    first, second, *_ = (*given, None, None)
    return first, second
