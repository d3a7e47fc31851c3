"""Images of the model before it is tuned, learnt again beside the real ones, so that it forgets less of what it knows.

That is the prior preservation of DreamBooth (arXiv 2208.12242, 3.2).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from synthgen.errors import StorageError, stopped
from synthgen.events import OnProgress, StepProgress
from synthgen.files import as_storage_error, write_file
from synthgen.leftovers import remove
from synthgen.tuning.settings import GUIDANCE, SAMPLING_STEPS, TuneIdentity

if TYPE_CHECKING:
    from synthgen.tuning.denoiser import TunedDenoiser
    from synthgen.tuning.wording import ClassPrompts

_FIRST_SEED = 2_000_000
"""Far from the seeds of strips, and of the images that are compared."""
_NAME = re.compile(r"[0-9]{5}-[0-9a-f]{12}\.png")


@dataclass(frozen=True, slots=True)
class PriorImage:
    """An image that the model drew before it was tuned."""

    class_name: str
    prompt: str
    path: Path
    sha256: str

    def open(self) -> Image.Image:
        """Read it.

        Raises:
            StorageError: it cannot be read.
        """
        with as_storage_error(self.path):
            data = self.path.read_bytes()
        if sha256(data).hexdigest() != self.sha256:
            raise StorageError(f"{self.path} was changed while it was in use", hint="Run the same command again.")
        return Image.open(io.BytesIO(data)).convert("RGB")


def prior_prompts(prompts: ClassPrompts, count: int) -> list[tuple[str, str]]:
    """Return the class and the prompt of each image: equally many of each class, then of each of its prompts."""
    names = list(prompts)
    rounds = (divmod(place, len(names)) for place in range(count))
    return [(names[column], prompts[names[column]][turn % len(prompts[names[column]])]) for turn, column in rounds]


def draw_prior(
    folder: Path,
    denoiser: TunedDenoiser,
    identity: TuneIdentity,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> list[PriorImage]:
    """Draw the images of a tuning into a folder; those that are there already are not drawn again.

    Args:
        denoiser: not tuned yet.

    Raises:
        StorageError: one cannot be written or read.
        Interrupted: `stop` said so.
    """
    settings = identity.settings
    wanted = prior_prompts({name: tuple(texts) for name, texts in settings.prompts.items()}, settings.prior)
    paths = _paths(folder, identity, denoiser.precision, wanted)
    _remove_others(folder, paths)

    # A batch is drawn as a whole or not at all: what an image is like depends a little on its neighbours.
    for start in range(0, len(wanted), settings.batch_size):
        part = slice(start, start + settings.batch_size)
        if not all(path.is_file() for path in paths[part]):
            if stop():
                raise stopped()
            texts = [text for _, text in wanted[part]]
            first = _FIRST_SEED + settings.seed + start
            drawn = denoiser.draw(texts, range(first, first + len(texts)), GUIDANCE, SAMPLING_STEPS)
            for path, picture in zip(paths[part], drawn, strict=True):
                buffer = io.BytesIO()
                picture.save(buffer, "PNG")
                write_file(path, buffer.getvalue())
        done = min(part.stop, len(wanted))
        on_progress(StepProgress("drawing what the model knows", "images", done, len(wanted)))

    return [PriorImage(name, text, path, _hash(path)) for (name, text), path in zip(wanted, paths, strict=True)]


def digest_of(images: Sequence[PriorImage]) -> str:
    """Return one hash of all; an empty text without any."""
    return sha256(" ".join(image.sha256 for image in images).encode()).hexdigest() if images else ""


def _paths(folder: Path, identity: TuneIdentity, precision: str, wanted: Sequence[tuple[str, str]]) -> list[Path]:
    """Name the files by all that decides what they show: those of another tuning have other names."""
    settings = identity.settings
    drawn = [settings.seed, settings.size, settings.batch_size, precision, GUIDANCE, SAMPLING_STEPS]
    stamp = sha256(json.dumps([identity.model, identity.revision, drawn, wanted]).encode()).hexdigest()[:12]
    return [folder / f"{place:05d}-{stamp}.png" for place in range(len(wanted))]


def _remove_others(folder: Path, paths: Sequence[Path]) -> None:
    """Remove what other tunings drew here, and nothing else."""
    kept = {path.name for path in paths}
    for path in _files(folder):
        if path.name not in kept and _NAME.fullmatch(path.name):
            remove(path)


def _files(folder: Path) -> Iterator[Path]:
    with as_storage_error(folder):
        yield from sorted(folder.iterdir()) if folder.is_dir() else ()


def _hash(path: Path) -> str:
    with as_storage_error(path):
        return sha256(path.read_bytes()).hexdigest()
