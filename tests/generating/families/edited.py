"""Small models that edit pictures as their prompts say, and the right call of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diffusers import (
    DiffusionPipeline,
    DreamLiteMobilePipeline,
    DreamLitePipeline,
    Flux2KleinKVPipeline,
    FluxKontextPipeline,
    LongCatImageEditPipeline,
    QwenImageEditPlusPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
)
from torch import Tensor

from tests.generating.families import FAMILIES, parts
from tests.generating.families.dreamlite import without_guidance
from tests.generating.families.family import Family, draw, plain
from tests.generating.families.flux import klein, without_negative
from tests.generating.families.of_other_tasks import OTHERS, pix2pix
from tests.generating.families.qwen import true_cfg
from tests.generating.families.qwen import longcat
from tests.generating.families.stable_diffusion import stable_diffusion_xl, unet_xl


def longcat_edit() -> LongCatImageEditPipeline:
    own = longcat().components
    return LongCatImageEditPipeline(**own)


def pix2pix_xl() -> StableDiffusionXLInstructPix2PixPipeline:
    return stable_diffusion_xl(StableDiffusionXLInstructPix2PixPipeline, unet=unet_xl(in_channels=8))


def qwen_edit_plus() -> QwenImageEditPlusPipeline:
    return QwenImageEditPlusPipeline(**OTHERS["qwen-edit"].build().components)


def klein_kv() -> Flux2KleinKVPipeline:
    components = klein(is_distilled=True).components
    return Flux2KleinKVPipeline(**components)


def unguided(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its call names no guidance at all."""
    assert negatives is None, "the call has no negative prompt"
    return draw(pipeline, prompts, seeds, steps, size)


EDITED = {
    "flux-kontext": FAMILIES["flux-kontext"],
    "flux2": replace(FAMILIES["flux2"], size=(64, 80)),
    "flux2-klein-base": replace(FAMILIES["flux2-klein-base"], size=(64, 80)),
    "flux2-klein": replace(FAMILIES["flux2-klein"], size=(64, 80)),
    "flux2-klein-kv": Family("Flux2KleinKVPipeline", klein_kv, unguided, "none", takes_negative=False, size=(64,80)),
    "qwen-edit": Family("QwenImageEditPipeline", OTHERS["qwen-edit"].build, true_cfg),
    "qwen-edit-plus": Family("QwenImageEditPlusPipeline", qwen_edit_plus, true_cfg, batchable=False),
    "qwen-image-2.1": FAMILIES["qwen-image-2.1"],
    "longcat-edit": Family("LongCatImageEditPipeline", longcat_edit, plain, size=(1024, 1024), batchable=False),
    "pix2pix": Family("StableDiffusionInstructPix2PixPipeline", pix2pix, plain, multiple=8),
    "pix2pix-xl": Family("StableDiffusionXLInstructPix2PixPipeline", pix2pix_xl, plain, multiple=8),
    "dreamlite": FAMILIES["dreamlite"],
    "dreamlite-mobile": FAMILIES["dreamlite-mobile"],
    "bria-fibo-2": FAMILIES["bria-fibo-2"],
}
