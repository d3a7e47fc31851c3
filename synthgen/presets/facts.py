"""Numbers of weights, and the keys of configurations that decide how a pipeline is called.

Numbers of weights were counted with the classes of diffusers 0.42.1 and transformers 5.23.0, without weights, in the
configuration of each model. Round ones are those of a model's card or documentation, or a file's size.
"""

from collections.abc import Mapping

SD_DECODER, FLUX_DECODER, FLUX2_DECODER, QWEN_DECODER = 83_653_863, 83_819_683, 84_046_115, 126_892_531
DC_AE = 312_500_000
"""By the size of its file of float32 weights, 1.25 GB."""
CLIP_L, CLIP_BIG_G, CLIP_H = 123_060_480, 694_659_840, 340_387_840
T5_XXL, GEMMA_2B, QWEN3_4B, LLAMA_8B = 4_762_310_656, 2_614_341_888, 4_022_468_096, 8_030_261_248
QWEN25_VL_7B = 8_292_166_656
SDXL_UNET, SD15_UNET, SD21_UNET = 2_567_463_684, 859_520_964, 865_910_724


def files(
    pipeline: str,
    *,
    encoders: int = 1,
    scheduler: str | None = None,
    backbone: Mapping[str, object] | None = None,
    unet: bool = False,
    enlarges: int = 8,
    flags: Mapping[str, object] | None = None,
) -> Mapping[str, Mapping[str, object]]:
    """Write down what decides how a pipeline is called.

    Args:
        encoders: how many text encoders it has, each with its tokenizer.
        scheduler: the class of its own scheduler, where that was read.
        backbone: keys of the denoiser's configuration.
        enlarges: pixels that its decoder makes of a latent.
        flags: keys of `model_index.json`.
    """
    parts = [f"{part}{f'_{number}' if number > 1 else ''}" for number in range(1, encoders + 1) for part in _PARTS]
    index: dict[str, object] = {part: ["transformers", ""] for part in parts}
    index |= {"_class_name": pipeline, "vae": ["diffusers", ""], **(flags or {})}
    found: dict[str, Mapping[str, object]] = {
        "model_index.json": index,
        "vae/config.json": {"spatial_compression_ratio": enlarges},
        f"{'unet' if unet else 'transformer'}/config.json": backbone or {},
    }
    if scheduler:
        found["scheduler/scheduler_config.json"] = {"_class_name": scheduler}
    return found


_PARTS = ("tokenizer", "text_encoder")
