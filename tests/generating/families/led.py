"""Small control models, and the class of diffusers that each leads: by a ControlNet, a T2I-Adapter, or by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    ControlNetModel,
    ControlNetUnionModel,
    ControlNetXSAdapter,
    DiffusionPipeline,
    FluxControlNetModel,
    HunyuanDiT2DControlNetModel,
    ModelMixin,
    QwenImageControlNetModel,
    SanaControlNetModel,
    SD3ControlNetModel,
    T2IAdapter,
    ZImageControlNetModel,
)

from tests.generating.families import FAMILIES as FROM_TEXT
from tests.generating.families import OTHERS, cogview, hunyuan, stable_diffusion
from tests.generating.families.family import Family, lively, plain
from tests.generating.families.flux import without_negative
from tests.generating.families.of_other_tasks import inpaint

_FACTOR = (4, 4, 4, 4)
"""Widths of what reads the picture: it halves it between each two, as the decoder has it."""


def _controlnet(pipeline: Any) -> ModelMixin:
    own = {**pipeline.unet.config, "in_channels": pipeline.vae.config.latent_channels}
    return ControlNetModel.from_config({**own, "conditioning_embedding_out_channels": _FACTOR})


def _union(pipeline: Any) -> ModelMixin:
    own = pipeline.unet.config
    more = {"num_trans_channel": 8, "num_trans_head": 2, "num_proj_channel": 8}
    return ControlNetUnionModel.from_config({**own, "conditioning_embedding_out_channels": _FACTOR, **more})


def _xs(pipeline: Any) -> ModelMixin:
    return ControlNetXSAdapter.from_unet(
        pipeline.unet, size_ratio=0.5, conditioning_embedding_out_channels=_FACTOR, num_attention_heads=[2, 2]
    )


def _adapter(pipeline: Any) -> ModelMixin:
    widths = list(pipeline.unet.config.block_out_channels)
    return T2IAdapter(in_channels=1, channels=widths, num_res_blocks=1, downscale_factor=8)


def _sd3(pipeline: Any, more: int = 0) -> ModelMixin:
    return SD3ControlNetModel.from_transformer(pipeline.transformer, num_layers=1, num_extra_conditioning_channels=more)


def _flux(pipeline: Any, **more: int) -> ModelMixin:
    own = pipeline.transformer.config
    return FluxControlNetModel.from_config({**own, "num_layers": 1, "num_single_layers": 1, **more})


def _qwen(pipeline: Any, more: int = 0) -> ModelMixin:
    own = pipeline.transformer.config
    return QwenImageControlNetModel.from_config({**own, "num_layers": 1, "extra_condition_channels": more})


def _z_image(pipeline: Any, *, region: bool = False) -> ModelMixin:
    own = pipeline.transformer.config
    return ZImageControlNetModel(
        control_layers_places=[0],
        control_in_dim=own["in_channels"] * (1 + region) + region,
        dim=own["dim"],
        n_refiner_layers=own["n_refiner_layers"],
        n_heads=own["n_heads"],
        n_kv_heads=own["n_kv_heads"],
    )


def _sana(pipeline: Any) -> ModelMixin:
    return SanaControlNetModel.from_config({**pipeline.transformer.config, "num_layers": 1})


def _hunyuan(pipeline: Any) -> ModelMixin:
    return HunyuanDiT2DControlNetModel.from_transformer(
        pipeline.transformer, transformer_num_layers=6, load_weights_from_transformer=False
    )


_ATTENTIVE: dict[str, Any] = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
"""T2I-Adapters add to what blocks with attention see before they halve it, and blocks without after that."""


def _deep() -> DiffusionPipeline:
    return stable_diffusion.stable_diffusion(unet=stable_diffusion.unet(layers_per_block=2))


def _deep_xl() -> DiffusionPipeline:
    return stable_diffusion.stable_diffusion_xl(unet=stable_diffusion.unet_xl(layers_per_block=2))


def _attentive() -> DiffusionPipeline:
    return stable_diffusion.stable_diffusion(unet=stable_diffusion.unet(**_ATTENTIVE))


def _attentive_xl() -> DiffusionPipeline:
    return stable_diffusion.stable_diffusion_xl(unet=stable_diffusion.unet_xl(**_ATTENTIVE))


def _cogview_control() -> DiffusionPipeline:
    from diffusers import CogView4ControlPipeline

    pipeline = cogview.cogview4(in_channels=8)
    return CogView4ControlPipeline(**pipeline.components)


@dataclass(frozen=True)
class Led:
    """How a small model is led.

    Attributes:
        family: the small model.
        pipeline: the class of diffusers.
        build: makes a control model for it; None where it is led without one.
        picture, weight, interval: what the call takes.
        several: whether it takes several controls.
        mode: which of its kinds a union is told.
        gain: how large the weights of the control model are.
        grey: whether a picture has one channel.
        pictures: whether it is shown pictures of its own, and not only the one that is filled.
    """

    family: str
    pipeline: str
    build: Callable[[Any], ModelMixin] | None
    part: str = "controlnet"
    picture: str = "control_image"
    weight: str | None = "controlnet_conditioning_scale"
    interval: tuple[str, ...] = ("control_guidance_start", "control_guidance_end")
    several: bool = True
    listed: bool = False
    mode: int | None = None
    gain: float = 2.0
    grey: bool = False
    pictures: bool = True

    @property
    def of(self) -> Family:
        return _OTHERS.get(self.family) or FROM_TEXT[self.family]

    def save(self, folder: Path, count: int = 1) -> list[Path]:
        """Save the model and `count` control models; return the folders of these."""
        self.of.save(folder)
        if self.build is None:
            return []
        places = []
        pipeline = self.of.build()
        for index in range(count):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(10 + index)
                lively(self.build(pipeline), self.gain).save_pretrained(folder.with_name(f"control-{index}"))
            places.append(folder.with_name(f"control-{index}"))
        return places


_OTHERS = {
    "flux-control": Family("FluxControlPipeline", OTHERS["flux-control"].build, without_negative, "embedded", False),
    "hunyuan-deep": Family("HunyuanDiTPipeline", lambda: hunyuan.hunyuan_dit(layers=6), FROM_TEXT["hunyuan"].direct),
    "sd-9": replace(FROM_TEXT["stable-diffusion"], build=inpaint),
    "sd-deep": Family("StableDiffusionPipeline", _deep, plain),
    "sdxl-deep": Family("StableDiffusionXLPipeline", _deep_xl, plain),
    "sd-attentive": Family("StableDiffusionPipeline", _attentive, plain),
    "sdxl-attentive": Family("StableDiffusionXLPipeline", _attentive_xl, plain),
    "cogview4-control": Family(
        "CogView4ControlPipeline", _cogview_control, FROM_TEXT["cogview4"].direct, batchable=False
    ),
}
_UNET: dict[str, Any] = {"picture": "image"}
_T2I: dict[str, Any] = {
    "part": "adapter",
    "picture": "image",
    "weight": "adapter_conditioning_scale",
    "interval": (),
    "grey": True,
}
LED: Mapping[str, Led] = {
    "sd": Led("stable-diffusion", "StableDiffusionControlNetPipeline", _controlnet, **_UNET),
    "sd-pag": Led("stable-diffusion-pag", "StableDiffusionControlNetPAGPipeline", _controlnet, **_UNET),
    "sdxl": Led("stable-diffusion-xl", "StableDiffusionXLControlNetPipeline", _controlnet, **_UNET),
    "sdxl-pag": Led("stable-diffusion-xl-pag", "StableDiffusionXLControlNetPAGPipeline", _controlnet, **_UNET),
    "sdxl-union": Led(
        "stable-diffusion-xl",
        "StableDiffusionXLControlNetUnionPipeline",
        _union,
        several=False,
        listed=True,
        mode=3,
    ),
    "sd-xs": Led("sd-deep", "StableDiffusionControlNetXSPipeline", _xs, several=False, **_UNET),
    "sdxl-xs": Led("sdxl-deep", "StableDiffusionXLControlNetXSPipeline", _xs, several=False, **_UNET),
    "sd-t2i": Led("sd-attentive", "StableDiffusionAdapterPipeline", _adapter, **_T2I),
    "sdxl-t2i": Led("sdxl-attentive", "StableDiffusionXLAdapterPipeline", _adapter, **_T2I),
    "sd3": Led("stable-diffusion-3", "StableDiffusion3ControlNetPipeline", _sd3),
    "flux": Led("flux-dev", "FluxControlNetPipeline", _flux, gain=6.0),
    "flux-union": Led(
        "flux-dev", "FluxControlNetPipeline", lambda one: _flux(one, num_mode=4), several=False, mode=2, gain=6.0
    ),
    "flux-control": Led("flux-control", "FluxControlPipeline", None, weight=None, interval=(), several=False),
    "qwen": Led("qwen-image", "QwenImageControlNetPipeline", _qwen, several=False),
    "z-image": Led("z-image", "ZImageControlNetPipeline", _z_image, interval=(), several=False),
    "sana": Led("sana", "SanaControlNetPipeline", _sana, interval=(), several=False),
    "hunyuan": Led("hunyuan-deep", "HunyuanDiTControlNetPipeline", _hunyuan, interval=()),
    "cogview4": Led("cogview4-control", "CogView4ControlPipeline", None, weight=None, interval=(), several=False),
}


def _redrawing(name: str, pipeline: str, **other: Any) -> Led:
    return replace(LED[name], pipeline=pipeline, **{"picture": "control_image", **other})


_READS_REGIONS: dict[str, Any] = {"several": False, "pictures": False}
REDRAWN: Mapping[tuple[str, str], Led] = {
    ("image-to-image", "sd"): _redrawing("sd", "StableDiffusionControlNetImg2ImgPipeline"),
    ("image-to-image", "sdxl"): _redrawing("sdxl", "StableDiffusionXLControlNetImg2ImgPipeline"),
    ("image-to-image", "sdxl-pag"): _redrawing("sdxl-pag", "StableDiffusionXLControlNetPAGImg2ImgPipeline"),
    ("image-to-image", "sdxl-union"): _redrawing("sdxl-union", "StableDiffusionXLControlNetUnionImg2ImgPipeline"),
    ("image-to-image", "flux"): _redrawing("flux", "FluxControlNetImg2ImgPipeline"),
    ("image-to-image", "flux-union"): _redrawing("flux-union", "FluxControlNetImg2ImgPipeline"),
    ("image-to-image", "flux-control"): _redrawing("flux-control", "FluxControlImg2ImgPipeline"),
    ("inpaint", "sd"): _redrawing("sd", "StableDiffusionControlNetInpaintPipeline"),
    ("inpaint", "sd-9"): _redrawing("sd", "StableDiffusionControlNetInpaintPipeline", family="sd-9"),
    ("inpaint", "sd-pag"): _redrawing("sd-pag", "StableDiffusionControlNetPAGInpaintPipeline"),
    ("inpaint", "sdxl"): _redrawing("sdxl", "StableDiffusionXLControlNetInpaintPipeline"),
    ("inpaint", "sdxl-union"): _redrawing("sdxl-union", "StableDiffusionXLControlNetUnionInpaintPipeline"),
    ("inpaint", "sd3"): _redrawing(
        "sd3", "StableDiffusion3ControlNetInpaintingPipeline", build=lambda one: _sd3(one, 1), **_READS_REGIONS
    ),
    ("inpaint", "flux"): _redrawing("flux", "FluxControlNetInpaintPipeline"),
    ("inpaint", "flux-union"): _redrawing("flux-union", "FluxControlNetInpaintPipeline"),
    ("inpaint", "flux-control"): _redrawing("flux-control", "FluxControlInpaintPipeline"),
    ("inpaint", "qwen"): _redrawing(
        "qwen", "QwenImageControlNetInpaintPipeline", build=lambda one: _qwen(one, 4), **_READS_REGIONS
    ),
    ("inpaint", "z-image"): _redrawing(
        "z-image", "ZImageControlNetInpaintPipeline", build=lambda one: _z_image(one, region=True)
    ),
}
"""By task and small model: the class of diffusers that redraws pictures which others lead."""
