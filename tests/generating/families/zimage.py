"""Z-Image, its turbo and omni: their guidance is the usual one less one."""

from collections.abc import Sequence

from diffusers import DiffusionPipeline, ZImageOmniPipeline, ZImagePipeline, ZImageTransformer2DModel
from torch import Tensor
from transformers import Siglip2ImageProcessor, Siglip2VisionConfig, Siglip2VisionModel

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, negative


def z_image(shift: float) -> ZImagePipeline:
    return ZImagePipeline(
        transformer=transformer(),
        vae=parts.flux_decoder(),
        scheduler=parts.flow(shift=shift),
        text_encoder=parts.qwen3_text(),
        tokenizer=parts.qwen_tokenizer(),
    )


def omni() -> ZImageOmniPipeline:
    config = Siglip2VisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_patches=16
    )
    return ZImageOmniPipeline(
        transformer=transformer(siglip_feat_dim=16),
        vae=parts.flux_decoder(),
        scheduler=parts.flow(shift=6.0),
        text_encoder=parts.qwen3_text(),
        tokenizer=parts.qwen_tokenizer(),
        siglip=lively(Siglip2VisionModel(config)),
        siglip_processor=Siglip2ImageProcessor(),
    )


def transformer(**more: int) -> ZImageTransformer2DModel:
    model = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=parts.WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 32, 32],
        **more,
    )
    return lively(model)


def less_one(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its prediction is cond + scale (cond - uncond), and 0 is none."""
    return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance - 1, **negative(negatives))


FAMILIES = {
    "z-image": Family("ZImagePipeline", lambda: z_image(6.0), less_one),
    "z-image-turbo": Family("ZImagePipeline", lambda: z_image(3.0), less_one),
    "z-image-omni": Family("ZImageOmniPipeline", omni, less_one),
}
