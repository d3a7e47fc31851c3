"""Which class tunes the denoiser of a pipeline."""

from synthgen.tuning.denoiser import TunedDenoiser
from synthgen.tuning.flow.flux2_klein import TunedFlux2Klein
from synthgen.tuning.flow.qwen_image import TunedQwenImage
from synthgen.tuning.flow.stable_diffusion_3 import TunedStableDiffusion3
from synthgen.tuning.flow.z_image import TunedZImage

_OF_TRANSFORMERS: dict[str, type[TunedDenoiser]] = {
    "StableDiffusion3Pipeline": TunedStableDiffusion3,
    "Flux2KleinPipeline": TunedFlux2Klein,
    "ZImagePipeline": TunedZImage,
    "QwenImagePipeline": TunedQwenImage,
}


def denoiser_of(pipeline: str) -> type[TunedDenoiser]:
    """Return what tunes the denoiser of such a pipeline."""
    return _OF_TRANSFORMERS.get(pipeline, TunedDenoiser)
