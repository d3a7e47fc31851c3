"""The part of the ground-truth reader that finds the person, pixel by pixel.

`python -m synthgen.bundled.train.finder --work /tmp/train --out /tmp/reader.safetensors` trains it again, and writes
the reader that ships with it: nothing else of the reader changes.

Outpainting and image-to-image make people smaller and move them. So the finder sees renders that are shrunk to six
tenths of their side at least and put anywhere, on their own plain ground or on another one; some in the style of
`bundled:medallion`, and some of nobody at all.
"""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from synthgen.bundled import READER
from synthgen.bundled.mixture import even
from synthgen.bundled.reader import PersonFinder, load_reader
from synthgen.bundled.train.pictures import render_many, softened
from synthgen.bundled.world import SIZE
from synthgen.models.training import Schedule, train

PICTURES, MEDALLIONS, SEED = 5000, 1000, 11
"""Renders, and those of people before a disc."""
SCHEDULE = Schedule(steps=700, batch=24, rate=4e-3, warmup=50, average=0.99)
SMALLEST = 0.6
EMPTY, WHOLE, BELOW, OWN_GROUND, CUT_OUT = 0.06, 0.25, 0.4, 0.6, 0.25
"""Shares: of pictures of nobody, and of those that stay as they are; of the others, those that stand on the lower
edge; that keep their ground; and that lose all of it but the person. The rest has a frame of another colour around."""


def main(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints; interrupted training resumes from there.")],
    out: Annotated[Path, typer.Option(help="The file to write: safetensors, half precision.")],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the finder alone. This takes about six minutes on one CPU core."""
    work.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    reader = load_reader(READER)
    seconds = train_finder(reader.finder, work, torch.device(device))
    # Numbers that come from half precision go back to it unchanged.
    save_file({name: value.half().contiguous() for name, value in reader.cpu().state_dict().items()}, out)
    print(f"trained for {seconds:.0f} s", file=sys.stderr)


def train_finder(finder: PersonFinder, work: Path, device: torch.device) -> float:
    """Train it from a random start; return the seconds that this took."""
    torch.manual_seed(SEED)
    finder.load_state_dict(PersonFinder().state_dict())
    several = render_many(PICTURES, even, SEED), render_many(MEDALLIONS, even, SEED + 1, medallion=True)
    images, people = torch.cat([one.images for one in several]), torch.cat([one.masks for one in several])

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(images), (SCHEDULE.batch,), generator=rng)
        pixels, masks = moved(images[chosen], people[chosen], rng)
        logits = finder(softened(pixels, rng).to(device, memory_format=torch.channels_last))
        return functional.binary_cross_entropy_with_logits(logits, masks.to(device).float())

    finder.to(memory_format=torch.channels_last)
    return train("finder", finder, SCHEDULE, loss_of, work, device)


def moved(images: Tensor, people: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shrink and move people.

    Args:
        images: uint8 [n, 3, 64, 64].
        people: bool [n, 64, 64], their masks.

    Returns:
        Pixels [n, 3, 64, 64] in 0..1, and bool masks [n, 64, 64].
    """

    def chance() -> float:
        return float(torch.rand((), generator=rng))

    pixels, masks = [], []
    for image, person in zip(images, people, strict=True):
        # Red, green, blue, and where the person is.
        picture = torch.cat([image.float() / 255, person[None].float()])
        if (fate := chance()) < EMPTY:
            picture = torch.cat([picture[:3, :1, :1], torch.zeros(1, 1, 1)]).expand(4, SIZE, SIZE)
        elif fate < 1 - WHOLE:
            side = round(SIZE * (SMALLEST + (1 - SMALLEST) * chance()))
            room, kind = SIZE - side, chance()
            top = room if chance() < BELOW else round(room * chance())
            left = round(room * chance())
            own, other = picture[:3, 0, 0], torch.rand(3, generator=rng)
            canvas = torch.zeros(4, SIZE, SIZE)
            canvas[:3] = (own if kind < OWN_GROUND else other)[:, None, None]
            small = functional.interpolate(picture[None], (side, side), mode="bilinear", antialias=True)[0]
            shown = small[3:] if kind >= 1 - CUT_OUT else torch.ones_like(small[3:])
            place = canvas[:, top : top + side, left : left + side]
            place[:3] = place[:3] * (1 - shown) + small[:3] * shown
            place[3] = small[3]
            picture = canvas
        pixels.append(picture[:3])
        masks.append(picture[3] >= 0.5)
    return torch.stack(pixels), torch.stack(masks)


if __name__ == "__main__":
    typer.run(main)
