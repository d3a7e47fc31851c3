"""Small models that edit pictures as their prompts say, and the right call of each: its own, with a picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from diffusers import (
    DiffusionPipeline,
    Flux2KleinKVPipeline,
    Flux2KleinPipeline,
    Kandinsky5I2IPipeline,
    LongCatImageEditPipeline,
    QwenImageEditPlusPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
)
from torch import Tensor

from tests.generating.families import FAMILIES, OTHERS
from tests.generating.families.family import Family, draw, lively, plain
from tests.generating.families.flux import klein
from tests.generating.families.kandinsky import kandinsky5
from tests.generating.families.of_other_tasks import pix2pix
from tests.generating.families.qwen import longcat, true_cfg
from tests.generating.families.stable_diffusion import stable_diffusion_xl, unet_xl


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
    """Its call names no guidance."""
    assert negatives is None, "the call has no negative prompt"
    return draw(pipeline, prompts, seeds, steps, size)


def _with_parts_of(other: Callable[[], DiffusionPipeline], kind: type[DiffusionPipeline]) -> DiffusionPipeline:
    return kind(**other().components)


def _livelier(build: Callable[[], DiffusionPipeline]) -> DiffusionPipeline:
    """Let a picture change the image by more than the tolerance."""
    pipeline = build()
    lively(pipeline.transformer, 3.0)
    lively(pipeline.vae)
    return pipeline


def _lively(family: Family) -> Family:
    return replace(family, build=lambda: _livelier(family.build))


def _flux2(family: Family) -> Family:
    """It takes no smaller pictures."""
    return replace(_lively(family), size=(64, 80), batchable=False)


def pix2pix_xl() -> DiffusionPipeline:
    return stable_diffusion_xl(StableDiffusionXLInstructPix2PixPipeline, unet=unet_xl(in_channels=8))


def qwen_edit_plus() -> DiffusionPipeline:
    return _with_parts_of(OTHERS["qwen-edit"].build, QwenImageEditPlusPipeline)


def longcat_edit() -> DiffusionPipeline:
    return _with_parts_of(longcat, LongCatImageEditPipeline)


def klein_kv() -> Flux2KleinPipeline:
    return _with_parts_of(lambda: klein(is_distilled=True), Flux2KleinKVPipeline)


def kandinsky5_edit() -> Kandinsky5I2IPipeline:
    return kandinsky5(Kandinsky5I2IPipeline, visual_cond=True)


EDITED: Mapping[str, Family] = {
    "flux-kontext": _lively(FAMILIES["flux-kontext"]),
    "flux2": _flux2(FAMILIES["flux2"]),
    "flux2-klein-base": _flux2(FAMILIES["flux2-klein-base"]),
    "flux2-klein-kv": _flux2(Family("Flux2KleinKVPipeline", klein_kv, unguided, "none", takes_negative=False)),
    "pix2pix": Family("StableDiffusionInstructPix2PixPipeline", pix2pix, plain, multiple=8),
    "pix2pix-xl": Family("StableDiffusionXLInstructPix2PixPipeline", pix2pix_xl, plain, multiple=8),
    "dreamlite": FAMILIES["dreamlite"],
    "dreamlite-mobile": FAMILIES["dreamlite-mobile"],
    "bria-fibo-2": FAMILIES["bria-fibo-2"],
    "qwen-edit": Family("QwenImageEditPipeline", OTHERS["qwen-edit"].build, true_cfg),
    "qwen-edit-plus": Family("QwenImageEditPlusPipeline", qwen_edit_plus, true_cfg, batchable=False),
    "qwen-image-2.1": FAMILIES["qwen-image-2.1"],
    "kandinsky5": replace(FAMILIES["kandinsky5"], class_name="Kandinsky5I2IPipeline", build=kandinsky5_edit),
    "longcat-edit": Family("LongCatImageEditPipeline", longcat_edit, plain, size=(1024, 1024), batchable=False),
}
