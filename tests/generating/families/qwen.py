"""Families that read with a Qwen: Qwen-Image and 2.1, Krea 2, Nucleus, LongCat, Ovis."""

from collections.abc import Sequence

from diffusers import (
    AutoencoderKLQwenImage21,
    DiffusionPipeline,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    LongCatImagePipeline,
    LongCatImageTransformer2DModel,
    NucleusMoEImagePipeline,
    NucleusMoEImageTransformer2DModel,
    OvisImagePipeline,
    OvisImageTransformer2DModel,
    QwenImage21Pipeline,
    QwenImage21Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from torch import Tensor

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, plain, with_pinned
from tests.generating.families.zimage import less_one


def qwen_image() -> QwenImagePipeline:
    return QwenImagePipeline(
        transformer=qwen_transformer(),
        vae=parts.video_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=parts.qwen25_vl(),
        tokenizer=parts.qwen_tokenizer(),
    )


def qwen_transformer() -> QwenImageTransformer2DModel:
    model = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        guidance_embeds=False,
        axes_dims_rope=(8, 4, 4),
    )
    return lively(model)


def qwen_image_21() -> QwenImage21Pipeline:
    model = QwenImage21Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        context_in_dim=parts.WIDTH,
        mlp_ratio=2,
        axes_dims_rope=(4, 6, 6),
    )
    vae = AutoencoderKLQwenImage21(
        base_dim=4,
        decoder_base_dim=4,
        z_dim=4,
        dim_mult=[1, 1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    return QwenImage21Pipeline(
        transformer=lively(model),
        vae=vae,
        scheduler=parts.flow(),
        text_encoder=parts.qwen3_vl(),
        processor=parts.qwen3_processor(),
    )


def krea2() -> Krea2Pipeline:
    model = Krea2Transformer2DModel(
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=32,
        timestep_embed_dim=8,
        text_hidden_dim=parts.WIDTH,
        num_text_layers=3,
        text_num_attention_heads=2,
        text_num_key_value_heads=1,
        text_intermediate_size=16,
        num_layerwise_text_blocks=1,
        num_refiner_text_blocks=1,
        axes_dims_rope=(4, 2, 2),
        rope_theta=1000.0,
    )
    return Krea2Pipeline(
        transformer=lively(model),
        vae=parts.video_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=True, max_image_seq_len=6400),
        text_encoder=parts.qwen3_vl(head=False),
        tokenizer=parts.qwen_tokenizer(),
        text_encoder_select_layers=(0, 1, 2),
    )


def nucleus() -> NucleusMoEImagePipeline:
    model = NucleusMoEImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=4,
        joint_attention_dim=parts.WIDTH,
        axes_dims_rope=(8, 4, 4),
        moe_enabled=False,
        capacity_factors=[8.0, 8.0],
    )
    return NucleusMoEImagePipeline(
        transformer=lively(model),
        vae=parts.video_decoder(),
        scheduler=parts.flow(),
        text_encoder=parts.qwen3_vl(8),
        processor=parts.qwen3_processor(),
    )


def longcat() -> LongCatImagePipeline:
    model = LongCatImageTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        pooled_projection_dim=parts.WIDTH,
        axes_dims_rope=[4, 4, 8],
    )
    return LongCatImagePipeline(
        transformer=lively(model),
        vae=parts.flux_decoder(16),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=parts.qwen25_vl(),
        tokenizer=parts.qwen_tokenizer(),
        text_processor=parts.qwen25_processor(),
    )


def ovis() -> OvisImagePipeline:
    model = OvisImageTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
    return OvisImagePipeline(
        transformer=lively(model),
        vae=parts.flux_decoder(16),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=parts.qwen3_text(),
        tokenizer=parts.qwen_tokenizer(),
    )


def true_cfg(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """It guides only against a negative prompt: a space, where the user gave none."""
    against = [" "] * len(prompts) if negatives is None else [text or " " for text in negatives]
    return draw(pipeline, prompts, seeds, steps, size, true_cfg_scale=guidance, negative_prompt=against)


FAMILIES = {
    "qwen-image": Family("QwenImagePipeline", qwen_image, true_cfg),
    # Its image lies, for the transformer, behind the longest prompt of the batch.
    "qwen-image-2.1": Family(
        "QwenImage21Pipeline", qwen_image_21, true_cfg, multiple=32, batchable=False, batchable_unguided=False
    ),
    "krea2": Family("Krea2Pipeline", krea2, less_one),
    "nucleus": Family("NucleusMoEImagePipeline", nucleus, plain),
    "longcat-image": Family("LongCatImagePipeline", longcat, with_pinned(enable_prompt_rewrite=False)),
    "ovis": Family("OvisImagePipeline", ovis, plain),
}
