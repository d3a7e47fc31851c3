"""`synthgen expand`: asks a language model for prompts."""

from dataclasses import replace
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.command import command
from synthgen.cli.options import Device, Files, Overrides, SpecFile, Variables
from synthgen.cli.session import session
from synthgen.cli.units import counted

_SHOWN = 2
"""Prompts of each class and cell that are shown; the file has all."""


@command
def expand(
    spec: SpecFile,
    again: Annotated[
        bool, typer.Option("--again", help="Ask for all prompts again, also those that are there.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="ADDRESS",
            help="An endpoint on another machine that may be asked, such as https://api.example.com. Repeatable.",
        ),
    ] = None,
    key_from: Annotated[
        str | None,
        typer.Option("--key-from", metavar="NAME", help="The environment variable that has the endpoint's key."),
    ] = None,
    device: Device = "auto",
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
) -> Answer:
    """Ask a language model for prompts. Nothing else ever asks it.

    `prompts.expand` of the spec says what is asked. The prompts go to the file that it names, and from there into the
    plan. What the file has is kept.
    """
    from synthgen.api.expanding import ask_writer, refusals
    from synthgen.api.specs import checked_spec
    from synthgen.cli.sources import Changes, read
    from synthgen.spec.expanded import named

    settings = replace(Changes(overrides, files, variables).settings, reads_prompts=False)
    found = checked_spec(read(spec), settings, calibrated=False)
    with session.progress(found.name, "asking for prompts") as on_progress:
        made = ask_writer(
            found, again=again, allow=allow or (), key_from=key_from, device=device, on_progress=on_progress
        )

    lines = []
    for cell in made.cells:
        told = ", ".join(refusals(cell))
        refused = f"; not used: {told}" if told else ""
        lines.append(f"{shown(named(cell.of, cell.values))}: {counted(len(cell.texts), 'prompt')}{refused}")
        lines += [f"  {text}" for text in cell.texts[:_SHOWN]]
    if made.removed:
        lines.append(f"removed   {counted(made.removed, 'prompt')} that the spec does not allow any more")
    who = f"{made.model} ({made.revision})" if made.revision else made.model
    lines.append(
        f"asked     {who}, {counted(made.requests, 'time')}" if made.requests else "asked     nothing: all are there"
    )
    lines.append(f"file      {made.file}: {counted(made.total, 'prompt')}")
    result = {
        "file": str(made.file),
        "model": made.model,
        "revision": made.revision,
        "requests": made.requests,
        "removed": made.removed,
        "cells": [
            {
                "class": cell.of,
                "values": dict(cell.values),
                "prompts": list(cell.texts),
                "requests": cell.requests,
                "refused": dict(cell.refused),
            }
            for cell in made.cells
        ],
    }
    return Answer(result=result, lines=lines)
