"""Hunyuan-DiT and Hunyuan-Image."""

from collections.abc import Sequence
from typing import Any

from diffusers import (
    AdaptiveProjectedMixGuidance,
    AutoencoderKLHunyuanImage,
    DDPMScheduler,
    DiffusionPipeline,
    HunyuanDiT2DModel,
    HunyuanDiTPAGPipeline,
    HunyuanDiTPipeline,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
)
from torch import Tensor
from transformers import BertConfig, BertModel

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, negative, with_pinned
from tests.generating.families.stable_diffusion import bert_tokenizer


def hunyuan_dit(kind: type[Any] = HunyuanDiTPipeline, layers: int = 2, **more: Any) -> HunyuanDiTPipeline:
    model = HunyuanDiT2DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        patch_size=2,
        sample_size=128,
        hidden_size=32,
        num_layers=layers,
        mlp_ratio=1.0,
        cross_attention_dim=parts.WIDTH,
        cross_attention_dim_t5=parts.WIDTH,
        pooled_projection_dim=parts.WIDTH,
    )
    config = BertConfig(
        vocab_size=parts.ROWS,
        hidden_size=parts.WIDTH,
        intermediate_size=parts.WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
    )
    return kind(
        vae=parts.decoder(),
        text_encoder=lively(BertModel(config)),
        tokenizer=bert_tokenizer(),
        transformer=lively(model),
        scheduler=DDPMScheduler(beta_end=0.018, beta_schedule="scaled_linear", prediction_type="v_prediction"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=parts.t5_text(),
        tokenizer_2=parts.t5_tokenizer(256),
        **more,
    )


def hunyuan_image() -> HunyuanImagePipeline:
    model = HunyuanImageTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=1,
        num_single_layers=1,
        num_refiner_layers=1,
        mlp_ratio=1.0,
        text_embed_dim=parts.WIDTH,
        text_embed_2_dim=None,
        rope_axes_dim=(8, 8),
    )
    vae = AutoencoderKLHunyuanImage(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(32,) * 2,  # no fewer than 32 channels,
        layers_per_block=1,
        spatial_compression_ratio=2,
        sample_size=32,
        scaling_factor=0.75,
    )
    return HunyuanImagePipeline(
        scheduler=parts.flow(shift=5.0),
        vae=vae,
        text_encoder=parts.qwen25_vl(),
        tokenizer=parts.qwen_tokenizer(),
        text_encoder_2=parts.t5_text(),
        tokenizer_2=parts.byt5_tokenizer(),
        transformer=lively(model, gain=2.0),
        guider=AdaptiveProjectedMixGuidance(enabled=True),
        ocr_guider=AdaptiveProjectedMixGuidance(enabled=True),
    )


def by_guider(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its guidance is a part of the folder, made anew with the number."""
    given = {name: getattr(pipeline, name) for name in ("guider", "ocr_guider")}
    guided = {name: guider.new(guidance_scale=guidance) for name, guider in given.items()}
    _set(pipeline, guided)
    try:
        return draw(pipeline, prompts, seeds, steps, size, **negative(negatives))
    finally:
        _set(pipeline, given)


def _set(pipeline: DiffusionPipeline, guiders: dict[str, Any]) -> None:
    for name, guider in guiders.items():
        setattr(pipeline, name, guider)


FAMILIES = {
    "hunyuan": Family("HunyuanDiTPipeline", hunyuan_dit, with_pinned(use_resolution_binning=False)),
    "hunyuan-pag": Family(
        "HunyuanDiTPAGPipeline",
        lambda: hunyuan_dit(HunyuanDiTPAGPipeline, pag_applied_layers="blocks.1"),
        with_pinned(use_resolution_binning=False),
        least_guidance=1.5,
    ),
    "hunyuan-image": Family("HunyuanImagePipeline", hunyuan_image, by_guider, multiple=2, default_size=(128, 128)),
}
