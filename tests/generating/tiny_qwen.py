"""Pipelines of the families that read with a Qwen and decode as videos do, with few random weights."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    FlowMatchEulerDiscreteScheduler,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    NucleusMoEImagePipeline,
    NucleusMoEImageTransformer2DModel,
    QwenImage21Pipeline,
    QwenImage21Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    Qwen3VLProcessor,
)
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
_PICTURES = ("<|image_pad|>", "<|video_pad|>")
_WIDTH = 16
_ROPE = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1000000.0}
_VISION = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": _WIDTH}


def save_qwen_image(folder: Path) -> None:
    torch.manual_seed(0)
    QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=_WIDTH,
            guidance_embeds=False,
            axes_dims_rope=(8, 4, 4),
        ),
        vae=_autoencoder(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig.from_dict({"text_config": _text(), "vision_config": _VISION, **_ids()})
        ).eval(),
        tokenizer=_tokenizer(),
    ).save_pretrained(folder)


def save_qwen_image_21(folder: Path) -> None:
    torch.manual_seed(0)
    QwenImage21Pipeline(
        transformer=QwenImage21Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            context_in_dim=_WIDTH,
            mlp_ratio=2,
            axes_dims_rope=(4, 6, 6),
        ),
        vae=AutoencoderKLQwenImage21(
            base_dim=4,
            decoder_base_dim=4,
            z_dim=4,
            dim_mult=[1, 1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=Qwen3VLForConditionalGeneration(_qwen3(2)).eval(),
        processor=_processor(),
    ).save_pretrained(folder)


def save_krea2(folder: Path) -> None:
    torch.manual_seed(0)
    Krea2Pipeline(
        transformer=Krea2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=32,
            timestep_embed_dim=8,
            text_hidden_dim=_WIDTH,
            num_text_layers=3,
            text_num_attention_heads=2,
            text_num_key_value_heads=1,
            text_intermediate_size=16,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(4, 2, 2),
            rope_theta=1000.0,
        ),
        vae=_autoencoder(),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, max_image_seq_len=6400),
        text_encoder=Qwen3VLModel(_qwen3(2)).eval(),
        tokenizer=_tokenizer(),
        text_encoder_select_layers=(0, 1, 2),
    ).save_pretrained(folder)


def save_nucleus(folder: Path) -> None:
    torch.manual_seed(0)
    NucleusMoEImagePipeline(
        transformer=NucleusMoEImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=4,
            joint_attention_dim=_WIDTH,
            axes_dims_rope=(8, 4, 4),
            moe_enabled=False,
            capacity_factors=[8.0, 8.0],
        ),
        vae=_autoencoder(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=Qwen3VLForConditionalGeneration(_qwen3(8)).eval(),
        processor=_processor(),
    ).save_pretrained(folder)


def _autoencoder() -> AutoencoderKLQwenImage:
    """Its convolutions have weights of five dimensions."""
    return AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )


def _qwen3(layers: int) -> Qwen3VLConfig:
    text, vision = _text(num_hidden_layers=layers, head_dim=8), {**_VISION, "deepstack_visual_indexes": [0]}
    return Qwen3VLConfig.from_dict({"text_config": text, "vision_config": vision, **_ids()})


def _text(**more: object) -> dict[str, object]:
    return {
        "hidden_size": _WIDTH,
        "intermediate_size": _WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": len(_vocabulary()),
        "pad_token_id": 0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "rope_parameters": _ROPE,
        **more,
    }


def _ids() -> dict[str, int]:
    vocabulary = _vocabulary()
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    return {name: vocabulary[mark] for name, mark in zip(names, (*_MARKS[3:], *_PICTURES), strict=True)}


def _vocabulary() -> dict[str, int]:
    """Bytes, and the marks of a chat."""
    words = [_MARKS[0], *sorted(pre_tokenizers.ByteLevel.alphabet()), *_MARKS[1:], *_PICTURES]
    return {word: index for index, word in enumerate(words)}


def _tokenizer() -> Qwen2Tokenizer:
    marks = [*_MARKS[1:], *_PICTURES]
    return Qwen2Tokenizer(vocab=_vocabulary(), merges=[], additional_special_tokens=marks, chat_template=_CHAT)


def _processor() -> Qwen3VLProcessor:
    return Qwen3VLProcessor(Qwen2VLImageProcessor(), _tokenizer(), Qwen3VLVideoProcessor(), chat_template=_CHAT)
