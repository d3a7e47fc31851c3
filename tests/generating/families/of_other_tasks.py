"""Folders that a user may name by mistake: their pipelines edit, fill, enlarge or move pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    ControlNetModel,
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    FluxControlPipeline,
    FluxFillPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    QwenImageEditPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionUpscalePipeline,
)

from tests.generating.families import parts
from tests.generating.families.family import lively
from tests.generating.families.flux import flux_transformer
from tests.generating.families.qwen import qwen_transformer
from tests.generating.families.stable_diffusion import stable_diffusion, unet


@dataclass(frozen=True)
class Other:
    """`needs` are the arguments beside the prompt that its call cannot do without."""

    class_name: str
    build: Callable[[], DiffusionPipeline]
    needs: tuple[str, ...]

    def save(self, folder: Path) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.build().save_pretrained(folder)


def inpaint() -> StableDiffusionInpaintPipeline:
    return stable_diffusion(StableDiffusionInpaintPipeline, unet=unet(in_channels=9))


def pix2pix() -> StableDiffusionInstructPix2PixPipeline:
    return stable_diffusion(StableDiffusionInstructPix2PixPipeline, unet=unet(in_channels=8))


def controlnet() -> StableDiffusionControlNetPipeline:
    control = ControlNetModel(
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        layers_per_block=1,
        cross_attention_dim=parts.WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
        conditioning_embedding_out_channels=(4, 4, 4, 4),
    )
    return stable_diffusion(StableDiffusionControlNetPipeline, controlnet=lively(control))


def upscale() -> StableDiffusionUpscalePipeline:
    return StableDiffusionUpscalePipeline(
        vae=parts.decoder(blocks=3),
        text_encoder=parts.clip_text(),
        tokenizer=parts.clip_tokenizer(),
        unet=unet(in_channels=7, num_class_embeds=1000),
        low_res_scheduler=DDPMScheduler(),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False),
    )


def flux_control() -> FluxControlPipeline:
    return _flux(FluxControlPipeline, channels=32)


def flux_fill() -> FluxFillPipeline:
    return _flux(FluxFillPipeline, channels=16 + 16 + 4 * 64)


def _flux(kind: type[DiffusionPipeline], channels: int) -> DiffusionPipeline:
    return kind(
        transformer=flux_transformer(channels, 16, guidance_embeds=True),
        vae=parts.flux_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=parts.clip_text(),
        tokenizer=parts.clip_tokenizer(),
        text_encoder_2=parts.t5_text(),
        tokenizer_2=parts.t5_tokenizer(),
    )


def qwen_edit() -> QwenImageEditPipeline:
    return QwenImageEditPipeline(
        scheduler=parts.flow(use_dynamic_shifting=True),
        vae=parts.video_decoder(),
        text_encoder=parts.qwen25_vl(),
        tokenizer=parts.qwen_tokenizer(),
        processor=parts.qwen25_processor(),
        transformer=qwen_transformer(),
    )


def ltx_video() -> LTXPipeline:
    model = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        num_layers=1,
        caption_channels=parts.WIDTH,
    )
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
    )
    return LTXPipeline(
        scheduler=parts.flow(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=parts.t5_text(),
        tokenizer=parts.t5_tokenizer(),
        transformer=lively(model),
    )


OTHERS = {
    "sd-inpaint": Other("StableDiffusionInpaintPipeline", inpaint, ("image", "mask_image")),
    "sd-controlnet": Other("StableDiffusionControlNetPipeline", controlnet, ("image",)),
    "sd-upscale": Other("StableDiffusionUpscalePipeline", upscale, ("image",)),
    "pix2pix": Other("StableDiffusionInstructPix2PixPipeline", pix2pix, ("image",)),
    "flux-control": Other("FluxControlPipeline", flux_control, ("control_image",)),
    "flux-fill": Other("FluxFillPipeline", flux_fill, ("image", "mask_image")),
    "qwen-edit": Other("QwenImageEditPipeline", qwen_edit, ("image",)),
    "ltx-video": Other("LTXPipeline", ltx_video, ()),
}
