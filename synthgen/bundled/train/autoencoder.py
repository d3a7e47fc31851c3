"""Stage 3: the autoencoder, from pictures of 64 x 64 to latents of 16 x 16 with 4 channels, and back.

The denoiser works on latents: sixteen times fewer places, with the pixels' fine detail left to the decoder.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from synthgen.bundled.train.pictures import TrainingPictures
from synthgen.bundled.world import SIZE
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=3600, batch=16, rate=1.5e-3, average=0.99)


def train_autoencoder(pictures: TrainingPictures, folder: Path, device: torch.device) -> tuple[AutoencoderKL, float]:
    torch.manual_seed(3)
    model = AutoencoderKL(
        block_out_channels=(16, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=SIZE,
    ).to(memory_format=torch.channels_last)

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        pixels = pictures.images[chosen].to(device).float().div(127.5).sub(1)
        pixels = pixels.to(memory_format=torch.channels_last)
        posterior = model.encode(pixels).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=rng).to(device)
        decoded = model.decode(posterior.mean + posterior.std * noise).sample
        # The absolute error keeps edges sharp where the squared one would blur them; the error of the
        # differences between neighbours asks for edges outright.
        loss: Tensor = (
            functional.l1_loss(decoded, pixels)
            + functional.l1_loss(decoded.diff(dim=2), pixels.diff(dim=2))
            + functional.l1_loss(decoded.diff(dim=3), pixels.diff(dim=3))
            + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel()
        )
        return loss

    seconds = train("autoencoder", model, SCHEDULE, loss_of, folder, device)
    # Scaled by this factor, latents have unit deviation, as the noise has.
    deviation = encode(model, pictures.images[:2000], device).std()
    model.register_to_config(scaling_factor=1 / float(deviation))
    return model, seconds


@torch.inference_mode()
def encode(model: AutoencoderKL, images: Tensor, device: torch.device) -> Tensor:
    """Encode uint8 images [n, 3, 64, 64] as latents [n, 4, 16, 16], not scaled."""
    parts = [
        model.encode(part.to(device).float().div(127.5).sub(1)).latent_dist.mean.cpu() for part in images.split(64)
    ]
    return torch.cat(parts)
