"""The ControlNet that ships: it leads the bundled denoiser by outlines.

`python -m synthgen.bundled.train.outlines --work /tmp/train --out /tmp/outlines` trains it again.

A ControlNet is a second encoder beside the denoiser's. It sees the noised latent and a conditioning picture, and adds
what it finds to what the denoiser's encoder hands to its decoder (Zhang et al. 2023, "Adding Conditional Control to
Text-to-Image Diffusion Models"). The denoiser itself stays as it is.

This one has no attention: where a line runs does not depend on words, and the layers of attention would be most of its
weights. Its other layers begin as those of the denoiser's encoder, as usual, and the convolutions through which it
speaks begin at zero. What reads the picture does not, unlike the usual: with zeros at both ends, it learns nothing for
long. Noisier steps are seen more often, since they decide where lines run. The two deepest blocks work on 4 x 4 places,
too few for a line: they are kept in eight bits.
"""

import sys
from pathlib import Path
from random import Random
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import ControlNetModel, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from synthgen.bundled import GENERATOR
from synthgen.bundled.captions import caption
from synthgen.bundled.mixture import even, misdescribed
from synthgen.bundled.train.autoencoder import encode
from synthgen.bundled.train.medallion import embedded
from synthgen.bundled.train.pictures import render_many
from synthgen.conditioning import canny
from synthgen.models.training import Schedule, train

PICTURES, SEED = 1500, 9
SCHEDULE = Schedule(steps=600, batch=8, rate=3e-3, warmup=30, average=0.97)
UNCAPTIONED = 0.3
"""More than in the denoiser's own training: without words, the outlines must say what is where."""
DEEPEST = ("down_blocks.2.", "mid_block.", "controlnet_down_blocks.5.", "controlnet_mid_block.")


def main(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints; interrupted training resumes from there.")],
    out: Annotated[Path, typer.Option(help="The folder to write, in the format of diffusers.")],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the ControlNet for the bundled model. This takes about two minutes on one CPU core."""
    work.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    pipeline = StableDiffusionPipeline.from_pretrained(GENERATOR, dtype=torch.float32)
    controlnet, seconds = train_outlines(pipeline, work, torch.device(device))
    save(controlnet, out)
    print(f"trained for {seconds:.0f} s", file=sys.stderr)


def build(pipeline: StableDiffusionPipeline) -> ControlNetModel:
    """Build the ControlNet, with the weights that it shares with the denoiser's encoder."""
    unet = pipeline.unet
    model = ControlNetModel(
        in_channels=unet.config.in_channels,
        down_block_types=("DownBlock2D",) * 3,
        mid_block_type="UNetMidBlock2D",
        block_out_channels=unet.config.block_out_channels,
        layers_per_block=unet.config.layers_per_block,
        cross_attention_dim=unet.config.cross_attention_dim,
        attention_head_dim=unet.config.attention_head_dim,
        norm_num_groups=unet.config.norm_num_groups,
        conditioning_embedding_out_channels=(16, 24, 32),
    )
    last = model.controlnet_cond_embedding.conv_out
    last.reset_parameters()
    own = model.state_dict()
    shared = {name: weight for name, weight in unet.state_dict().items() if name in own}
    model.load_state_dict({**own, **shared})
    return model.to(memory_format=torch.channels_last)


def train_outlines(
    pipeline: StableDiffusionPipeline, work: Path, device: torch.device
) -> tuple[ControlNetModel, float]:
    torch.manual_seed(SEED)
    unet = pipeline.unet.requires_grad_(False).to(device, memory_format=torch.channels_last)
    model = build(pipeline)
    pictures = render_many(PICTURES, even, SEED)
    latents = encode(pipeline.vae, pictures.images, device) * pipeline.vae.config.scaling_factor
    lines = torch.stack([_outlines(image) for image in pictures.images])
    rng = Random(SEED)
    texts = [caption(misdescribed(person, rng), rng).text for person in pictures.people]

    states, empty = embedded(pipeline, texts), embedded(pipeline, [""])[0]
    signal = pipeline.scheduler.alphas_cumprod.sqrt()
    noise_share = (1 - signal**2).sqrt()

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        x, text = latents[chosen].to(device), states[chosen].clone()
        text[torch.rand(len(text), generator=rng) < UNCAPTIONED] = empty
        e = torch.randn(x.shape, generator=rng).to(device)
        t = torch.randint(len(signal), (2, len(x)), generator=rng).amax(0)
        a, s = signal[t].view(-1, 1, 1, 1).to(device), noise_share[t].view(-1, 1, 1, 1).to(device)
        noised, t, text = (a * x + s * e).to(memory_format=torch.channels_last), t.to(device), text.to(device)
        white = lines[chosen].to(device).float().div(255).expand(-1, 3, -1, -1)
        down, middle = model(noised, t, text, white, return_dict=False)
        predicted = unet(
            noised, t, text, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample
        return functional.mse_loss(predicted, a * e - s * x)

    return model, train("outlines", model, SCHEDULE, loss_of, work, device)


def save(model: ControlNetModel, out: Path) -> None:
    """Write the folder that `ControlNetModel.from_pretrained` opens: half precision, and eight bits in `DEEPEST`."""
    model.to(torch.float16).save_pretrained(out)
    file = out / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    save_file(
        {
            name: weight.to(torch.float8_e4m3fn) if name.startswith(DEEPEST) and weight.ndim > 1 else weight
            for name, weight in weights.items()
        },
        file,
        metadata={"format": "pt"},
    )


def _outlines(image: Tensor) -> Tensor:
    """Return the outlines of a uint8 image [3, h, w] as uint8 [1, h, w]."""
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    return torch.from_numpy(np.asarray(canny(picture).convert("L")).copy())[None]


if __name__ == "__main__":
    typer.run(main)
