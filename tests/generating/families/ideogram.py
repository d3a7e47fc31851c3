"""Ideogram 4, ERNIE-Image, GLM-Image, FLUX.2: each with rules of its own."""

from collections.abc import Sequence
from typing import Any

from diffusers import (
    DiffusionPipeline,
    ErnieImagePipeline,
    ErnieImageTransformer2DModel,
    GlmImagePipeline,
    GlmImageTransformer2DModel,
    Ideogram4Pipeline,
    Ideogram4Transformer2DModel,
)
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from torch import Tensor
from transformers import (
    GlmImageConfig,
    GlmImageForConditionalGeneration,
    GlmImageProcessor,
    Ministral3Config,
    Ministral3ForCausalLM,
    Mistral3Config,
    Mistral3Model,
    PreTrainedTokenizerFast,
)
from transformers.models.glm_image.image_processing_glm_image import GlmImageImageProcessor

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, with_pinned
from tests.generating.families.flux import without_negative

_CODES = 32


def ideogram4() -> Ideogram4Pipeline:
    return Ideogram4Pipeline(
        transformer=_ideogram4_transformer(),
        unconditional_transformer=_ideogram4_transformer(),
        vae=parts.flux2_decoder(),
        scheduler=parts.flow(),
        text_encoder=parts.qwen3_vl(
            36, head=False, heads=1
        ),  # it reads the states of 13 layers, the last of them the 36th
        tokenizer=parts.qwen_tokenizer(),
    )


def _ideogram4_transformer() -> Ideogram4Transformer2DModel:
    model = Ideogram4Transformer2DModel(
        in_channels=16,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        intermediate_size=32,
        adaln_dim=16,
        llm_features_dim=13 * parts.WIDTH,
        mrope_section=(2, 2, 2),
    )
    return lively(model)


def scale_for_all_steps(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its schedule has 48 steps, and must be put away for a number."""
    assert negatives is None, "the call has no negative prompt"
    return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance, guidance_schedule=None)


def ernie() -> ErnieImagePipeline:
    model = ErnieImageTransformer2DModel(
        hidden_size=32,
        num_attention_heads=2,
        num_layers=1,
        ffn_hidden_size=32,
        in_channels=16,
        out_channels=16,
        text_in_dim=parts.WIDTH,
        rope_axes_dim=(8, 4, 4),
    )
    text: dict[str, Any] = {
        "vocab_size": parts.ROWS,
        "hidden_size": parts.WIDTH,
        "intermediate_size": parts.WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "pad_token_id": 2,
    }
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
    config = Mistral3Config(text_config={"model_type": "ministral3", **text}, vision_config=vision)
    chat = "{% for message in messages %}{{ message.content }}{% endfor %}"
    return ErnieImagePipeline(
        transformer=lively(model),
        vae=parts.flux2_decoder(),
        text_encoder=lively(Mistral3Model(config)),
        tokenizer=parts.llama_tokenizer(),
        scheduler=parts.flow(shift=3.0),
        pe=lively(Ministral3ForCausalLM(Ministral3Config(**text))),
        pe_tokenizer=parts.llama_tokenizer(16, chat=chat),
    )


def glm_image() -> GlmImagePipeline:
    model = GlmImageTransformer2DModel(
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        text_embed_dim=parts.WIDTH,
        time_embed_dim=16,
        condition_dim=8,
        prior_vq_quantizer_codebook_size=_CODES,
    )
    return GlmImagePipeline(
        tokenizer=parts.byt5_tokenizer(),
        processor=_glm_processor(),
        text_encoder=parts.t5_text(),
        vision_language_encoder=_glm_encoder(),
        vae=parts.decoder(latents_mean=[0.0] * 4, latents_std=[1.0] * 4),
        transformer=lively(model),
        scheduler=parts.flow(use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"),
    )


def _glm_processor() -> GlmImageProcessor:
    marks = {"image_token": "<|image|>", "grid_bos_token": "<sop>", "grid_eos_token": "<eop>"}
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|endoftext|>", *letters, *marks.values(), "<|begin|>"]
    engine = Tokenizer(BPE(vocab={word: index for index, word in enumerate(words)}, merges=[]))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine,
        pad_token="<|endoftext|>",
        bos_token="<|begin|>",
        padding_side="left",
        extra_special_tokens=marks,
    )
    chat = "{% for message in messages %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endfor %}"
    return GlmImageProcessor(GlmImageImageProcessor(), tokenizer, chat_template=chat)


def _glm_encoder() -> GlmImageForConditionalGeneration:
    """It draws tokens of pictures, one after the other, before anything is denoised."""
    text = {
        "vocab_size": parts.ROWS,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
        "vision_vocab_size": _CODES,
        "eos_token_id": _CODES + 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    }
    vision = {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "image_size": 32}
    codes = {"embed_dim": 8, "num_embeddings": _CODES, "latent_channels": 16}
    config = GlmImageConfig(
        text_config=text,
        vision_config=vision,
        vq_config=codes,
        image_token_id=300,
        image_start_token_id=_CODES,
        image_end_token_id=_CODES + 1,
    )
    return lively(GlmImageForConditionalGeneration(config), gain=3.0)


FAMILIES = {
    "ideogram4": Family(
        "Ideogram4Pipeline", ideogram4, scale_for_all_steps, takes_negative=False, default_size=(2048, 2048)
    ),
    "ernie-image": Family("ErnieImagePipeline", ernie, with_pinned(use_pe=False)),
    # The tokens that it denoises around are drawn from the first image's generator alone.
    "glm-image": Family(
        "GlmImagePipeline",
        glm_image,
        without_negative,
        takes_negative=False,
        multiple=32,
        batchable=False,
        batchable_unguided=False,
    ),
}
