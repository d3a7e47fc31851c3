"""Options and arguments that several commands share, named as the Python face names its arguments."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from synthgen.store import layout


def location_of(text: str) -> str:
    """Drop the slash that completion adds to a folder's name."""
    return text if text.endswith("://") else text.rstrip("/") or text


def complete_spec(incomplete: str) -> list[str]:
    """List the YAML files and folders whose names begin with the typed text."""
    folder = Path(incomplete).parent
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml"), *(each for each in folder.glob("*") if each.is_dir())]
    start = "./" * incomplete.startswith("./")
    names = (start + str(each) + "/" * each.is_dir() for each in found)
    return sorted(name for name in names if name.startswith(incomplete))


def complete_run(incomplete: str) -> list[str]:
    """List the runs here and in outputs/ whose paths begin with the typed text."""
    folders = [each.parent for base in (".", "outputs") for each in Path(base).glob(f"*/{layout.PLAN}")]
    return sorted(str(each) for each in folders if str(each).startswith(incomplete))


SpecFile = Annotated[
    str,
    typer.Argument(metavar="SPEC", autocompletion=complete_spec, help="The YAML spec; - reads it from standard input."),
]

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        parser=location_of,
        autocompletion=complete_run,
        help="A run: its folder, such as outputs/quickstart, or s3://bucket/prefix.",
    ),
]

NewRun = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        parser=location_of,
        help="Folder of the run, or s3://bucket/prefix. Default: outputs/NAME.",
    ),
]

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec: --set model.steps=10. Repeatable."),
]

Files = Annotated[
    list[str] | None,
    typer.Option(
        "--set-file",
        metavar="[KEY=]FILE",
        help="Take a key's value from a .yaml, .json or .txt file (one text a line), or several keys from a .yaml. "
        "Repeatable.",
    ),
]

Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Value of ${NAME} in the spec. Repeatable."),
]

Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help="Make at most N images, in the proportions of the spec."),
]

ScaleDown = Annotated[
    float | None,
    typer.Option("--scale", min=0, max=1, metavar="SHARE", help="Make this share of each class's images."),
]

Device = Annotated[
    str,
    typer.Option(
        "--device",
        "--devices",
        envvar="SYNTHGEN_DEVICE",
        metavar="DEVICE",
        help="One device: cpu, cuda, cuda:1 or mps. auto uses a GPU if there is one.",
    ),
]

Devices = Annotated[
    str,
    typer.Option(
        "--devices",
        "--device",
        envvar=["SYNTHGEN_DEVICES", "SYNTHGEN_DEVICE"],
        metavar="DEVICES",
        help="One process for each device: auto (every GPU, or else the CPU), cpu, cpu:2, cuda, cuda:0,2 or mps.",
    ),
]

Extend = Annotated[
    bool, typer.Option("--extend", help="Let an existing run grow: images, classes, prompts, budget, looser filters.")
]

TopUp = Annotated[bool, typer.Option("--top-up", help="Make the images that a finished run is missing, in new shards.")]


def _time(text: str) -> float:
    from synthgen.cli.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


MaxTime = Annotated[
    float | None,
    typer.Option(
        "--max-time",
        parser=_time,
        metavar="TIME",
        help="Stop by itself before this time is over, such as 3h50m. Exit code 75: run again to resume.",
    ),
]

PricePerHour = Annotated[
    float | None,
    typer.Option("--price-per-hour", metavar="PRICE", help="What an hour of one worker costs, in any currency."),
]

MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics-file",
        metavar="FILE.prom",
        envvar="SYNTHGEN_METRICS_FILE",
        help="Write metrics for Prometheus there, again and again. Needs synthgen[metrics].",
    ),
]

Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        envvar="SYNTHGEN_TRUST",
        help="Open models and plug-ins that someone else's run names and that you have never used here.",
    ),
]

LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="Column of the classes. Default: detected.")
]

ImagesFrom = Annotated[
    Path | None,
    typer.Option(
        "--images-from", metavar="DIR", help="Folder, besides the set's own, that may hold images named by path."
    ),
]

AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Fetch images that the set names by http or https address.")
]

Cluster = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster",
        metavar="COLUMN",
        help="Column in which images that depend on each other are equal, such as 'patient_id'. Repeatable.",
    ),
]

EmbeddingsCache = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Folder of embeddings. Default: in your cache folder.")
]

DrawSeed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed for all random draws.")]


class About(StrEnum):
    """What the intervals of an audit are about."""

    SOURCE = "source"
    SET = "set"


class Executor(StrEnum):
    """Where workers run."""

    LOCAL = "local"
    RAY = "ray"
