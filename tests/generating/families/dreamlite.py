"""DreamLite, and its mobile version, whose guidance was distilled away."""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import AutoencoderTiny, DiffusionPipeline, DreamLiteMobilePipeline, DreamLitePipeline, DreamLiteUNetModel
from torch import Tensor

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, pixels


def dreamlite(kind: type[Any]) -> DreamLitePipeline:
    unet = DreamLiteUNetModel(
        sample_size=16,
        down_block_types=("DreamLiteCrossAttnNoSelfAttnDownBlock2D", "DreamLiteCrossAttnDownBlock2D"),
        up_block_types=("DreamLiteCrossAttnUpBlock2D", "DreamLiteUpBlock2D"),
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=8,
        attention_head_dim=2,
        ff_mult=2,
        use_linear_projection=True,
        encoder_hid_dim=parts.WIDTH,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16,
    )
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
    )
    return kind(
        text_encoder=parts.qwen3_vl(),
        tokenizer=parts.qwen_tokenizer(),
        processor=parts.qwen3_processor(),
        vae=lively(vae),
        unet=lively(unet, 2.0),
        scheduler=parts.flow(use_dynamic_shifting=True),
    )


def one_text(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """They take one text, and no list."""
    against = [None] * len(prompts) if negatives is None else negatives
    return [
        _drawn(pipeline, prompt, seed, steps, size, guidance_scale=guidance, **_negative(text))
        for prompt, text, seed in zip(prompts, against, seeds, strict=True)
    ]


def without_guidance(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its call takes a `guidance_scale`, and ignores it."""
    assert negatives is None, "the call has no negative prompt"
    return [_drawn(pipeline, *each, steps, size) for each in zip(prompts, seeds, strict=True)]


def _negative(text: str | None) -> dict[str, str]:
    return {} if text is None else {"negative_prompt": text}


def _drawn(
    pipeline: DiffusionPipeline, prompt: str, seed: int, steps: int, size: tuple[int, int], **arguments: Any
) -> Tensor:
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator("cpu").manual_seed(seed)
    made = pipeline(
        prompt, generator=noise, num_inference_steps=steps, height=size[0], width=size[1], **arguments
    ).images
    return pixels(made)[0]


FAMILIES = {
    "dreamlite": Family(
        "DreamLitePipeline",
        lambda: dreamlite(DreamLitePipeline),
        one_text,
        multiple=8,
        batchable=False,
        batchable_unguided=False,
    ),
    "dreamlite-mobile": Family(
        "DreamLiteMobilePipeline",
        lambda: dreamlite(DreamLiteMobilePipeline),
        without_guidance,
        "none",
        takes_negative=False,
        multiple=8,
        batchable=False,
        batchable_unguided=False,
    ),
}
