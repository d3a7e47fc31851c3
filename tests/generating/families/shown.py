"""Small IP-Adapters with random weights, their image encoders, and the class of diffusers that each is shown to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, SiglipVisionConfig, SiglipVisionModel

from tests.generating.families.family import lively

SIDE, WIDTH, PROJECTED = 32, 16, 12
_VISION: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 8,
}


def save_encoder(folder: Path, *, siglip: bool = False, projected: int = PROJECTED) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        if siglip:
            lively(SiglipVisionModel(SiglipVisionConfig(**_VISION))).save_pretrained(folder)
        else:
            config = CLIPVisionConfig(projection_dim=projected, **_VISION)
            lively(CLIPVisionModelWithProjection(config)).save_pretrained(folder)


def save_adapter(folder: Path, pipeline: Any, *, seed: int = 0, resampled: bool = False) -> Path:
    """Save an IP-Adapter for a pipeline beside its image encoder, as diffusers reads it; return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    made = torch.Generator().manual_seed(seed)
    backbone = getattr(pipeline, "unet", None) or pipeline.transformer
    kind = type(backbone).__name__
    if kind == "SD3Transformer2DModel":
        shapes = _of_sd3(backbone)
    elif kind == "UNet2DConditionModel":
        shapes = of_unet(backbone) | (_resampler(backbone) if resampled else plain(backbone.config.cross_attention_dim))
    else:
        shapes = _of_flux(backbone) | plain(backbone.config.joint_attention_dim)
    file = folder / "ip-adapter.safetensors"
    save_file({name: torch.randn(shape, generator=made) * 0.5 for name, shape in shapes.items()}, file)
    save_encoder(folder / "image_encoder", siglip=kind == "SD3Transformer2DModel")
    return file


Shapes = dict[str, tuple[int, ...]]


def of_unet(unet: Any) -> Shapes:
    found: Shapes = {}
    for place, name in enumerate(name for name in unet.attn_processors if "attn2" in name):
        layer = unet.get_submodule(name.removesuffix(".processor")).to_k
        for which in ("k", "v"):
            found[f"ip_adapter.{2 * place + 1}.to_{which}_ip.weight"] = (layer.out_features, layer.in_features)
    return found


def plain(width: int) -> Shapes:
    names = {
        "proj.weight": (4 * width, PROJECTED),
        "proj.bias": (4 * width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    return {f"image_proj.{name}": shape for name, shape in names.items()}


def _resampler(unet: Any) -> Shapes:
    """Name the weights of IP-Adapter Plus as its authors do."""
    wide, out = 8, unet.config.cross_attention_dim
    found: Shapes = {"latents": (1, 3, wide), "proj_in.weight": (wide, WIDTH), "proj_in.bias": (wide,)}
    found |= {
        "proj_out.weight": (out, wide),
        "proj_out.bias": (out,),
        "norm_out.weight": (out,),
        "norm_out.bias": (out,),
    }
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            found |= {f"layers.{layer}.{norm}.{which}": (wide,) for which in ("weight", "bias")}
        found |= {f"layers.{layer}.0.to_q.weight": (64, wide), f"layers.{layer}.0.to_kv.weight": (128, wide)}
        found |= {f"layers.{layer}.0.to_out.weight": (wide, 64), f"layers.{layer}.1.1.weight": (4 * wide, wide)}
        found |= {f"layers.{layer}.1.3.weight": (wide, 4 * wide)}
    return {f"image_proj.{name}": shape for name, shape in found.items()}


def _of_flux(transformer: Any) -> Shapes:
    config = transformer.config
    inner, width = config.num_attention_heads * config.attention_head_dim, config.joint_attention_dim
    found: Shapes = {}
    for place in range(config.num_layers):
        for which in ("k", "v"):
            found[f"ip_adapter.{place}.to_{which}_ip.weight"] = (inner, width)
            found[f"ip_adapter.{place}.to_{which}_ip.bias"] = (inner,)
    return found


def _of_sd3(transformer: Any) -> Shapes:
    config, wide = transformer.config, 8
    inner = config.num_attention_heads * config.attention_head_dim
    layer = SD3IPAdapterJointAttnProcessor2_0(inner, inner, config.attention_head_dim, wide)
    projection = IPAdapterTimeImageProjection(WIDTH, inner, wide, heads=1, num_queries=2, timestep_in_dim=16)
    found: Shapes = {f"image_proj.{name}": tuple(one.shape) for name, one in projection.state_dict().items()}
    for place in range(config.num_layers):
        found |= {f"ip_adapter.{place}.{name}": tuple(one.shape) for name, one in layer.state_dict().items()}
    return found


_UNETS = ("stable-diffusion", "stable-diffusion-xl", "stable-diffusion-pag", "stable-diffusion-xl-pag")
_OTHERS = ("stable-diffusion-3", "flux-dev")
_LED = ("sd", "sd-pag", "sdxl", "sdxl-pag", "sdxl-union", "sdxl-t2i", "sd3", "flux", "flux-union")
COMPARED: Mapping[str, tuple[str, ...]] = {
    "text-to-image": (*_UNETS, *_OTHERS, "lcm", "kolors", "chroma"),
    "image-to-image": (
        *(*_UNETS, *_OTHERS, "lcm", "kolors", "chroma"),
        *("led sd", "led sdxl", "led sdxl-pag", "led sdxl-union"),
    ),
    "inpaint": (
        *(*_UNETS, *_OTHERS, "stable-diffusion-9", "flux-kontext"),
        *("led sd", "led sd-9", "led sd-pag", "led sdxl", "led sdxl-union", "led sd3"),
    ),
    "control": tuple(f"led {name}" for name in _LED),
    "edit": ("pix2pix", "flux-kontext"),
}
"""Small models that are shown pictures, by task; with `led`, a control acts, too."""
