"""Options and arguments that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec.")]


def location_of(text: str) -> str:
    return text if text.endswith("://") else text.rstrip("/") or text


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", parser=location_of, help="A run: its folder, such as outputs/quickstart, or s3://bucket/prefix."
    ),
]


Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec: --set model.steps=10. Repeatable."),
]


Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is one.")]


Devices = Annotated[
    str,
    typer.Option(help="auto (every GPU, else the processor), cpu:2, cuda, cuda:0,2, mps: a process for each."),
]


Extend = Annotated[
    bool, typer.Option("--extend", help="Let the run that is there grow, if the spec asks for more images than it.")
]


TopUp = Annotated[
    bool, typer.Option("--top-up", help="Try once more to make what a finished run is short of: in further shards.")
]


Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        envvar="SYNTHGEN_TRUST",
        help="Open models that you never used here, since the run of somebody else names them.",
    ),
]


class Executor(StrEnum):
    """Where workers run."""

    LOCAL = "local"
    RAY = "ray"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def kept_text(spec: Path, overrides: list[str] | None) -> str:
    """The spec as its author wrote it, and above it what the command line changed."""
    return "".join(f"# --set {override}\n" for override in overrides or ()) + spec.read_text(encoding="utf-8-sig")
