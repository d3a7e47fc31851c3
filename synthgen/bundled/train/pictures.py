"""The pictures that the models are trained on, rendered again from a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from synthgen.bundled.captions import SPOILED, facts
from synthgen.bundled.world import SIZE, Person, render


@dataclass(frozen=True, slots=True)
class TrainingPictures:
    """Rendered people.

    Attributes:
        images: uint8 [n, 3, 64, 64].
        facts: int64 [n, 7], as `captions.facts`.
        boxes: float [n, 4], shares of the side.
        masks: bool [n, 64, 64], true where the person is.
    """

    people: list[Person]
    images: Tensor
    facts: Tensor
    boxes: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.people)


def render_many(
    count: int, draw: Callable[[Random], Person], seed: int, *, medallion: bool = False
) -> TrainingPictures:
    """Render `count` people drawn by `draw`; about 1.5 ms each."""
    rng = Random(seed)
    scenes = [render(draw(rng), rng, medallion=medallion) for _ in range(count)]
    return TrainingPictures(
        [scene.person for scene in scenes],
        torch.from_numpy(np.stack([np.asarray(scene.image) for scene in scenes])).permute(0, 3, 1, 2).contiguous(),
        torch.tensor([facts(scene.person) for scene in scenes]),
        torch.tensor([scene.box for scene in scenes]).float() / SIZE,
        torch.from_numpy(np.stack([scene.mask for scene in scenes])),
    )


def softened(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """Change pixels [n, 3, h, w] in 0..1 as a decoder might: slightly soft, noisy and with wrong brightness."""

    def uniform(low: float, high: float) -> float:
        return float(torch.empty(()).uniform_(low, high, generator=rng))

    parts = []
    for part in pixels.chunk(4):
        sigma = uniform(0.05, 0.9)
        soft = transform.gaussian_blur(part, [5, 5], [sigma, sigma])
        parts.append(soft + uniform(0, 0.03) * torch.randn(part.shape, generator=rng) + uniform(-0.04, 0.04))
    return torch.cat(parts).clamp(0, 1)


def spoiled(pixels: Tensor, kind: str, rng: torch.Generator) -> Tensor:
    """Spoil each picture of pixels [n, 3, h, w] in 0..1 in the way that `captions.SPOILED` names `kind`."""
    count = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(count, 1, 1, 1).uniform_(low, high, generator=rng)

    match kind:
        case "blank":
            return torch.rand(count, 3, 1, 1, generator=rng).expand_as(pixels)
        case "blurred":
            sigma = float(uniform(2.5, 7)[0])
            blurred: Tensor = transform.gaussian_blur(pixels, [21, 21], [sigma, sigma])
            return blurred
        case "noisy":
            # From a picture drowned in noise to nothing but noise.
            noise = torch.randn(pixels.shape, generator=rng) * uniform(0.25, 0.5) + 0.5
            share = uniform(0.5, 1)
            return (pixels * (1 - share) + noise * share).clamp(0, 1)
        case "blended":
            share = uniform(0.35, 0.65)
            return pixels * share + pixels.roll(1, 0) * (1 - share)
    raise AssertionError(f"{kind} is not one of {list(SPOILED)}")
