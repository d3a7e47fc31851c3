"""What images kept of the pictures that they begin from, and what changed in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from synthgen.judging.measure import ImageBatch, JudgeEncoder
from synthgen.records import Candidate

_REMEMBERED = 4096
"""Pictures whose embeddings are remembered: many images may begin from one."""


@dataclass(frozen=True, slots=True)
class Before:
    """The picture that an image begins from, laid out as the image is.

    Attributes:
        pixels: uint8 [3, height, width].
        region: what was to be drawn again, bool [height, width]; None for all of it.
    """

    pixels: Tensor
    region: Tensor | None


Befores = Callable[[Candidate, tuple[int, int]], Before]
"""Opens the picture of a candidate, for an image of some width and height."""


class PictureEncoder(JudgeEncoder, Protocol):
    """A judge's CLIP that embeds pictures, too."""

    def embed_pictures(self, pictures: Sequence[Tensor]) -> Tensor:
        """Embed uint8 images [3, height, width] of any sizes: float [n, width], each of length 1."""


class EditMeasure:
    """`kept`, `changed` and `gained` of images that begin from pictures.

    `kept`: with a region, the share of the pixels outside of it that are those of the picture, bit for bit; without
    one, the cosine of the embeddings of image and picture. `changed`: by how much the pixels of the region, or all,
    differ on average, in shares of white. `gained`: how much nearer the region's part of the image is to the prompt
    than that part of the picture was, as a difference of cosines.
    """

    names = ("kept", "changed", "gained")

    def __init__(self, before: Befores) -> None:
        self._before = before

    def setup(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder
        self._texts = lru_cache(_REMEMBERED)(lambda prompt: encoder.embed_texts([prompt])[0])
        self._pictures: dict[tuple[str | None, tuple[int, int]], Tensor] = {}

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        """See `ImageMeasure.measure`."""
        size = (batch.images.shape[3], batch.images.shape[2])
        befores = [self._before(candidate, size) for candidate in batch.candidates]
        places = [_place(before.region) for before in befores]
        cut = [n for n, before in enumerate(befores) if before.region is not None]
        images = batch.embeddings.clone()
        if cut:
            images[cut] = self._encoder.embed_pictures([batch.images[n][places[n]] for n in cut])
        pictures = torch.stack(self._embedded(batch.candidates, befores, places, size))
        prompts = torch.stack([self._texts(candidate.prompt) for candidate in batch.candidates])

        kept, changed = (images * pictures).sum(1), torch.empty(len(befores), device=images.device)
        for n, before in enumerate(befores):
            differs = (batch.images[n].int() - before.pixels.to(batch.images.device).int()).abs()
            region = before.region
            changed[n] = (differs if region is None else differs[:, region]).float().mean() / 255
            if region is not None:  # where all of the image is the region, nothing was to stay
                kept[n] = 1 if region.all() else (differs[:, ~region].amax(0) == 0).float().mean()
        gained = (images * prompts).sum(1) - (pictures * prompts).sum(1)
        return {"kept": kept, "changed": changed, "gained": gained}

    def _embedded(
        self,
        candidates: Sequence[Candidate],
        befores: Sequence[Before],
        places: Sequence[tuple[slice, ...]],
        size: tuple[int, int],
    ) -> list[Tensor]:
        """Embed the pictures' parts. A picture's part depends on the picture and the image's size alone."""
        keys = [(candidate.source, size) for candidate in candidates]
        if new := {key: n for n, key in enumerate(keys) if key not in self._pictures}:
            found = self._encoder.embed_pictures([befores[n].pixels[places[n]] for n in new.values()])
            there = {**self._pictures, **dict(zip(new, found, strict=True))}
            embedded = [there[key] for key in keys]
            self._pictures = there if len(there) <= _REMEMBERED else {}
            return embedded
        return [self._pictures[key] for key in keys]


def _place(region: Tensor | None) -> tuple[slice, ...]:
    """The smallest box around a region, as an index of an image [3, height, width]."""
    if region is None:
        return (slice(None),)
    rows, columns = (region.any(side).nonzero()[:, 0].tolist() for side in (1, 0))
    return slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
