"""Which class tunes the denoiser of a pipeline."""

from synthgen.tuning.denoiser import TunedDenoiser
from synthgen.tuning.flow.stable_diffusion_3 import TunedStableDiffusion3

_OF_TRANSFORMERS: dict[str, type[TunedDenoiser]] = {
    "StableDiffusion3Pipeline": TunedStableDiffusion3,
}


def denoiser_of(pipeline: str) -> type[TunedDenoiser]:
    """Return what tunes the denoiser of such a pipeline."""
    return _OF_TRANSFORMERS.get(pipeline, TunedDenoiser)
