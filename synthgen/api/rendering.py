"""Source images of the bundled world: pictures of which label, attributes, boxes and mask are known."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import PathInput, flag_of, number_of, path_of
from synthgen.errors import Interrupted, UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import as_storage_error, check_folder, draft, expanded, make_folder, write_file
from synthgen.inert import inert

if TYPE_CHECKING:
    from PIL import Image

IMAGES, MASKS, METADATA = "images", "masks", "metadata.jsonl"
_DIGITS = 6
"""Of the number in a file's name, at least."""


@dataclass(frozen=True, slots=True)
class Renders:
    """A labelled set of renders.

    Attributes:
        folder: where it is.
        classes: how many images of each class it has.

    Example:
        >>> synthgen.render("outputs/twelve", 12, even=True)
        <Renders outputs/twelve: 12 images>
    """

    folder: Path
    classes: Mapping[str, int]

    def __repr__(self) -> str:
        return f"<Renders {inert(str(self.folder))}: {self.count:,} images>"

    @property
    def count(self) -> int:
        return sum(self.classes.values())


def render(
    folder: PathInput,
    count: int,
    *,
    seed: int = 0,
    even: bool = False,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Renders:
    """Draw images of the bundled world as an image folder: with labels, attributes, boxes and masks.

    The same seed draws the same images, and a larger set begins with those of a smaller one. If the call fails or is
    stopped, what it wrote is removed.

    Args:
        folder: where the set goes: a new folder, or an empty one.
        even: equal shares of every class, and in each class of skin tones, hair lengths and glasses. By default, the
            shares are skewed as in the pictures that the bundled models were trained on.

    Raises:
        UsageError: the folder has files already.
        StorageError: the set cannot be written.
        Interrupted: `stop` said so, between two images.

    Example:
        >>> made = synthgen.render("outputs/renders", 6, even=True)
        >>> made.classes["chef"]
        1
        >>> first = datasets.load_dataset("outputs/renders", split="train")[0]
        >>> first["mask"].size
        (64, 64)
    """
    from synthgen.bundled.renders import mask_of, row_of, scenes
    from synthgen.bundled.world import OCCUPATIONS

    place, count, seed = expanded(path_of(folder, "folder")), number_of(count, "count"), number_of(seed, "seed", 0)
    even = flag_of(even, "even")
    _check_empty(place)

    classes: Counter[str] = Counter()
    digits = max(_DIGITS, len(str(count - 1)))
    with _whole_or_nothing(place), draft(place / METADATA) as metadata:
        for number, scene in enumerate(islice(scenes(seed, even=even), count)):
            if stop():
                raise Interrupted("interrupted", hint="Run the same command again. What was written is removed.")
            on_progress(StepProgress("rendering", "images", number, count))
            image, mask = (f"{kind}/{number:0{digits}}.png" for kind in (IMAGES, MASKS))
            _write(place / image, scene.image)
            _write(place / mask, mask_of(scene))
            metadata.write(json.dumps(row_of(scene, image, mask)).encode() + b"\n")
            classes[scene.person.occupation] += 1

        on_progress(StepProgress("rendering", "images", count, count))
        metadata.replace()
    return Renders(place, {name: classes[name] for name in OCCUPATIONS})


def _check_empty(folder: Path) -> None:
    check_folder(folder)
    with as_storage_error(folder):
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
    if names:
        what = f"{folder} is not empty: it has {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "")
        raise UsageError(what, argument="folder", hint="Name a new folder. Nothing in this one was changed.")


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[None]:
    """Make the folders of a set, and remove them if the block fails.

    Until the set is complete, its metadata lists nothing, so that nobody takes what a kill leaves behind for a set.
    """
    is_new = not folder.exists()
    kinds = [folder / IMAGES, folder / MASKS]
    with ExitStack() as undone:
        undone.callback(_remove, folder, kinds, is_new=is_new)
        with as_storage_error(folder):
            make_folder(folder)
            for kind in kinds:
                kind.mkdir()
        write_file(folder / METADATA, b"")
        yield
        undone.pop_all()  # it is whole


def _remove(folder: Path, kinds: Sequence[Path], *, is_new: bool) -> None:
    with suppress(OSError):
        (folder / METADATA).unlink()
    for kind in kinds:
        shutil.rmtree(kind, ignore_errors=True)
    if is_new:
        with suppress(OSError):
            folder.rmdir()


def _write(path: Path, image: Image.Image) -> None:
    content = io.BytesIO()
    image.save(content, "PNG")
    with as_storage_error(path, "cannot write "), path.open("xb") as file:
        file.write(content.getvalue())
