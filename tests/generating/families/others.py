"""OmniGen, DreamLite, and PRX of pixels."""

from diffusers import (
    OmniGenPipeline,
    OmniGenTransformer2DModel,
    PRXPixelPipeline,
    PRXTransformer2DModel,
)

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, with_pinned
from tests.generating.families.flux import without_negative


def omnigen() -> OmniGenPipeline:
    model = OmniGenTransformer2DModel(
        in_channels=4,
        patch_size=2,
        hidden_size=32,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=32,
        num_layers=2,
        pad_token_id=2,
        vocab_size=parts.ROWS,
        rope_scaling={"long_factor": [1.0] * 8, "short_factor": [1.0] * 8},
        pos_embed_max_size=64,
    )
    return OmniGenPipeline(
        transformer=lively(model),
        scheduler=parts.flow(invert_sigmas=True),
        vae=parts.decoder(),
        tokenizer=parts.llama_tokenizer(512),
    )


def prx_pixel() -> PRXPixelPipeline:
    model = PRXTransformer2DModel(
        in_channels=3,
        patch_size=8,
        context_in_dim=parts.WIDTH,
        hidden_size=32,
        mlp_ratio=2.0,
        num_heads=2,
        depth=2,
        axes_dim=[8, 8],
        bottleneck_size=16,
        resolution_embeds=True,
    )
    return PRXPixelPipeline(
        transformer=lively(model),
        scheduler=parts.flow(shift=3.0),
        text_encoder=parts.qwen3_text(),
        tokenizer=parts.qwen_tokenizer(),
    )


FAMILIES = {
    # Its image lies behind the longest prompt of the batch, or is guided by another's padding: seen, not told apart.
    "omnigen": Family(
        "OmniGenPipeline",
        omnigen,
        without_negative,
        takes_negative=False,
        batchable=False,
        batchable_unguided=False,
    ),
    # Guided, it repeats the time twice, and not once per image.
    "prx-pixel": Family(
        "PRXPixelPipeline", prx_pixel, with_pinned(use_resolution_binning=False), multiple=8, batchable=False
    ),
}
