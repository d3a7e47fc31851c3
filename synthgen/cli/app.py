"""The program: its name, its help, its version."""

from typing import Annotated

import typer

from synthgen.version import __version__

app = typer.Typer(
    name="synthgen",
    help="Labelled image datasets from diffusion models, with proof of what is in them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 2 fix the command, the spec or the model; 3 quota not met; 4 gate failed; "
    "5 model hub, device or storage: trying again may help; 75 interrupted: run again to resume; 130 Ctrl-C twice.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""
