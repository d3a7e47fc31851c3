"""Stage 4: the denoiser and its text encoder, the actual diffusion model.

**Noising.** A latent x is mixed with Gaussian noise e of the same shape:

    x_t = a_t x + s_t e,    a_t^2 + s_t^2 = 1,    t = 0 .. 999

a_t falls from nearly 1 (the picture) to exactly 0 (nothing but noise). That the last step is *exactly* noise
matters, because generation starts from pure noise (Lin et al. 2023, "Common diffusion noise schedules and
sample steps are flawed").

**Objective.** The network sees x_t, t and the caption and must take the noise away again. It is asked for the
"velocity" v = a_t e - s_t x (Salimans and Ho 2022), from which both picture and noise follow:

    x = a_t x_t - s_t v,    e = s_t x_t + a_t v

At t = 999, where x_t holds no picture, v = -x: the network must still say what the caption alone makes
likely, which a network that predicts e never learns. The loss is the squared error of v.

**Guidance.** One caption in ten is replaced by the empty one, so that the same network also learns pictures
without a caption. Generation then steps along v(empty) + guidance * (v(caption) - v(empty)): Ho and Salimans
2022.
"""

from pathlib import Path
from random import Random

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from synthgen.bundled.captions import caption
from synthgen.bundled.mixture import misdescribed
from synthgen.bundled.train.autoencoder import encode
from synthgen.bundled.train.pictures import TrainingPictures
from synthgen.bundled.train.tokens import CONTEXT
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=6000, batch=32, rate=1.2e-3, average=0.998)
UNCAPTIONED = 0.1
WIDTH = 128


class Denoiser(nn.Module):
    """The UNet and the text encoder, trained together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                projection_dim=WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=CONTEXT,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )

        self.unet = UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            block_out_channels=(48, 96, 128),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            attention_head_dim=4,  # diffusers reads this as the number of heads
            norm_num_groups=16,
        ).to(memory_format=torch.channels_last)


def build_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


def train_denoiser(
    pictures: TrainingPictures,
    autoencoder: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    folder: Path,
    device: torch.device,
) -> tuple[Denoiser, float]:
    torch.manual_seed(4)
    model = Denoiser(tokenizer)
    latents = encode(autoencoder, pictures.images, device) * autoencoder.config.scaling_factor
    # Each picture has one caption for good, wrong or right, as on the web: a wrong one is not averaged away.
    rng = Random(5)
    captions = [caption(misdescribed(person, rng), rng).text for person in pictures.people]
    tokens = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
    empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]

    signal = build_scheduler().alphas_cumprod.sqrt()  # a_t
    noise_share = (1 - signal**2).sqrt()  # s_t

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        x, text = latents[chosen].to(device), tokens[chosen].clone()
        text[torch.rand(len(text), generator=rng) < UNCAPTIONED] = empty
        e = torch.randn(x.shape, generator=rng).to(device)
        t = torch.randint(len(signal), (len(x),), generator=rng)
        a, s = signal[t].view(-1, 1, 1, 1).to(device), noise_share[t].view(-1, 1, 1, 1).to(device)
        noised = (a * x + s * e).to(memory_format=torch.channels_last)
        states = model.text_encoder(text.to(device)).last_hidden_state
        predicted = model.unet(noised, t.to(device), states).sample
        return functional.mse_loss(predicted, a * e - s * x)

    return model, train("denoiser", model, SCHEDULE, loss_of, folder, device)
