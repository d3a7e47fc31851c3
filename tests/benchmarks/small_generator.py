"""A small diffusion model of classes of grey pictures, which a CPU trains in a minute or two.

Pictures are 16 x 16 pixels, which the network sees as 8 x 8 pixels of four channels: nothing is lost, and a step takes
a fraction of the time. Noising, objective and guidance are those of `synthgen.bundled.train.denoiser`, with classes in
place of captions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from diffusers import UNet2DModel
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from synthgen.bundled.train.denoiser import build_scheduler
from synthgen.models.training import Schedule, train

SIDE = 16
UNLABELLED = 0.1
GUIDANCE = 1.5
SAMPLE_STEPS = 25
_PATCH = 2
_AT_ONCE = 100

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Pictures and their classes.

    Attributes:
        pictures: [n, 16, 16].
        labels: one for each.
        kin: what pictures have in common, such as a font; empty if nothing is known.
    """

    pictures: Pictures
    labels: tuple[str, ...]
    kin: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int]) -> "Labelled":
        """Return those of these rows."""
        kin = tuple(self.kin[row] for row in rows) if self.kin else ()
        return Labelled(self.pictures[list(rows)], tuple(self.labels[row] for row in rows), kin)


class SmallGenerator(nn.Module):
    """A denoiser of pictures of these classes; one more class stands for no class."""

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.unet = UNet2DModel(
            sample_size=SIDE // _PATCH,
            in_channels=_PATCH**2,
            out_channels=_PATCH**2,
            block_out_channels=(48, 64),
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            norm_num_groups=16,
            attention_head_dim=16,
            num_class_embeds=len(self.classes) + 1,
        ).to(memory_format=torch.channels_last)

    def forward(self, noised: Tensor, times: Tensor, classes: Tensor) -> Tensor:
        predicted: Tensor = self.unet(noised, times, classes).sample
        return predicted


def teach(model: SmallGenerator, name: str, taught: Labelled, steps: int, rate: float = 1e-3) -> float:
    """Train a model, or train it further, on nothing but these pictures. Progress is on stderr.

    Returns:
        Seconds that it took.
    """
    schedule = Schedule(steps=steps, batch=32, rate=rate, warmup=min(100, steps // 4), average=0.99)
    signal = build_scheduler().alphas_cumprod.sqrt()
    noise_share = (1 - signal**2).sqrt()
    pictures, classes = _seen(taught.pictures), _numbers(model, taught.labels)

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(taught), (schedule.batch,), generator=rng)
        x, labels = pictures[chosen], classes[chosen].clone()
        labels[torch.rand(len(labels), generator=rng) < UNLABELLED] = len(model.classes)
        e = torch.randn(x.shape, generator=rng)
        t = torch.randint(len(signal), (len(x),), generator=rng)
        a, s = signal[t].view(-1, 1, 1, 1), noise_share[t].view(-1, 1, 1, 1)
        return functional.mse_loss(model(a * x + s * e, t, labels), a * e - s * x)

    with TemporaryDirectory() as folder:
        return train(name, model, schedule, loss_of, Path(folder), torch.device("cpu"))


@torch.inference_mode()
def drawn(model: SmallGenerator, labels: Sequence[str], seed: int = 0) -> Labelled:
    """Draw a picture of each of these classes."""
    scheduler = build_scheduler()
    scheduler.set_timesteps(SAMPLE_STEPS)
    rng = torch.Generator().manual_seed(seed)
    found = []
    for start in range(0, len(labels), _AT_ONCE):
        classes = _numbers(model, labels[start : start + _AT_ONCE])
        x = torch.randn(len(classes), _PATCH**2, SIDE // _PATCH, SIDE // _PATCH, generator=rng)
        both = torch.cat([classes, torch.full_like(classes, len(model.classes))])
        for t in scheduler.timesteps:
            named, unnamed = model(torch.cat([x, x]), t.expand(len(both)), both).chunk(2)
            x = scheduler.step(unnamed + GUIDANCE * (named - unnamed), t, x).prev_sample
        found.append(functional.pixel_shuffle(x, _PATCH)[:, 0])
    pictures = ((torch.cat(found).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
    return Labelled(pictures, tuple(labels))


def write_set(folder: Path, images: Labelled) -> Path:
    """Write pictures as a folder of images with metadata.jsonl, which `evaluate` opens."""
    import json

    folder.mkdir(parents=True)
    lines = []
    for row, label in enumerate(images.labels):
        name = f"{row:05}.png"
        Image.fromarray(images.pictures[row]).save(folder / name)
        kin = {"kin": images.kin[row]} if images.kin else {}
        lines.append(json.dumps({"file_name": name, "label": label, **kin}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def write_sheet(path: Path, images: Labelled, each: int = 12) -> None:
    """Write a picture of the first so many of each class, one class a row."""
    rows = []
    for label in sorted(set(images.labels)):
        chosen = [row for row, other in enumerate(images.labels) if other == label][:each]
        line = np.zeros((SIDE, each * SIDE), np.uint8)
        line[:, : len(chosen) * SIDE] = np.concatenate(list(images.pictures[chosen]), axis=1)
        rows.append(line)
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((3 * sheet.width, 3 * sheet.height), Image.Resampling.NEAREST).save(path)


def _seen(pictures: Pictures) -> Tensor:
    """Return pictures as the network sees them, [n, 4, 8, 8] from -1 to 1."""
    return functional.pixel_unshuffle(torch.from_numpy(pictures)[:, None].float() / 127.5 - 1, _PATCH)


def _numbers(model: SmallGenerator, labels: Sequence[str]) -> Tensor:
    return torch.tensor([model.classes.index(label) for label in labels])
