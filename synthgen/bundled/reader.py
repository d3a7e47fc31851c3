"""The ground-truth reader: recognises what a picture of the bundled world really shows.

Trained on renders only, with every attribute drawn evenly, and never used by a filter: tests and
benchmarks ask it whether the generator and the judge were right. What it finds of the person, box and
pixels, is also what `annotate` of a spec can ask for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SIZE, SKINS

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "occupation": OCCUPATIONS,
    "skin": SKINS,
    "hair_length": HAIR_LENGTHS,
    "hair_color": HAIR_COLORS,
    "glasses": ("no", "yes"),
    "background": BACKGROUNDS,
}
"""The attributes that are read, with their values in the order of the logits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader recognised in a batch of n pictures.

    Attributes:
        posteriors: per attribute, float [n, number of values], rows sum to 1.
        boxes: float [n, 4], the box around the person in pixels, as in `FoundPeople`.
    """

    posteriors: dict[str, Tensor]
    boxes: Tensor

    def values(self, attribute: str) -> list[str]:
        """Return the most probable value of `attribute` for each picture."""
        names = ATTRIBUTES[attribute]
        return [names[index] for index in self.posteriors[attribute].argmax(1).tolist()]


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """Where the person is on each of n pictures.

    Attributes:
        masks: bool [n, height, width], the pixels of the person: the largest connected part of what looks like one.
        boxes: float [n, 4], the box around them: left, top, right, bottom (exclusive); zeros where nobody is.
        sure: float [n], the mean probability of those pixels, in 0.5..1; 0 where nobody is.
    """

    masks: Tensor
    boxes: Tensor
    sure: Tensor


class PersonFinder(nn.Module):
    """A small U-Net that tells for each pixel whether it belongs to the person, wherever and however large that is."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [_two(before, width) for before, width in zip((3, *_WIDTHS[:-1]), _WIDTHS, strict=True)]
        )
        self.up = nn.ModuleList(
            [_two(deep + flat, flat) for deep, flat in zip(_WIDTHS[:0:-1], _WIDTHS[-2::-1], strict=True)]
        )
        self.last = nn.Conv2d(_WIDTHS[0], 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute logits [n, height, width] from pixels [n, 3, height, width] in 0..1; sides are multiples of 16."""
        seen, x = [], pixels * 2 - 1
        for number, layers in enumerate(self.down):
            x = layers(functional.max_pool2d(x, 2) if number else x)
            seen.append(x)
        for layers, beside in zip(self.up, seen[-2::-1], strict=True):
            x = layers(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), beside], 1))
        found: Tensor = self.last(x)[:, 0]
        return found


_WIDTHS = (8, 16, 24, 32, 32)


def _two(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1),
        nn.GroupNorm(4, width),
        nn.SiLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.GroupNorm(4, width),
        nn.SiLU(),
    )


class Reader(nn.Module):
    """A small convolutional network with one linear head per attribute, and beside it a network that finds the person.

    `box` is a task of the training alone: it guesses the box of people who fill the picture.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 24, 5, stride=2, padding=2)]
        before = 24
        for width in (48, 96, 128):
            layers += [
                nn.Conv2d(before, before, 3, padding=1),
                nn.GroupNorm(8, before),
                nn.SiLU(),
                nn.Conv2d(before, width, 3, stride=2, padding=1),
                nn.GroupNorm(8, width),
                nn.SiLU(),
            ]
            before = width
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * (SIZE // 16) ** 2, 128), nn.SiLU())
        self.heads = nn.ModuleDict({name: nn.Linear(128, len(values)) for name, values in ATTRIBUTES.items()})
        self.box = nn.Linear(128, 4)
        self.finder = PersonFinder()

    def forward(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Compute logits per attribute, and the box as shares of the side, from pixels [n, 3, 64, 64] in 0..1."""
        features = self.body(pixels * 2 - 1)
        return {name: head(features) for name, head in self.heads.items()}, self.box(features)

    @torch.inference_mode()
    def read(self, images: Tensor) -> Reading:
        """Read uint8 images [n, 3, 64, 64]."""
        logits, _ = self(images.float() / 255)
        return Reading({name: values.softmax(1) for name, values in logits.items()}, self.find(images).boxes)

    @torch.inference_mode()
    def find(self, images: Tensor) -> FoundPeople:
        """Find the person on uint8 images [n, 3, height, width]. They are looked at in the world's own size."""
        size = [*images.shape[2:]]
        pixels = _resized(images.float() / 255, [SIZE, SIZE])
        likely = _resized(self.finder(pixels)[:, None].sigmoid(), size)[:, 0].cpu().numpy()
        people = [_largest(each) for each in likely]
        pairs = zip(likely, people, strict=True)
        return FoundPeople(
            torch.from_numpy(np.stack(people)),
            torch.tensor([_box(person) for person in people]),
            torch.tensor([float(each[person].mean()) if person.any() else 0.0 for each, person in pairs]),
        )


def _resized(pixels: Tensor, size: list[int]) -> Tensor:
    if [*pixels.shape[2:]] == size:
        return pixels
    return functional.interpolate(pixels, size, mode="bilinear", antialias=True)


def load_reader(path: Path) -> Reader:
    reader = Reader()
    reader.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return reader.eval()


def _largest(likely: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the largest connected part of the pixels that are likely ones of a person."""
    from scipy.ndimage import label

    parts, count = label(likely > 0.5)
    if not count:
        return np.zeros(likely.shape, dtype=bool)
    return np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
