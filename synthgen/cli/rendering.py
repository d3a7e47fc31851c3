"""`synthgen render`: labelled source images of the bundled world."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.session import session
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.units import counted


@command
def render(
    count: Annotated[int, typer.Option("-n", "--count", min=1, metavar="N", help="How many images.")] = 24,
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="A new folder, or an empty one.")
    ] = Path("outputs/renders"),
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="The same seed draws the same images.")] = 0,
    even: Annotated[
        bool,
        typer.Option("--even", help="Equal shares of every class, skin tone, hair length, and of glasses."),
    ] = False,
) -> Answer:
    """Draw labelled images of the bundled models' world.

    They are for trials and teaching; no model is loaded. Each cartoon portrait has its class, attributes, boxes and
    mask in metadata.jsonl: an image folder that `synthgen audit` and `datasets.load_dataset` open. Without --even,
    attributes are as skewed as in the training pictures.
    """
    from synthgen.api.rendering import METADATA, render

    stop = stop_on_signals("after this image")
    with session.progress(str(folder), "rendering") as on_progress:
        made = render(folder, count, seed=seed, even=even, on_progress=on_progress, stop=stop.is_set)
    result = {
        "folder": str(made.folder),
        "images": made.count,
        "seed": seed,
        "even": even,
        "classes": dict(made.classes),
    }
    lines = [
        f"rendered  {counted(made.count, 'image')}: " + ", ".join(f"{n} {name}" for name, n in made.classes.items()),
        f"labels    {made.folder / METADATA}, with the paths of images and masks",
        f"next      synthgen audit {shlex.quote(str(made.folder))} --known skin_tone=skin_tone",
    ]
    return Answer(result=result, lines=lines)
