"""A tuning from encoded images to its record: training, the adapter's file, what it memorised, tune.json."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synthgen.errors import stopped
from synthgen.events import OnProgress, StepProgress
from synthgen.files import write_file
from synthgen.records import TunedOn
from synthgen.stats.near_hashes import perceptual_hash
from synthgen.tuning.adapter import write_adapter
from synthgen.tuning.checkpoint import check_prior, load_state
from synthgen.tuning.document import TuneRecord, readme
from synthgen.tuning.folder import CHECKPOINT, NEAREST, PRIOR, README, RECORD, SAMPLES, strip_of
from synthgen.tuning.memorised import Memorisation, PictureLooks, memorisation_of
from synthgen.tuning.prior import PriorImage, digest_of, draw_prior
from synthgen.tuning.samples import strip_prompts, write_grid, write_strip
from synthgen.tuning.settings import GUIDANCE, SAMPLING_STEPS, TuneIdentity
from synthgen.tuning.training import Material, Training

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from synthgen.stats.search import Vectors
    from synthgen.tuning.checkpoint import TrainingState
    from synthgen.tuning.denoiser import Condition, TunedDenoiser
    from synthgen.tuning.wording import ClassPrompts

_THUMBNAIL = 256


class LooksAtPictures(Protocol):
    """What embeds pictures."""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Return embeddings of length 1, [n, d]."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnComparison:
    """How drawn images are compared with the real ones.

    Attributes:
        judge: embeds the drawn ones.
        name, revision: which judge that is.
        looks: of the real images.
        count: how many are drawn, at least one.
    """

    judge: LooksAtPictures
    name: str
    revision: str
    looks: PictureLooks
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Images that a model drew, small, and what they look like."""

    pictures: Sequence[Image.Image]
    looks: PictureLooks


@dataclass(frozen=True, slots=True, eq=False)
class TuneWork:
    """A tuning whose images were looked at, and whose model was opened.

    Attributes:
        folder: where it is written.
        squares: reads the images, cut to the model's size.
        held: places of those that are held out.
        pipeline: the class of the model.
    """

    folder: Path
    denoiser: TunedDenoiser
    identity: TuneIdentity
    squares: Callable[[], Iterator[Image.Image]]
    prompts: ClassPrompts
    held: Sequence[int]
    pipeline: str
    licence: str | None
    comparison: DrawnComparison | None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def run(self, on_progress: OnProgress, stop: Callable[[], bool]) -> dict[str, object]:
        """Do it; return the content of tune.json.

        Raises:
            ModelError, DeviceError, StorageError: the model, the device or the disk fails.
            Interrupted: `stop` said so.
        """
        settings = self.identity.settings
        state = load_state(self.folder / CHECKPOINT, self.identity, self.denoiser.precision)
        prior = self._prior(state, on_progress, stop)
        latents, thumbnails = self._encoded(on_progress)
        texts = {name: self.denoiser.conditions(prompts) for name, prompts in self.prompts.items()}
        material = Material(
            latents,
            [name for name, _, _ in self.identity.images],
            self.held,
            {name: found[:-1] for name, found in texts.items()},
            None if settings.word else next(iter(texts.values()))[-1],
            self._known(prior, texts, on_progress),
        )
        untuned = self._looks(self.comparison, "drawing before tuning", on_progress, stop) if self.comparison else None
        if settings.word is None:
            self.denoiser.add_lora(settings.rank, settings.layers, settings.seed)
        Training(self.denoiser, material, self.identity, self.folder / CHECKPOINT, state, self._draw_strip, stop).run(
            on_progress
        )

        tuned = TunedOn(
            self.identity.model,
            self.identity.revision,
            tuple(sorted(digest for _, digest, held in self.identity.images if not held)),
            self.licence,
            settings.prior,
        )
        sha256 = write_adapter(self.folder, self.denoiser, settings, tuned)
        near = None
        if self.comparison and untuned:
            made = self._looks(self.comparison, "drawing to compare", on_progress, stop)
            near = self._compared(self.comparison, made, untuned.looks, thumbnails)
        return self._recorded(state, sha256, near, prior)

    def _prior(self, state: TrainingState, on_progress: OnProgress, stop: Callable[[], bool]) -> list[PriorImage]:
        """Draw what the model knows, before it is tuned."""
        prior = draw_prior(self.folder / PRIOR, self.denoiser, self.identity, on_progress, stop)
        check_prior(self.folder / CHECKPOINT, state, digest_of(prior))
        return prior

    def _known(
        self, prior: Sequence[PriorImage], texts: Mapping[str, Sequence[Condition]], on_progress: OnProgress
    ) -> list[tuple[Tensor, Condition]]:
        """Encode what the model drew, each with its prompt."""
        places = {(name, text): place for name, found in self.prompts.items() for place, text in enumerate(found)}
        known = []
        for one, latent in zip(prior, self.denoiser.latents(image.open() for image in prior), strict=True):
            known.append((latent, texts[one.class_name][places[one.class_name, one.prompt]]))
            on_progress(StepProgress("encoding what the model knows", "images", len(known), len(prior)))
        return known

    def _encoded(self, on_progress: OnProgress) -> tuple[list[Tensor], list[Image.Image]]:
        """Encode each image; return the small pictures of all, too."""
        thumbnails: list[Image.Image] = []

        def seen() -> Iterator[Image.Image]:
            for picture in self.squares():
                side = min(_THUMBNAIL, picture.width)
                thumbnails.append(picture.resize((side, side)))
                yield picture

        latents, total = [], len(self.identity.images)
        for latent in self.denoiser.latents(seen()):
            latents.append(latent)
            on_progress(StepProgress("encoding", "images", len(latents), total))
        return latents, thumbnails

    def _draw_strip(self, step: int) -> None:
        path = strip_of(self.folder, step)
        if self.identity.settings.is_shown(step) and not path.exists():
            texts, seed = strip_prompts(self.prompts), self.identity.settings.seed
            seeds = [seed + place for place in range(len(texts))]
            write_strip(path, self._drawn(texts, seeds))

    def _drawn(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        return self.denoiser.draw(texts, seeds, GUIDANCE, SAMPLING_STEPS)

    def _looks(
        self, comparison: DrawnComparison, what: str, on_progress: OnProgress, stop: Callable[[], bool]
    ) -> _Drawn:
        """Draw images with the model as it is now, and look at them."""
        texts = [text for prompts in self.prompts.values() for text in prompts]
        wanted = [texts[place % len(texts)] for place in range(comparison.count)]
        first, at_once = 1_000_000 + self.identity.settings.seed, self.identity.settings.batch_size
        pictures: list[Image.Image] = []
        vectors, hashes = [], []
        for start in range(0, len(wanted), at_once):
            if stop():
                raise stopped()
            part = wanted[start : start + at_once]
            drawn = self._drawn(part, range(first + start, first + start + len(part)))
            vectors.append(comparison.judge.embed_pictures(drawn))
            hashes += [perceptual_hash(np.asarray(picture)).tobytes() for picture in drawn]
            side = min(_THUMBNAIL, self.denoiser.size)
            pictures += [picture.resize((side, side)) for picture in drawn]
            on_progress(StepProgress(what, "images", len(pictures), len(wanted)))
        return _Drawn(pictures, PictureLooks(np.concatenate(vectors), hashes))

    def _compared(
        self, comparison: DrawnComparison, made: _Drawn, untuned: PictureLooks, thumbnails: Sequence[Image.Image]
    ) -> Memorisation:
        """Compare what the tuned model drew with the images that it was trained on, and show the nearest."""
        held = set(self.held)
        training = [place for place in range(len(thumbnails)) if place not in held]
        near = memorisation_of(made.looks, untuned, comparison.looks.take(training), comparison.looks.take(self.held))
        pairs = [[made.pictures[pair.image], thumbnails[training[pair.training]]] for pair in near.pairs]
        write_grid(self.folder / NEAREST, pairs)
        return near

    def _recorded(
        self, state: TrainingState, sha256: str, near: Memorisation | None, prior: Sequence[PriorImage]
    ) -> dict[str, object]:
        """Write README and record, the record last; remove the checkpoint."""
        record = TuneRecord(
            identity=self.identity,
            pipeline=self.pipeline,
            left_out=self.left_out,
            licence=self.licence,
            sha256=sha256,
            losses=state.losses,
            best_step=state.best_step,
            near=near,
            judge=(self.comparison.name, self.comparison.revision) if self.comparison else None,
            device=self.denoiser.device.type,
            precision=self.denoiser.precision,
            seconds=state.seconds,
            prior=[(image.class_name, image.sha256) for image in prior],
        )

        write_file(self.folder / README, readme(record, self.folder).encode())
        content = record.as_json()
        write_file(self.folder / RECORD, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
        (self.folder / CHECKPOINT).unlink(missing_ok=True)
        return content


def begin_again(folder: Path) -> None:
    """Remove samples of a tuning that left no checkpoint: they may be of another one.

    Raises:
        StorageError: they cannot be removed.
    """
    if not (folder / CHECKPOINT).exists():
        shutil.rmtree(folder / SAMPLES, ignore_errors=True)
