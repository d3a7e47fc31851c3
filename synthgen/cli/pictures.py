"""`-o FILE.png`: where commands write the pictures of attempts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from synthgen.errors import UsageError
from synthgen.files import check_file, write_file

Picture = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE.png",
        help="Write the picture there; with several IDs, a folder that gets one ID.png for each.",
    ),
]


def check_picture(path: Path | None, image_ids: Sequence[str]) -> None:
    """Check, before anything is read or rendered, that pictures can be written.

    Raises:
        UsageError: `path` is a file and there are several pictures, or the name of a file that is no PNG.
        StorageError: it cannot be written.
    """
    if path is None:
        return
    if _is_file(path):
        if len(image_ids) > 1:
            raise UsageError(
                f"{path} is one file, for {len(image_ids)} pictures", argument="path", hint="Name a folder."
            )
        check_file(path)
    elif path.suffix and not path.is_dir():
        raise UsageError(f"expected a file that ends in .png, or a folder; found {path}", argument="path")
    elif len(image_ids) == 1 and not path.is_dir():
        raise UsageError(f"expected a file that ends in .png, found {path}", argument="path")
    else:
        check_file(path / "picture.png")


def write_pictures(path: Path | None, pictures: Mapping[str, bytes | None]) -> dict[str, str]:
    """Write pictures, by the ids of their attempts, and return the files' names by id. Those without one are left out.

    Raises:
        StorageError: one cannot be written.
    """
    written = {}
    for image_id, png in pictures.items():
        if path is not None and png is not None:
            file = path if _is_file(path) else path / f"{image_id}.png"
            write_file(file, png)
            written[image_id] = str(file)
    return written


def _is_file(path: Path) -> bool:
    return path.suffix.lower() == ".png" and not path.is_dir()
