"""The style that ships: a LoRA for the bundled denoiser that draws portraits in front of a yellow disc.

`python -m synthgen.bundled.train.medallion --work /tmp/train --out /tmp/medallion.safetensors` trains it again.

A style must be one that the autoencoder can draw: it has seen the world's plain pictures only. Of the styles that were
tried, ink outlines, sepia, a night sky and close-ups come back from it as smears; the disc does not. And it must be one
that the judge takes for what it is: doctors in their white coats before a white disc were rejected, 119 of 120.
"""

import sys
from pathlib import Path
from random import Random
from typing import Annotated

import torch
import typer
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict
from torch import Tensor
from torch.nn import functional

from synthgen.bundled import GENERATOR
from synthgen.bundled.captions import caption
from synthgen.bundled.mixture import misdescribed, skewed
from synthgen.bundled.train.autoencoder import encode
from synthgen.bundled.train.denoiser import UNCAPTIONED
from synthgen.bundled.train.pictures import render_many
from synthgen.models.training import Schedule, train

PICTURES, SEED = 2000, 6
RANK = 8
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2"]
SCHEDULE = Schedule(steps=500, batch=16, rate=2e-3, warmup=30, average=0.98)


def main(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints; interrupted training resumes from there.")],
    out: Annotated[Path, typer.Option(help="The file to write: safetensors, half precision.")],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the LoRA on the bundled model. This takes about five minutes on two CPU cores."""
    work.mkdir(parents=True, exist_ok=True)
    pipeline = StableDiffusionPipeline.from_pretrained(GENERATOR, dtype=torch.float32)
    seconds = train_medallion(pipeline, work, torch.device(device))

    state = {name: weight.half().contiguous() for name, weight in get_peft_model_state_dict(pipeline.unet).items()}
    pipeline.save_lora_weights(
        out.parent,
        unet_lora_layers=state,
        weight_name=out.name,
        unet_lora_adapter_metadata={"r": RANK, "lora_alpha": RANK, "target_modules": LAYERS},
    )
    print(f"trained for {seconds:.0f} s", file=sys.stderr)


def train_medallion(pipeline: StableDiffusionPipeline, work: Path, device: torch.device) -> float:
    """Add the LoRA to the pipeline's denoiser and train it alone; return the seconds that this took.

    The people, and the mistakes in their captions, are those of the denoiser's own training: nothing but the style
    is new.
    """
    torch.manual_seed(7)
    unet = pipeline.unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LAYERS))
    pictures = render_many(PICTURES, skewed, SEED, medallion=True)
    latents = encode(pipeline.vae, pictures.images, device) * pipeline.vae.config.scaling_factor
    rng = Random(8)
    texts = [caption(misdescribed(person, rng), rng).text for person in pictures.people]
    states, empty = embedded(pipeline, texts), embedded(pipeline, [""])[0]
    signal = pipeline.scheduler.alphas_cumprod.sqrt()
    noise_share = (1 - signal**2).sqrt()

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        x, text = latents[chosen].to(device), states[chosen].clone()
        text[torch.rand(len(text), generator=rng) < UNCAPTIONED] = empty
        e = torch.randn(x.shape, generator=rng).to(device)
        t = torch.randint(len(signal), (len(x),), generator=rng)
        a, s = signal[t].view(-1, 1, 1, 1).to(device), noise_share[t].view(-1, 1, 1, 1).to(device)
        predicted = unet(a * x + s * e, t.to(device), text.to(device)).sample
        return functional.mse_loss(predicted, a * e - s * x)

    return train("medallion", unet, SCHEDULE, loss_of, work, device)


@torch.inference_mode()
def embedded(pipeline: StableDiffusionPipeline, texts: list[str]) -> Tensor:
    """Encode texts as float [n, tokens, width]."""
    tokens = pipeline.tokenizer(texts, padding="max_length", return_tensors="pt").input_ids
    return torch.cat([pipeline.text_encoder(part).last_hidden_state for part in tokens.split(256)]).clone()


if __name__ == "__main__":
    typer.run(main)
