"""FLUX.1, FLUX.1 Kontext, FLUX.2 and its distilled ones."""

from collections.abc import Sequence
from typing import Any

from diffusers import (
    DiffusionPipeline,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxKontextPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
)
from torch import Tensor
from transformers import Mistral3Config, Mistral3ForConditionalGeneration

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, plain


def klein(*, is_distilled: bool) -> Flux2KleinPipeline:
    return Flux2KleinPipeline(
        transformer=flux2_transformer(3 * parts.WIDTH, guidance_embeds=False),
        vae=parts.flux2_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=parts.qwen3_text(28, head=True),  # it reads the states after layers 9, 18 and 27
        tokenizer=parts.qwen_tokenizer(),
        is_distilled=is_distilled,
    )


def flux2_transformer(text_width: int, *, guidance_embeds: bool) -> Flux2Transformer2DModel:
    return lively(
        Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=text_width,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=guidance_embeds,
        )
    )


def flux2() -> Flux2Pipeline:
    text = parts.text_config(num_hidden_layers=31, head_dim=8, model_type="mistral", rope_parameters=parts.plain_rope())
    vision = {
        "model_type": "pixtral",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 8,
        "image_size": 32,
        "patch_size": 16,
    }
    config = Mistral3Config(text_config=text, vision_config=vision)
    return Flux2Pipeline(
        transformer=flux2_transformer(3 * parts.WIDTH, guidance_embeds=True),
        vae=parts.flux2_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=True),
        text_encoder=lively(Mistral3ForConditionalGeneration(config)),  # it reads the states after 10, 20 and 30 layers
        tokenizer=parts.pixtral_processor(),
    )


def flux(kind: type[Any] = FluxPipeline, *, guidance_embeds: bool) -> FluxPipeline:
    return kind(
        transformer=flux_transformer(guidance_embeds=guidance_embeds),
        vae=parts.flux_decoder(),
        scheduler=parts.flow(use_dynamic_shifting=guidance_embeds),
        text_encoder=parts.clip_text(),
        tokenizer=parts.clip_tokenizer(),
        text_encoder_2=parts.t5_text(),
        tokenizer_2=parts.t5_tokenizer(),
    )


def flux_transformer(channels: int = 16, out: int | None = None, *, guidance_embeds: bool) -> FluxTransformer2DModel:
    return lively(
        FluxTransformer2DModel(
            patch_size=1,
            in_channels=channels,
            out_channels=out,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=parts.WIDTH,
            pooled_projection_dim=parts.WIDTH,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance_embeds,
        )
    )


def without_negative(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    assert negatives is None, "the call has no negative prompt"
    return plain(pipeline, prompts, None, seeds, guidance=guidance, steps=steps, size=size)


def embedded(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Without a negative prompt the number is read by the model; with one it guides truly, beside 3.5 that is read."""
    if negatives is None:
        return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance, **_area(pipeline, size))
    return draw(
        pipeline,
        prompts,
        seeds,
        steps,
        size,
        negative_prompt=list(negatives),
        true_cfg_scale=guidance,
        **_area(pipeline, size),
    )


def _area(pipeline: DiffusionPipeline, size: tuple[int, int]) -> dict[str, Any]:
    """Kontext scales every size to about a million pixels, unless it is told otherwise."""
    return {"max_area": size[0] * size[1]} if isinstance(pipeline, FluxKontextPipeline) else {}


FAMILIES = {
    "flux2": Family("Flux2Pipeline", flux2, without_negative, "embedded", takes_negative=False),
    "flux2-klein-base": Family(
        "Flux2KleinPipeline", lambda: klein(is_distilled=False), without_negative, takes_negative=False
    ),
    "flux2-klein": Family(
        "Flux2KleinPipeline", lambda: klein(is_distilled=True), without_negative, "none", takes_negative=False
    ),
    "flux-schnell": Family("FluxPipeline", lambda: flux(guidance_embeds=False), embedded, "none"),
    "flux-dev": Family("FluxPipeline", lambda: flux(guidance_embeds=True), embedded, "embedded"),
    "flux-kontext": Family(
        "FluxKontextPipeline", lambda: flux(FluxKontextPipeline, guidance_embeds=True), embedded, "embedded"
    ),
}
