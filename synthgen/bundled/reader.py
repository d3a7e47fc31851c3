"""The ground-truth reader: recognises what a picture of the bundled world really shows.

Trained on renders only, with every attribute drawn evenly, and never used by a filter: tests and
benchmarks ask it whether the generator and the judge were right.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

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
        boxes: float [n, 4], the person's box in pixels: left, top, right, bottom.
    """

    posteriors: dict[str, Tensor]
    boxes: Tensor

    def values(self, attribute: str) -> list[str]:
        """Return the most probable value of `attribute` for each picture."""
        names = ATTRIBUTES[attribute]
        return [names[index] for index in self.posteriors[attribute].argmax(1).tolist()]


class Reader(nn.Module):
    """A small convolutional network with one linear head per attribute and one for the box."""

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

    def forward(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Compute logits per attribute, and the box as shares of the side, from pixels [n, 3, 64, 64] in 0..1."""
        features = self.body(pixels * 2 - 1)
        return {name: head(features) for name, head in self.heads.items()}, self.box(features)

    @torch.inference_mode()
    def read(self, images: Tensor) -> Reading:
        """Read uint8 images [n, 3, 64, 64]."""
        logits, box = self(images.float() / 255)
        return Reading({name: values.softmax(1) for name, values in logits.items()}, box * SIZE)


def load_reader(path: Path) -> Reader:
    reader = Reader()
    reader.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return reader.eval()
