"""Transformers that attend to T5, Gemma and the like: PixArt, Sana and Sprint, PRX, Lumina and Lumina 2, AuraFlow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    AutoencoderDC,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    LuminaNextDiT2DModel,
    LuminaPipeline,
    PixArtAlphaPipeline,
    PixArtSigmaPAGPipeline,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    PRXPipeline,
    PRXTransformer2DModel,
    SanaPAGPipeline,
    SanaPipeline,
    SanaSprintPipeline,
    SanaTransformer2DModel,
    SCMScheduler,
)
from torch import Tensor
from transformers import (
    Gemma2Config,
    Gemma2Model,
    GemmaConfig,
    GemmaModel,
    T5GemmaConfig,
    UMT5Config,
    UMT5EncoderModel,
)
from transformers.models.t5gemma.modeling_t5gemma import T5GemmaEncoder

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, plain, with_pinned

_UNBINNED: dict[str, Any] = {"use_resolution_binning": False}
_GEMMA: dict[str, Any] = {
    "vocab_size": parts.ROWS,
    "hidden_size": parts.WIDTH,
    "intermediate_size": parts.WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def pixart(kind: type[Any], **more: Any) -> PixArtSigmaPipeline:
    model = PixArtTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=8,
        num_layers=2,
        cross_attention_dim=32,
        sample_size=128,
        patch_size=2,
        use_additional_conditions=False,
        caption_channels=parts.WIDTH,
    )
    return kind(
        tokenizer=parts.t5_tokenizer(),
        text_encoder=parts.t5_text(),
        vae=parts.decoder(),
        transformer=lively(model),
        scheduler=DPMSolverMultistepScheduler(),
        **more,
    )


def sana(kind: type[Any] = SanaPipeline, *, sprint: bool = False, **more: Any) -> SanaPipeline:
    model = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=parts.WIDTH,
        sample_size=32,
        guidance_embeds=sprint,
        qk_norm="rms_norm_across_heads" if sprint else None,
    )
    return kind(
        tokenizer=parts.gemma_tokenizer(300),
        text_encoder=lively(Gemma2Model(Gemma2Config(**_GEMMA))),
        vae=deep_decoder(),
        transformer=lively(model),
        scheduler=SCMScheduler() if sprint else parts.flow(shift=3.0),
        **more,
    )


def deep_decoder() -> AutoencoderDC:
    """One latent pixel is 32 x 32 pixels."""
    model = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=4,
        encoder_block_types="ResBlock",
        decoder_block_types="ResBlock",
        encoder_block_out_channels=(8,) * 6,
        decoder_block_out_channels=(8,) * 6,
        encoder_layers_per_block=(1,) * 6,
        decoder_layers_per_block=(1,) * 6,
        encoder_qkv_multiscales=((),) * 6,
        decoder_qkv_multiscales=((),) * 6,
        scaling_factor=0.5,
    )
    return lively(model)


def sprint(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """The time between its two steps must be put away for any other number of them."""
    assert negatives is None, "the call has no negative prompt"
    pinned = dict(_UNBINNED) if steps == 2 else {**_UNBINNED, "intermediate_timesteps": None}
    return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance, **pinned)


def prx() -> PRXPipeline:
    model = PRXTransformer2DModel(
        in_channels=4,
        patch_size=2,
        context_in_dim=parts.WIDTH,
        hidden_size=32,
        mlp_ratio=2.0,
        num_heads=2,
        depth=2,
        axes_dim=[8, 8],
    )
    return PRXPipeline(
        transformer=lively(model),
        scheduler=parts.flow(shift=3.0),
        text_encoder=t5_gemma(),
        tokenizer=parts.gemma_tokenizer(256),
        vae=parts.flux_decoder(),
    )


def t5_gemma() -> T5GemmaEncoder:
    config: Any = _t5_gemma_config()
    return lively(T5GemmaEncoder(config.encoder))


def _t5_gemma_config() -> T5GemmaConfig:
    return T5GemmaConfig(encoder=dict(_GEMMA), decoder=dict(_GEMMA), vocab_size=parts.ROWS)


def with_whole_config(folder: Path) -> None:
    """PRX loads its encoder by the config of encoder and decoder, though `save_pretrained` writes the encoder's."""
    _t5_gemma_config().save_pretrained(folder / "text_encoder")


def lumina() -> LuminaPipeline:
    model = LuminaNextDiT2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=4,
        hidden_size=32,
        num_layers=2,
        num_attention_heads=2,
        num_kv_heads=2,
        multiple_of=16,
        cross_attention_dim=parts.WIDTH,
    )
    return LuminaPipeline(
        transformer=lively(model),
        scheduler=parts.flow(),
        vae=parts.decoder(),
        text_encoder=lively(GemmaModel(GemmaConfig(**_GEMMA))),
        tokenizer=parts.gemma_tokenizer(256),
    )


def lumina2() -> Lumina2Pipeline:
    model = Lumina2Transformer2DModel(
        sample_size=128,
        patch_size=2,
        in_channels=4,
        hidden_size=48,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=2,
        multiple_of=16,
        axes_dim_rope=(8, 8, 8),
        axes_lens=(300, 64, 64),
        cap_feat_dim=parts.WIDTH,
    )
    return Lumina2Pipeline(
        transformer=lively(model),
        scheduler=parts.flow(shift=6.0),
        vae=parts.flux_decoder(),
        text_encoder=lively(Gemma2Model(Gemma2Config(**_GEMMA))),
        tokenizer=parts.gemma_tokenizer(256),
    )


def auraflow() -> AuraFlowPipeline:
    model = AuraFlowTransformer2DModel(
        sample_size=64,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        caption_projection_dim=32,
        pos_embed_max_size=1024,
    )
    config = UMT5Config(vocab_size=parts.ROWS, d_model=parts.WIDTH, d_kv=8, d_ff=parts.WIDTH, num_layers=1, num_heads=2)
    return AuraFlowPipeline(
        tokenizer=parts.llama_tokenizer(256),
        text_encoder=lively(UMT5EncoderModel(config)),
        vae=parts.decoder(),
        transformer=lively(model),
        scheduler=parts.flow(shift=1.73),
    )


_PINNED = with_pinned(**_UNBINNED)
_PIXART = with_pinned(**_UNBINNED, clean_caption=False)
FAMILIES = {
    "pixart-alpha": Family("PixArtAlphaPipeline", lambda: pixart(PixArtAlphaPipeline), _PIXART),
    "pixart-sigma": Family("PixArtSigmaPipeline", lambda: pixart(PixArtSigmaPipeline), _PIXART),
    "pixart-sigma-pag": Family(
        "PixArtSigmaPAGPipeline",
        lambda: pixart(PixArtSigmaPAGPipeline, pag_applied_layers="blocks.1"),
        _PIXART,
    ),
    "sana": Family("SanaPipeline", sana, _PINNED, multiple=32),
    "sana-pag": Family(
        "SanaPAGPipeline",
        lambda: sana(SanaPAGPipeline, pag_applied_layers="transformer_blocks.1"),
        _PINNED,
        multiple=32,
    ),
    "sana-sprint": Family(
        "SanaSprintPipeline",
        lambda: sana(SanaSprintPipeline, sprint=True),
        sprint,
        "embedded",
        takes_negative=False,
        multiple=32,
    ),
    # Guided, it repeats the time twice, and not once per image.
    "prx": Family(
        "PRXPipeline", prx, with_pinned(**_UNBINNED), default_size=(512, 512), batchable=False, mend=with_whole_config
    ),
    "lumina": Family("LuminaPipeline", lumina, with_pinned(clean_caption=False), default_size=(256, 256)),
    "lumina2": Family("Lumina2Pipeline", lumina2, plain),
    "auraflow": Family("AuraFlowPipeline", auraflow, plain),
}
