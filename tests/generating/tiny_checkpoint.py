"""A tiny Stable Diffusion, or SDXL, in one file, its weights named as its authors named them."""

import re
from pathlib import Path

from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING
from safetensors.torch import load_file, save_file
from torch import Tensor, cat

_LAYERS = 1
"""Of each block of the tiny UNet."""
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def save_checkpoint(folder: Path, file: Path, *, without: str = "no weight") -> None:
    """Write all weights of a folder that `save_stable_diffusion` made into one file."""
    unet, vae, text = (file_of(folder / part) for part in ("unet", "vae", "text_encoder"))
    weights = {f"model.diffusion_model.{_of_unet(name)}": weight for name, weight in load_file(unet).items()}
    for name, weight in load_file(vae).items():
        weights |= of_vae(name, weight)
    is_xl = (folder / "text_encoder_2").is_dir()
    place = "conditioner.embedders.0" if is_xl else "cond_stage_model"
    for name, weight in load_file(text).items():
        weights[f"{place}.transformer.text_model.{name.removeprefix('text_model.')}"] = weight
    if is_xl:
        second = _of_open_clip(load_file(file_of(folder / "text_encoder_2")))
        weights |= {f"conditioner.embedders.1.model.{name}": weight for name, weight in second.items()}
    save_file({name: weight.contiguous() for name, weight in weights.items() if without not in name}, file)


def file_of(part: Path) -> Path:
    """Return the one file with weights of a part."""
    (file,) = part.glob("*.safetensors")
    return file


def _of_open_clip(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights of a CLIP as open_clip does, which has queries, keys and values in one."""
    mapping = DIFFUSERS_TO_LDM_MAPPING["openclip"]
    found: dict[str, Tensor] = {}
    for name, own in weights.items():
        if known := mapping["layers"].get(name):
            found[known] = own.T if known == "text_projection" else own
        elif name.endswith((".k_proj.weight", ".k_proj.bias", ".v_proj.weight", ".v_proj.bias")):
            continue
        else:
            new = name
            for ours, theirs in mapping["transformer"].items():
                new = new.replace(ours, theirs)
            if ".q_proj." in new:
                joined = cat([weights[name.replace("q_proj", f"{kind}_proj")] for kind in "qkv"])
                found[f"transformer.{new.replace('.q_proj.', '.in_proj_')}"] = joined
            else:
                found[f"transformer.{new}"] = own
    return found


def _of_unet(name: str) -> str:
    for known in (DIFFUSERS_TO_LDM_MAPPING["unet"][kind] for kind in ("layers", "addition_embed_type")):
        if name in known:
            return str(known[name])
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name):
        middle = 1 if found[1] == "attentions" else 2 * int(found[2])
        return f"middle_block.{middle}.{_inner(found[1], found[3])}"
    found = re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.+)", name)
    assert found, name
    side, block, kind, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    at = block * (_LAYERS + 1) + layer
    if kind == "downsamplers":
        return f"input_blocks.{1 + block * (_LAYERS + 1) + _LAYERS}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{block * (_LAYERS + 1) + _LAYERS}.{2 if block == 0 else 1}.{rest}"
    place = f"input_blocks.{1 + at}" if side == "down" else f"output_blocks.{at}"
    return f"{place}.{0 if kind == 'resnets' else 1}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return rest
    module, _, last = rest.rpartition(".")
    return f"{_RESNET[module]}.{last}"


def of_vae(name: str, weight: Tensor) -> dict[str, Tensor]:
    """Name a weight of a VAE with two blocks."""
    known = DIFFUSERS_TO_LDM_MAPPING["vae"].get(name)
    if known:
        return {f"first_stage_model.{known}": weight}
    new = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    new = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", new)
    new = re.sub(r"up_blocks\.(\d)\.resnets", lambda found: f"up.{1 - int(found[1])}.block", new)
    new = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda found: f"up.{1 - int(found[1])}.upsample", new)
    new = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", new)
    new = new.replace("conv_shortcut", "nin_shortcut")
    if "mid_block.attentions.0" in new:
        new = new.replace("mid_block.attentions.0", "mid.attn_1")
        for old, named in _ATTENTION.items():
            new = new.replace(f".{old}.", f".{named}.")
        weight = weight[:, :, None, None] if weight.dim() == 2 else weight
    return {f"first_stage_model.{new}": weight}
