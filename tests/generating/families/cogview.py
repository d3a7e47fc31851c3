"""CogView 3 and 4."""

from diffusers import (
    CogVideoXDDIMScheduler,
    CogView3PlusPipeline,
    CogView3PlusTransformer2DModel,
    CogView4Pipeline,
    CogView4Transformer2DModel,
)
from transformers import GlmConfig, GlmModel

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, plain


def cogview3() -> CogView3PlusPipeline:
    model = CogView3PlusTransformer2DModel(
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        text_embed_dim=parts.WIDTH,
        time_embed_dim=16,
        condition_dim=4,
        pos_embed_max_size=64,
        sample_size=128,
    )
    return CogView3PlusPipeline(
        tokenizer=parts.t5_tokenizer(224),
        text_encoder=parts.t5_text(),
        vae=parts.decoder(),
        transformer=lively(model),
        scheduler=CogVideoXDDIMScheduler(
            prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
        ),
    )


def cogview4(in_channels: int = 4) -> CogView4Pipeline:
    model = CogView4Transformer2DModel(
        patch_size=2,
        in_channels=in_channels,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        text_embed_dim=parts.WIDTH,
        time_embed_dim=16,
        condition_dim=4,
        sample_size=128,
        rope_axes_dim=(8, 8),
    )
    config = GlmConfig(
        vocab_size=parts.ROWS,
        hidden_size=parts.WIDTH,
        intermediate_size=parts.WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        pad_token_id=2,
    )
    return CogView4Pipeline(
        tokenizer=parts.llama_tokenizer(1024, padding_side="left"),
        text_encoder=lively(GlmModel(config)),
        vae=parts.decoder(),
        transformer=lively(model),
        scheduler=parts.flow(use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"),
    )


FAMILIES = {
    "cogview3": Family("CogView3PlusPipeline", cogview3, plain),
    # Prompts are padded to the longest of the batch, and what reads them is told of no padding.
    "cogview4": Family("CogView4Pipeline", cogview4, plain, batchable=False, batchable_unguided=False),
}
