"""Small models that fill a region of a picture, each with the class of diffusers that does so with its weights."""

from collections.abc import Mapping
from dataclasses import replace

from diffusers import KandinskyInpaintCombinedPipeline, KandinskyV22InpaintCombinedPipeline

from tests.generating.families import FAMILIES, OTHERS
from tests.generating.families.family import Family
from tests.generating.families.flux import without_negative
from tests.generating.families.kandinsky import kandinsky, kandinsky22
from tests.generating.families.of_other_tasks import flux_fill, inpaint
from tests.generating.families.qwen import true_cfg
from tests.generating.families.stable_diffusion import stable_diffusion_3

_PLAIN = {
    "stable-diffusion": "StableDiffusionInpaintPipeline",
    "stable-diffusion-xl": "StableDiffusionXLInpaintPipeline",
    "stable-diffusion-pag": "StableDiffusionPAGInpaintPipeline",
    "stable-diffusion-xl-pag": "StableDiffusionXLPAGInpaintPipeline",
    "if": "IFInpaintingPipeline",
    "flux-dev": "FluxInpaintPipeline",
    "flux-kontext": "FluxKontextInpaintPipeline",
    "flux2-klein-base": "Flux2KleinInpaintPipeline",
    "qwen-image": "QwenImageInpaintPipeline",
    "z-image": "ZImageInpaintPipeline",
}
FILLED: Mapping[str, tuple[Family, str]] = {
    **{name: (FAMILIES[name], class_name) for name, class_name in _PLAIN.items()},
    "stable-diffusion-9": (replace(FAMILIES["stable-diffusion"], build=inpaint), "StableDiffusionInpaintPipeline"),
    "stable-diffusion-3": (
        replace(FAMILIES["stable-diffusion-3"], build=lambda: stable_diffusion_3(channels=16)),
        "StableDiffusion3InpaintPipeline",
    ),
    "kandinsky": (
        replace(FAMILIES["kandinsky"], build=lambda: kandinsky(KandinskyInpaintCombinedPipeline, 9)),
        "KandinskyInpaintCombinedPipeline",
    ),
    "kandinsky22": (
        replace(FAMILIES["kandinsky22"], build=lambda: kandinsky22(KandinskyV22InpaintCombinedPipeline, 9)),
        "KandinskyV22InpaintCombinedPipeline",
    ),
    "qwen-edit": (
        Family("QwenImageEditPipeline", OTHERS["qwen-edit"].build, true_cfg, size=(1024, 1024)),
        "QwenImageEditInpaintPipeline",
    ),
    "flux-fill": (
        Family("FluxFillPipeline", flux_fill, without_negative, "embedded", takes_negative=False),
        "FluxFillPipeline",
    ),
}
