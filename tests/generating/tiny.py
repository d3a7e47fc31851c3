"""Pipelines of the real classes, some thousand random weights each, that draw 32 x 32 pixels."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
)

from synthgen.bundled.train.tokens import CONTEXT, build_tokenizer
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate
from synthgen.spec import ModelSpec

SIZE = 32
_WIDTH = 32


def save_stable_diffusion(folder: Path, *, withholds: bool = False) -> None:
    """Save a Stable Diffusion pipeline; with `withholds` its safety checker flags every image."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    checker = _strict_safety_checker() if withholds else None
    processor = CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=SIZE) if withholds else None
    StableDiffusionPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=unet(_WIDTH),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=checker,
        feature_extractor=processor,
        requires_safety_checker=withholds,
    ).save_pretrained(folder)


def save_stable_diffusion_xl(folder: Path, second: int = _WIDTH) -> None:
    """Save a Stable Diffusion XL pipeline; `second` is the width of its second text encoder."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer, second)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet(
            _WIDTH + second,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=second + 6 * 8,
        ),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        add_watermarker=False,
    ).save_pretrained(folder)


def generator_of(folder: Path, **settings: object) -> Renderer:
    """Ready to render a few images on the CPU: 2 steps at guidance 2, unless `settings` say otherwise."""
    return generator_for(0, folder, **settings)


def generator_for(images: int, folder: Path, **settings: object) -> Renderer:
    """The same, loaded for so many."""
    model = ModelSpec.model_validate({"id": str(folder), "steps": 2, "guidance": 2.0, **settings})
    generator = Renderer(model, source_of(model, None), "cpu", largest_batch=16, images=images)
    generator.setup()
    return generator


def candidate(attempt: int, prompt: str = "a chef", negative_prompt: str = "") -> Candidate:
    seed = 1000 + attempt
    return Candidate(f"00000-{attempt:06d}", 0, attempt, "chef", "chef", 0, prompt, (), prompt, negative_prompt, seed)


def text_config(tokenizer: CLIPTokenizer, width: int = _WIDTH) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIZE,
        scaling_factor=1.0,
    )


def unet(text_width: int, **more: object) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=SIZE // 2,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=text_width,
        attention_head_dim=2,
        norm_num_groups=4,
        **more,
    )


def _strict_safety_checker() -> StableDiffusionSafetyChecker:
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIZE,
        patch_size=16,
    )
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision.to_dict(), projection_dim=16))
    checker.concept_embeds_weights.data.fill_(-2.0)  # the least cosine similarity that is flagged
    return checker
