"""HiDream: four text encoders, and one area of pixels whatever size is asked for."""

from typing import Any

from diffusers import HiDreamImagePipeline, HiDreamImageTransformer2DModel
from transformers import LlamaConfig, LlamaForCausalLM

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, plain


def hidream() -> HiDreamImagePipeline:
    model = HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        caption_channels=[parts.WIDTH, parts.WIDTH],
        text_emb_dim=2 * parts.WIDTH,
        num_routed_experts=2,
        num_activated_experts=1,
        axes_dims_rope=(8, 4, 4),
        max_resolution=(128, 128),
        llama_layers=[0, 1],
    )
    eager: dict[str, Any] = {"attn_implementation": "eager"}  # it asks for the attentions, too
    config = LlamaConfig(
        vocab_size=parts.ROWS,
        hidden_size=parts.WIDTH,
        intermediate_size=parts.WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        **eager,
    )
    return HiDreamImagePipeline(
        scheduler=parts.flow(shift=3.0),
        vae=parts.decoder(
            blocks=1, shift_factor=0.3, mid_block_add_attention=False
        ),  # the area is that of 128 x 128 latent pixels
        text_encoder=parts.clip_text(projection=True, length=128),
        tokenizer=parts.clip_tokenizer(),
        text_encoder_2=parts.clip_text(projection=True, length=128),
        tokenizer_2=parts.clip_tokenizer(),
        text_encoder_3=parts.t5_text(),
        tokenizer_3=parts.t5_tokenizer(),
        text_encoder_4=lively(LlamaForCausalLM(config)),
        tokenizer_4=parts.llama_tokenizer(),
        transformer=lively(model),
    )


FAMILIES = {
    "hidream": Family(
        "HiDreamImagePipeline",
        hidream,
        plain,
        multiple=2,
        default_size=(128, 128),
        size=(128, 128),
        sizes="one-area",
    ),
}
