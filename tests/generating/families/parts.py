"""Parts that several families share: tokenizers, text encoders, decoders, each with few random weights."""

from functools import cache
from typing import Any

from diffusers import AutoencoderKL, AutoencoderKLFlux2, AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler
from tokenizers import pre_tokenizers
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    GemmaTokenizer,
    LlamaTokenizer,
    PixtralImageProcessor,
    PixtralProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    Qwen3VLProcessor,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

from synthgen.bundled.train.tokens import CONTEXT, build_tokenizer
from tests.generating.families.family import lively

WIDTH = 16
"""Of every text encoder here."""

ROWS = 512
"""More than any vocabulary of bytes here needs."""

_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_PIXTRAL_CHAT = (
    "{% for message in messages %}{% for part in message.content %}"
    "{% if message.role == 'system' %}[SYSTEM_PROMPT]{{ part.text }}[/SYSTEM_PROMPT]"
    "{% else %}[INST]{{ part.text }}[/INST]{% endif %}{% endfor %}{% endfor %}"
)
_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
_PICTURES = ("<|image_pad|>", "<|video_pad|>")
_ROPE = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1000000.0}
_VISION = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": WIDTH}


# Tokenizers.


@cache
def clip_tokenizer() -> CLIPTokenizer:
    """It reads 32 tokens, and knows the words of the bundled model."""
    return build_tokenizer()


def t5_tokenizer(length: int = 64) -> T5Tokenizer:
    """One token per letter; what the letters do not hold is unknown."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -2.0), *((letter, -3.0) for letter in _letters())]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=length)


def byt5_tokenizer() -> ByT5Tokenizer:
    return ByT5Tokenizer(extra_ids=0)


def llama_tokenizer(
    length: int = 128, chat: str | None = None, padding_side: str = "right", marks: list[str] | None = None
) -> LlamaTokenizer:
    words = ["<unk>", "<s>", "</s>", "▁", *_letters()]
    return LlamaTokenizer(
        vocab=_numbered(words),
        merges=[],
        pad_token="</s>",
        model_max_length=length,
        chat_template=chat,
        padding_side=padding_side,
        add_bos_token=True,
        additional_special_tokens=marks or [],
    )


def gemma_tokenizer(length: int = 128) -> GemmaTokenizer:
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *_letters()]
    return GemmaTokenizer(
        vocab=_numbered(words), merges=[], model_max_length=length, padding_side="right", add_bos_token=True
    )


def qwen_tokenizer(chat: str = _CHAT, **more: Any) -> Qwen2Tokenizer:
    marks = [*_MARKS[1:], *_PICTURES]
    return Qwen2Tokenizer(vocab=_vocabulary(), merges=[], additional_special_tokens=marks, chat_template=chat, **more)


def qwen3_processor() -> Qwen3VLProcessor:
    return Qwen3VLProcessor(
        Qwen2VLImageProcessor(patch_size=16, max_pixels=1 << 21),
        qwen_tokenizer(),
        Qwen3VLVideoProcessor(),
        chat_template=_CHAT,
    )


def qwen25_processor() -> Qwen2_5_VLProcessor:
    video = Qwen3VLVideoProcessor()
    return Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), qwen_tokenizer(), video, chat_template=_CHAT)


def pixtral_processor() -> PixtralProcessor:
    """It tells a system's message and a user's from each other."""
    tokenizer = llama_tokenizer(512, marks=["[IMG]", "[IMG_BREAK]", "[IMG_END]"])
    return PixtralProcessor(PixtralImageProcessor(), tokenizer, chat_template=_PIXTRAL_CHAT)


def _letters() -> list[str]:
    return [chr(code) for code in range(33, 127)]


def _numbered(words: list[str]) -> dict[str, int]:
    return {word: index for index, word in enumerate(words)}


@cache
def _vocabulary() -> dict[str, int]:
    """Bytes, and the marks of a chat."""
    return _numbered([_MARKS[0], *sorted(pre_tokenizers.ByteLevel.alphabet()), *_MARKS[1:], *_PICTURES])


# Text encoders.


def clip_text(
    projection: bool = False, width: int = WIDTH, length: int = CONTEXT
) -> CLIPTextModel | CLIPTextModelWithProjection:
    tokenizer = clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return lively((CLIPTextModelWithProjection if projection else CLIPTextModel)(config))


def t5_text(width: int = WIDTH) -> T5EncoderModel:
    return lively(
        T5EncoderModel(T5Config(vocab_size=ROWS, d_model=width, d_kv=8, d_ff=width, num_layers=1, num_heads=2))
    )


def qwen3_text(layers: int = 2, *, head: bool = False) -> Qwen3Model | Qwen3ForCausalLM:
    config = Qwen3Config(**text_config(num_hidden_layers=layers, head_dim=8, rope_parameters=plain_rope()))
    return lively((Qwen3ForCausalLM if head else Qwen3Model)(config))


def qwen25_vl() -> Qwen2_5_VLForConditionalGeneration:
    config = {"text_config": text_config(), "vision_config": _VISION, **_ids()}
    return lively(Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_dict(config)))


def qwen3_vl(layers: int = 2, *, head: bool = True, heads: int = 2) -> Qwen3VLModel | Qwen3VLForConditionalGeneration:
    text = text_config(num_hidden_layers=layers, head_dim=8, num_attention_heads=heads, num_key_value_heads=heads)
    vision = {**_VISION, "deepstack_visual_indexes": [0]}
    config = Qwen3VLConfig.from_dict({"text_config": text, "vision_config": vision, **_ids()})
    return lively((Qwen3VLForConditionalGeneration if head else Qwen3VLModel)(config))


def plain_rope() -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 10000.0}


def text_config(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
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


# Decoders and schedulers.


def decoder(channels: int = 4, blocks: int = 4, **more: Any) -> AutoencoderKL:
    """One latent pixel is 8 x 8 pixels, as in the models that people use."""
    return AutoencoderKL(
        block_out_channels=(4,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=2,
        sample_size=32,
        **{"scaling_factor": 1.5, **more},
    )


def flux_decoder(channels: int = 4) -> AutoencoderKL:
    return decoder(channels, shift_factor=0.3, use_quant_conv=False, use_post_quant_conv=False)


def flux2_decoder(blocks: int = 4) -> AutoencoderKLFlux2:
    return AutoencoderKLFlux2(
        block_out_channels=(4,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=32,
    )


def video_decoder() -> AutoencoderKLQwenImage:
    """Its convolutions have weights of five dimensions."""
    model = AutoencoderKLQwenImage(
        base_dim=4,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    return lively(model)


def flow(**more: Any) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(**more)
