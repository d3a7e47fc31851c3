"""A tiny Stable Diffusion 3, and its weights in one file, named as its authors named them."""

from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModelWithProjection

from tests.generating.families import parts
from tests.generating.families.family import lively
from tests.generating.tiny_checkpoint import file_of, of_vae

_LAYERS, _WIDE = 2, 2 * parts.WIDTH
_PARTS = {
    "pos_embed.pos_embed": "pos_embed",
    "pos_embed.proj": "x_embedder.proj",
    "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
    "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
    "context_embedder": "context_embedder",
    "proj_out": "final_layer.linear",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
}
_OF_BLOCK = {
    "attn.to_out.0": "x_block.attn.proj",
    "attn.to_add_out": "context_block.attn.proj",
    "norm1.linear": "x_block.adaLN_modulation.1",
    "norm1_context.linear": "context_block.adaLN_modulation.1",
    "ff.net.0.proj": "x_block.mlp.fc1",
    "ff.net.2": "x_block.mlp.fc2",
    "ff_context.net.0.proj": "context_block.mlp.fc1",
    "ff_context.net.2": "context_block.mlp.fc2",
}
_JOINED = {"x_block": ("to_q", "to_k", "to_v"), "context_block": ("add_q_proj", "add_k_proj", "add_v_proj")}


def save_stable_diffusion_3(folder: Path) -> None:
    """Save a pipeline such as can be in one file: its CLIPs differ in width, and the first projects nothing."""
    torch.manual_seed(0)
    first, second = parts.clip_text(projection=True), parts.clip_text(projection=True, width=_WIDE)
    assert isinstance(first, CLIPTextModelWithProjection)
    first.text_projection.weight.data = torch.eye(parts.WIDTH)
    model = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=_LAYERS,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH + _WIDE,
        caption_projection_dim=32,
        pooled_projection_dim=parts.WIDTH + _WIDE,
        pos_embed_max_size=16,
    )
    StableDiffusion3Pipeline(
        transformer=lively(model),
        scheduler=parts.flow(shift=3.0),
        vae=lively(parts.decoder(blocks=2, shift_factor=0.3, use_quant_conv=False, use_post_quant_conv=False)),
        text_encoder=first,
        tokenizer=parts.clip_tokenizer(),
        text_encoder_2=second,
        tokenizer_2=parts.clip_tokenizer(),
        text_encoder_3=parts.t5_text(parts.WIDTH + _WIDE),
        tokenizer_3=parts.t5_tokenizer(),
    ).save_pretrained(folder)


def save_checkpoint_3(folder: Path, file: Path) -> None:
    """Write all weights of a folder that `save_stable_diffusion_3` made into one file."""
    of = {name: load_file(file_of(folder / name)) for name in ("transformer", "vae", "text_encoder_3")}
    weights = {f"model.diffusion_model.{name}": weight for name, weight in _of_transformer(of["transformer"]).items()}
    for name, weight in of["vae"].items():
        weights |= of_vae(name, weight)
    for part, named in (("text_encoder", "clip_l"), ("text_encoder_2", "clip_g")):
        own = load_file(file_of(folder / part))
        weights |= {f"text_encoders.{named}.transformer.{name}": weight for name, weight in own.items()}
    last = of["text_encoder_3"] | {"encoder.embed_tokens.weight": of["text_encoder_3"]["shared.weight"].clone()}
    weights |= {f"text_encoders.t5xxl.transformer.{name}": weight for name, weight in last.items()}
    save_file({name: weight.contiguous() for name, weight in weights.items()}, file)


def _of_transformer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        part, _, last = name.rpartition(".")
        if known := _PARTS.get(name) or (_PARTS.get(part) and f"{_PARTS[part]}.{last}"):
            found[known] = _swapped(weight) if part == "norm_out.linear" else weight
        else:
            _, number, inner = part.split(".", 2)
            if inner in _OF_BLOCK:
                is_last = int(number) == _LAYERS - 1 and inner == "norm1_context.linear"
                found[f"joint_blocks.{number}.{_OF_BLOCK[inner]}.{last}"] = _swapped(weight) if is_last else weight
    for layer in range(_LAYERS):
        for block, names in _JOINED.items():
            for last in ("weight", "bias"):
                three = [weights[f"transformer_blocks.{layer}.attn.{name}.{last}"] for name in names]
                found[f"joint_blocks.{layer}.{block}.attn.qkv.{last}"] = torch.cat(three)
    return found


def _swapped(weight: Tensor) -> Tensor:
    """Put scale before shift, or shift before scale."""
    one, other = weight.chunk(2)
    return torch.cat([other, one])
