"""Stable Diffusion 1, XL and 3, with perturbed attention too; latent consistency, DeepFloyd IF, latent diffusion."""

from collections.abc import Sequence
from typing import Any

from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    IFPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    LDMTextToImagePipeline,
    SD3Transformer2DModel,
    StableDiffusion3PAGPipeline,
    StableDiffusion3Pipeline,
    StableDiffusionPAGPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPAGPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from torch import Tensor
from transformers import BertTokenizer

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, plain
from tests.generating.families.flux import without_negative


def stable_diffusion(kind: type[Any] = StableDiffusionPipeline, **more: Any) -> StableDiffusionPipeline:
    return kind(
        vae=parts.decoder(),
        text_encoder=parts.clip_text(),
        tokenizer=parts.clip_tokenizer(),
        **{
            "unet": unet(),
            "scheduler": DDIMScheduler(clip_sample=False, steps_offset=1),
            "safety_checker": None,
            "feature_extractor": None,
            "requires_safety_checker": False,
            **more,
        },
    )


def stable_diffusion_xl(kind: type[Any] = StableDiffusionXLPipeline, **more: Any) -> StableDiffusionXLPipeline:
    return kind(
        vae=parts.decoder(),
        text_encoder=parts.clip_text(),
        text_encoder_2=parts.clip_text(projection=True),
        tokenizer=parts.clip_tokenizer(),
        tokenizer_2=parts.clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(steps_offset=1),
        add_watermarker=False,
        **{"unet": unet_xl(), **more},
    )


def stable_diffusion_3(
    kind: type[Any] = StableDiffusion3Pipeline, *, channels: int = 4, **more: Any
) -> StableDiffusion3Pipeline:
    model = SD3Transformer2DModel(
        sample_size=128,
        patch_size=2,
        in_channels=channels,
        out_channels=channels,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=2 * parts.WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=2 * parts.WIDTH,
        pos_embed_max_size=96,
    )
    return kind(
        transformer=lively(model),
        scheduler=parts.flow(shift=3.0),
        vae=parts.flux_decoder(channels),
        text_encoder=parts.clip_text(projection=True),
        tokenizer=parts.clip_tokenizer(),
        text_encoder_2=parts.clip_text(projection=True),
        tokenizer_2=parts.clip_tokenizer(),
        text_encoder_3=parts.t5_text(2 * parts.WIDTH),
        tokenizer_3=parts.t5_tokenizer(),
        **more,
    )


def latent_consistency() -> LatentConsistencyModelPipeline:
    model = unet(time_cond_proj_dim=16)
    return stable_diffusion(LatentConsistencyModelPipeline, unet=model, scheduler=LCMScheduler())


def deepfloyd() -> IFPipeline:
    """It denoises pixels."""
    model = UNet2DConditionModel(
        sample_size=64,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        in_channels=3,
        out_channels=6,
        cross_attention_dim=2 * parts.WIDTH,
        encoder_hid_dim=2 * parts.WIDTH,
        attention_head_dim=4,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        cross_attention_norm="group_norm",
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        norm_num_groups=4,
    )
    return IFPipeline(
        unet=lively(model),
        text_encoder=parts.t5_text(2 * parts.WIDTH),
        tokenizer=parts.t5_tokenizer(),
        scheduler=DDPMScheduler(variance_type="learned_range", thresholding=True, dynamic_thresholding_ratio=0.95),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def latent_diffusion() -> LDMTextToImagePipeline:
    config = LDMBertConfig(
        vocab_size=parts.ROWS,
        max_position_embeddings=77,
        encoder_layers=1,
        encoder_ffn_dim=parts.WIDTH,
        encoder_attention_heads=2,
        head_dim=8,
        d_model=parts.WIDTH,
    )
    return LDMTextToImagePipeline(
        vqvae=parts.decoder(),
        bert=lively(LDMBertModel(config)),
        tokenizer=bert_tokenizer(),
        unet=unet(sample_size=32),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
    )


def bert_tokenizer() -> BertTokenizer:
    letters = [chr(code) for code in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizer(vocab={word: index for index, word in enumerate(words)}, model_max_length=77)


def unet(text_width: int = parts.WIDTH, **more: Any) -> UNet2DConditionModel:
    model = UNet2DConditionModel(
        block_out_channels=(8, 16),
        cross_attention_dim=text_width,
        attention_head_dim=2,
        norm_num_groups=4,
        **{
            "layers_per_block": 1,
            "sample_size": 64,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            **more,
        },
    )
    return lively(model)


def unet_xl(**more: Any) -> UNet2DConditionModel:
    return unet(
        2 * parts.WIDTH,
        sample_size=128,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=parts.WIDTH + 6 * 8,
        **more,
    )


def deepfloyd_call(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    return plain(pipeline, prompts, negatives, seeds, guidance=guidance, steps=steps, size=size, clean_caption=False)


_HALF = (512, 512)
FAMILIES = {
    "stable-diffusion": Family("StableDiffusionPipeline", stable_diffusion, plain, multiple=8, default_size=_HALF),
    "stable-diffusion-xl": Family("StableDiffusionXLPipeline", stable_diffusion_xl, plain, multiple=8),
    "stable-diffusion-3": Family("StableDiffusion3Pipeline", stable_diffusion_3, plain),
    "stable-diffusion-pag": Family(
        "StableDiffusionPAGPipeline",
        lambda: stable_diffusion(StableDiffusionPAGPipeline, pag_applied_layers="mid"),
        plain,
        multiple=8,
        default_size=_HALF,
    ),
    "stable-diffusion-xl-pag": Family(
        "StableDiffusionXLPAGPipeline",
        lambda: stable_diffusion_xl(StableDiffusionXLPAGPipeline, pag_applied_layers="mid"),
        plain,
        multiple=8,
    ),
    "stable-diffusion-3-pag": Family(
        "StableDiffusion3PAGPipeline",
        lambda: stable_diffusion_3(StableDiffusion3PAGPipeline, pag_applied_layers="blocks.1"),
        plain,
    ),
    "lcm": Family(
        "LatentConsistencyModelPipeline",
        latent_consistency,
        without_negative,
        "embedded",
        takes_negative=False,
        multiple=8,
        default_size=_HALF,
    ),
    "if": Family("IFPipeline", deepfloyd, deepfloyd_call, multiple=2, default_size=(64, 64)),
    "ldm": Family(
        "LDMTextToImagePipeline",
        latent_diffusion,
        without_negative,
        takes_negative=False,
        multiple=8,
        default_size=(256, 256),
    ),
}
