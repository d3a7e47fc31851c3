"""Small models of later stages: a refiner without its first text encoder, and two upscalers."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionLatentUpscalePipeline,
    StableDiffusionUpscalePipeline,
    StableDiffusionXLImg2ImgPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from synthgen.bundled.train.tokens import build_tokenizer
from tests.generating.tiny import autoencoder, text_config, unet

_WIDTH = 32


def save_refiner(folder: Path) -> None:
    """Save a refiner of Stable Diffusion XL: of two text encoders it has the second one, and it reads a rating."""
    torch.manual_seed(5)
    tokenizer = build_tokenizer()
    StableDiffusionXLImg2ImgPipeline(
        vae=autoencoder(),
        text_encoder=None,
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer)),
        tokenizer=None,
        tokenizer_2=tokenizer,
        unet=unet(
            _WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=_WIDTH + 5 * 8,
        ),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(folder)


def save_upscaler(folder: Path) -> None:
    """Save an upscaler of four times, which draws beside the noisy image itself."""
    torch.manual_seed(6)
    tokenizer = build_tokenizer()
    decoder = AutoencoderKL(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        scaling_factor=0.08333,
    )
    StableDiffusionUpscalePipeline(
        vae=decoder,
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=unet(_WIDTH, in_channels=7, num_class_embeds=1000),
        low_res_scheduler=DDPMScheduler(),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
    ).save_pretrained(folder)


def save_latent_upscaler(folder: Path) -> None:
    """Save an upscaler of twice, which draws beside the image's latents."""
    torch.manual_seed(7)
    tokenizer = build_tokenizer()
    StableDiffusionLatentUpscalePipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=_k_unet(),
        scheduler=EulerDiscreteScheduler(prediction_type="sample"),
    ).save_pretrained(folder)


def _k_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        act_fn="gelu",
        attention_head_dim=8,
        norm_num_groups=None,
        block_out_channels=(32, 32, 64, 64),
        time_cond_proj_dim=128 + _WIDTH,
        conv_in_kernel=1,
        conv_out_kernel=1,
        cross_attention_dim=_WIDTH,
        down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
        in_channels=8,
        mid_block_type=None,
        only_cross_attention=False,
        out_channels=5,
        resnet_time_scale_shift="scale_shift",
        time_embedding_type="fourier",
        timestep_post_act="gelu",
        up_block_types=(*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
    )
