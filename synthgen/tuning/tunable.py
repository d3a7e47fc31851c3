"""Which models can be tuned, by their settings: no weights are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthgen.errors import ModelError
from synthgen.families.resolve import Read

TUNED: Mapping[str, str] = {
    "StableDiffusionPipeline": "Stable Diffusion 1 and 2, and bundled:workers",
    "StableDiffusionXLPipeline": "Stable Diffusion XL",
}
"""Pipelines with a UNet that looks at the texts of their own encoders."""
PREDICTED = ("epsilon", "v_prediction", "sample")
"""What a denoiser can be trained to predict: the noise, the velocity, or the image."""


def check_tunable(model: str, pipeline: str, read: Read) -> None:
    """Refuse a model that cannot be tuned.

    Args:
        pipeline: its class.
        read: reads the JSON of its folder.

    Raises:
        ModelError: it is of another family, or its weights were distilled.
    """
    if pipeline not in TUNED:
        known = "; ".join(f"{what} ({name})" for name, what in TUNED.items())
        raise ModelError(f"{model} is a {pipeline}, which tune does not know", hint=f"It knows {known}.")
    if problem := next(_problems(read), None):
        raise ModelError(f"{model} cannot be tuned: {problem}", hint="Choose the model that it was distilled from.")


def _problems(read: Read) -> Iterator[str]:
    unet, scheduler = read("unet/config.json"), read("scheduler/scheduler_config.json")
    if unet.get("time_cond_proj_dim") is not None:
        yield "its guidance was distilled into its weights"
    latents, vae = unet.get("in_channels"), read("vae/config.json").get("latent_channels")
    if None not in (latents, vae) and latents != vae:
        yield f"its UNet takes {latents} channels, and its decoder's latents have {vae}"
    if (asked := scheduler.get("prediction_type", PREDICTED[0])) not in PREDICTED:
        yield f"its scheduler's prediction_type is {asked!r}, not one of {', '.join(PREDICTED)}"
    if scheduler.get("_class_name") == "LCMScheduler":
        yield "it draws in few steps, which training on single steps would undo"


def default_size(read: Read) -> int | None:
    """Return width and height of the images that a model draws by default; None if it does not say.

    Args:
        read: reads the JSON of its folder.
    """
    latents, blocks = read("unet/config.json").get("sample_size"), read("vae/config.json").get("block_out_channels")
    if not isinstance(latents, int) or not isinstance(blocks, list) or not blocks:
        return None
    return latents << len(blocks) - 1
