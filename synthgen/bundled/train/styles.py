"""Adapters of the bundled model: LoRAs that draw its portraits in another style.

`python -m synthgen.bundled.train.styles --work /tmp/styles` trains them, each in some minutes on one core, and writes
them to `weights/adapters`. The pictures, their captions and the objective are the denoiser's own; only the style of the
pictures is another. So an adapter changes how people are drawn, and leaves who is drawn, and the errors in it, alone.

**LoRA** (Hu et al. 2022, "LoRA: Low-rank adaptation of large language models"): to each chosen weight W of the UNet a
product B A is added, times the adapter's weight. A starts at random, B at zero, and W does not change. What is written
is the nearest product of half the rank.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated

import torch
import typer
from diffusers import StableDiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from synthgen.bundled import ADAPTERS, GENERATOR
from synthgen.bundled.captions import caption
from synthgen.bundled.mixture import misdescribed, skewed
from synthgen.bundled.train.autoencoder import encode
from synthgen.bundled.train.denoiser import UNCAPTIONED, build_scheduler
from synthgen.bundled.train.pictures import render_many
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=700, batch=16, rate=2e-3, warmup=30, average=0.98)
RANK, KEPT = 8, 4
"""The rank of what is trained, and of what is written."""
PICTURES, SEED = 4000, 11
_TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "conv_in", "conv_out"]


@dataclass(frozen=True, slots=True)
class Style:
    """How pictures are drawn.

    Attributes:
        redraw: changes pixels [n, 3, h, w] in 0..1.
        says: the style in words, for the adapter's header.
    """

    redraw: Callable[[Tensor], Tensor]
    says: str


def at_dusk(pixels: Tensor) -> Tensor:
    """Draw everything in the light of an evening: darker, and violet."""
    light = torch.tensor([0.86, 0.74, 0.95]).view(1, 3, 1, 1)
    return (pixels * light + torch.tensor([0, 0, 0.03]).view(1, 3, 1, 1)).clamp(0, 1)


STYLES = {
    "dusk": Style(at_dusk, "the violet light of an evening"),
}


def main(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints; interrupted training resumes from there.")],
    out: Annotated[Path, typer.Option(help="Folder for the finished adapters.")] = ADAPTERS,
) -> None:
    """Train the adapters of the bundled model. This takes some minutes for each on one CPU core."""
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    for name, style in STYLES.items():
        unet, seconds = train_style(name, style, work)
        save_adapter(unet, style, out / f"{name}.safetensors")
        typer.echo(f"{name}: {seconds:.0f} s", err=True)


def train_style(name: str, style: Style, work: Path) -> tuple[nn.Module, float]:
    """Train one adapter; return the UNet that carries it, and the seconds."""
    pipeline = StableDiffusionPipeline.from_pretrained(GENERATOR, dtype=torch.float32)
    unet, tokenizer = pipeline.unet.requires_grad_(False), pipeline.tokenizer
    torch.manual_seed(6)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=_TARGETS, init_lora_weights="gaussian"))

    pictures, device = render_many(PICTURES, skewed, seed=SEED), torch.device("cpu")
    drawn = (style.redraw(pictures.images.float() / 255) * 255).round().byte()
    latents = encode(pipeline.vae, drawn, device) * pipeline.vae.config.scaling_factor
    rng = Random(7)
    captions = [caption(misdescribed(person, rng), rng).text for person in pictures.people]
    with torch.inference_mode():
        tokens = tokenizer([*captions, ""], padding="max_length", return_tensors="pt").input_ids
        *states, empty = pipeline.text_encoder(tokens).last_hidden_state.clone()

    signal = build_scheduler().alphas_cumprod.sqrt()  # as in denoiser.py
    noise_share = (1 - signal**2).sqrt()

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(captions), (SCHEDULE.batch,), generator=rng)
        said = torch.rand(len(chosen), generator=rng) >= UNCAPTIONED
        text = torch.stack([states[each] if heard else empty for each, heard in zip(chosen, said, strict=True)])
        x = latents[chosen]
        e = torch.randn(x.shape, generator=rng)
        t = torch.randint(len(signal), (len(x),), generator=rng)
        a, s = signal[t].view(-1, 1, 1, 1), noise_share[t].view(-1, 1, 1, 1)
        predicted = unet((a * x + s * e).to(memory_format=torch.channels_last), t, text).sample
        return functional.mse_loss(predicted, a * e - s * x)

    return unet, train(f"style-{name}", _Trained(unet), SCHEDULE, loss_of, work, device)


class _Trained(nn.Module):
    """The weights of a UNet's adapter, and no others."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        chosen = [weight for weight in unet.parameters() if weight.requires_grad]
        self.weights = nn.ParameterList(chosen)


def save_adapter(unet: nn.Module, style: Style, path: Path) -> None:
    """Write an adapter in half precision, as diffusers reads it, with what it is in its header."""
    state = get_peft_model_state_dict(unet)
    about = {
        "modelspec.architecture": "synthgen-workers/lora",
        "modelspec.title": f"{path.stem}: {style.says}",
        "modelspec.license": "Apache-2.0",
        "trained": json.dumps({"steps": SCHEDULE.steps, "batch": SCHEDULE.batch, "rank": RANK, "seed": SEED}),
    }
    save_file({f"unet.{name}": weight.half().contiguous() for name, weight in _shortened(state).items()}, path, about)


def _shortened(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Replace each product B A by the nearest one of rank `KEPT` (Eckart and Young 1936)."""
    found = {}
    for name in (name for name in state if ".lora_A." in name):
        other = name.replace(".lora_A.", ".lora_B.")
        down, up = state[name].detach().float(), state[other].detach().float()
        u, s, v = torch.linalg.svd(up.flatten(1) @ down.flatten(1), full_matrices=False)
        root = s[:KEPT].sqrt()
        found[name] = (root[:, None] * v[:KEPT]).reshape(-1, *down.shape[1:])
        found[other] = (u[:, :KEPT] * root).reshape(up.shape[0], -1, *up.shape[2:])
    return found


if __name__ == "__main__":
    typer.run(main)
