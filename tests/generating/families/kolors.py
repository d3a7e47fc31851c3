"""Kolors, with perturbed attention too. Its tokenizer needs the package sentencepiece."""

import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
from diffusers import DiffusionPipeline, EulerDiscreteScheduler, UNet2DConditionModel
from torch import nn

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, plain

_TEXTS = ("a doctor at work", "a chef in a red hat", "the quick brown fox jumps over the lazy dog")


def kolors(**more: Any) -> DiffusionPipeline:
    # Importing it warns of what torch will remove.
    from diffusers import KolorsPAGPipeline, KolorsPipeline
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    unet = UNet2DConditionModel(
        sample_size=128,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        norm_num_groups=4,
        use_linear_projection=True,
        transformer_layers_per_block=(1, 1),
        cross_attention_dim=8,
        encoder_hid_dim=parts.WIDTH,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=parts.WIDTH + 6 * 8,
    )
    text = ChatGLMConfig(
        num_layers=2,
        padded_vocab_size=parts.ROWS,
        hidden_size=parts.WIDTH,
        ffn_hidden_size=parts.WIDTH,
        kv_channels=8,
        num_attention_heads=2,
        seq_length=256,
        add_qkv_bias=True,
        multi_query_attention=True,
        original_rope=True,
    )
    return (KolorsPAGPipeline if more else KolorsPipeline)(
        vae=parts.decoder(),
        text_encoder=_encoder(ChatGLMModel(text)),
        tokenizer=ChatGLMTokenizer(str(_vocabulary())),
        unet=lively(unet),
        scheduler=EulerDiscreteScheduler(steps_offset=1),
        **more,
    )


def _encoder(model: nn.Module) -> nn.Module:
    """Give the encoder weights: it leaves all of them as the memory was, vectors too."""
    for name, weight in lively(model).named_parameters():
        if weight.ndim == 1:
            nn.init.constant_(weight, 0.0 if name.endswith("bias") else 1.0)
    return model


@cache
def _vocabulary() -> Path:
    """Train a tokenizer that knows letters; it is saved with the pipeline."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_TEXTS), model_writer=model, model_type="char", vocab_size=30, minloglevel=2
    )
    file = Path(tempfile.mkdtemp()) / "tokenizer.model"
    file.write_bytes(model.getvalue())
    return file


FAMILIES = {
    "kolors": Family("KolorsPipeline", kolors, plain, multiple=8),
    "kolors-pag": Family("KolorsPAGPipeline", lambda: kolors(pag_applied_layers="mid"), plain, multiple=8),
}
