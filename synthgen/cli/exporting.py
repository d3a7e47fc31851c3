"""`synthgen export`: parses options, calls `api`, prints."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.command import command
from synthgen.cli.options import AllowRemote, ImagesFrom, LabelColumn, location_of
from synthgen.cli.session import session
from synthgen.cli.units import counted

if TYPE_CHECKING:
    from synthgen.api.exporting import Exported


class PictureFormats(StrEnum):
    """What pictures can be encoded as."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


@command
def export(
    place: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            parser=location_of,
            help="A run, a dataset, or any set that `synthgen audit` opens.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="parquet, hf, webdataset, imagefolder, coco, yolo, or the format of an installed plug-in.",
        ),
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", parser=location_of, help="Folder to make.")],
    image: Annotated[
        PictureFormats | None,
        typer.Option(
            "--image",
            metavar="png|jpeg|webp",
            help="Encode the pictures. Default: a run as its spec says, others as they are.",
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            "--quality", min=1, max=100, metavar="N", help="Of JPEG, default 95; of WebP, lossless without it."
        ),
    ] = None,
    label: LabelColumn = None,
    images_from: ImagesFrom = None,
    allow_remote: AllowRemote = False,
) -> Answer:
    """Write a run or any labelled set in another format."""
    from synthgen.api.exporting import export

    with session.progress(place, f"exporting {place}") as on_progress:
        made = export(
            place,
            to,
            output,
            image=image.value if image else None,
            quality=quality,
            label=label,
            images_from=images_from,
            allow_remote=allow_remote,
            on_progress=on_progress,
        )
    summary = made.summary
    result = {
        "folder": made.folder,
        "format": summary.format.name,
        "written": made.rebuilt,
        "images": summary.rows,
        "image": {"format": summary.encoding.format, "quality": summary.encoding.quality, "encoded": summary.encoded},
        "classes": summary.classes,
        "splits": {split.name: split.rows for split in summary.splits},
        "left_out": made.left_out,
        "notes": list(made.notes),
    }
    return Answer(result=result, lines=[*_lines(made)])


def _lines(made: "Exported") -> Iterator[str]:
    summary = made.summary
    if not made.rebuilt:
        yield "nothing to do: the same is there already"
    splits = ", ".join(f"{shown(split.name)} {split.rows:,}" for split in summary.splits)
    yield f"dataset   {made.folder}: {splits}"
    yield f"format    {summary.format.name}, {counted(len(summary.classes), 'class', 'classes')}"
    kept = summary.rows - summary.encoded
    yield f"pictures  {summary.encoding}: {summary.encoded:,} encoded, {kept:,} left as they were"
    for name, why in made.left_out.items():
        yield f"left out  '{shown(name)}': {why}"
    for note in made.notes:
        yield f"note      {note}"
