"""Stable Diffusion and its relatives: with a UNet, and 3.5."""

from collections.abc import Mapping

from synthgen.presets import facts
from synthgen.presets.preset import Origin, Preset

_SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
_DOCS = "https://github.com/huggingface/diffusers/blob/main/docs/source/en/api/pipelines"
_LCM = Origin("steps, guidance and scheduler", f"{_DOCS}/latent_consistency_models.md", "2026-08-23")
_COUNTED = Origin("weights, size", "counted with diffusers 0.42.1 in the model's configuration")
_CLIP_ONE, _CLIP_TWO = ("tokenizer",), ("tokenizer", "tokenizer_2")
_FEW = "a distilled model: guidance is in its weights"
_FP16 = {"variant": "the half-precision files: smaller to download"}


def _sd15(name: str, title: str, model: Mapping[str, object], *sources: Origin, **more: str) -> Preset:
    return Preset(
        name=name,
        title=title,
        pipeline="StableDiffusionPipeline",
        model={"id": _SD15, "variant": "fp16", **model, "size": 512},
        comments={**_FP16, **more},
        denoiser=facts.SD15_UNET,
        encoders=facts.CLIP_L,
        decoder=facts.SD_DECODER,
        files=facts.files(
            "StableDiffusionPipeline", scheduler="PNDMScheduler", backbone={"sample_size": 64}, unet=True
        ),
        clip=_CLIP_ONE,
        remarks=("Its safety checker takes 0.6 GB more.",),
        sources=(*sources, _COUNTED),
        dataset="street-animals" if name == "sd15" else None,  # as the spec has always been called
    )


def _sdxl(
    name: str,
    title: str,
    model: Mapping[str, object],
    *sources: Origin,
    comments: Mapping[str, str],
    remarks: tuple[str, ...] = (),
    subject: str = "kitchen-tools",
) -> Preset:
    shared = {"id": _SDXL, "variant": "fp16", "dtype": "bfloat16"}
    return Preset(
        name=name,
        title=title,
        pipeline="StableDiffusionXLPipeline",
        model={**shared, **model},
        comments={**_FP16, "dtype": "this model's autoencoder overflows in float16", **comments},
        denoiser=facts.SDXL_UNET,
        encoders=facts.CLIP_L + facts.CLIP_BIG_G,
        decoder=facts.SD_DECODER,
        files=facts.files(
            "StableDiffusionXLPipeline",
            encoders=2,
            scheduler="EulerDiscreteScheduler",
            backbone={"sample_size": 128},
            unet=True,
        ),
        clip=_CLIP_TWO,
        remarks=remarks,
        sources=(*sources, _COUNTED),
        subject=subject,
        dataset="kitchen-tools" if name == "sdxl" else None,  # as the spec has always been called
    )


def _sd35(name: str, size: str, denoiser: int, steps: int, guidance: float, seen: str) -> Preset:
    card = f"https://huggingface.co/stabilityai/stable-diffusion-3.5-{size}"
    return Preset(
        name=name,
        title=f"Stable Diffusion 3.5 {size.capitalize()}",
        pipeline="StableDiffusion3Pipeline",
        model={
            "id": f"stabilityai/stable-diffusion-3.5-{size}",
            "dtype": "bfloat16",
            "steps": steps,
            "guidance": guidance,
            "size": 1024,
        },
        comments={"guidance": "the model card's; lower values draw more varied pictures"},
        denoiser=denoiser,
        encoders=facts.CLIP_L + facts.CLIP_BIG_G + facts.T5_XXL,
        decoder=facts.FLUX_DECODER,
        files=facts.files("StableDiffusion3Pipeline", encoders=3, backbone={"sample_size": 128}),
        clip=_CLIP_TWO,
        is_gated=True,
        remarks=("Accept the terms on its page, then `hf auth login`.",),
        sources=(
            Origin("steps and guidance: the card's example, as copied", seen),
            Origin("gate, licence", f"{card}/blob/main/README.md"),
            _COUNTED,
        ),
        subject="kitchen-tools",
    )


PRESETS = (
    _sd15(
        "sd15",
        "Stable Diffusion 1.5",
        {"steps": 30, "guidance": 2.0, "negative_prompt": "drawing, cartoon, text"},
        Origin("use with diffusers", f"{_DOCS}/stable_diffusion/text2img.md", "2026-08-23"),
        guidance="7.5, diffusers' default, looks prettier; 2.0 makes better training data",
    ),
    _sd15(
        "sd15-lcm",
        "Stable Diffusion 1.5 with the LCM LoRA",
        {
            "steps": 4,
            "guidance": 1,
            "scheduler": "LCMScheduler",
            "adapters": [{"id": "latent-consistency/lcm-lora-sdv1-5", "license": "openrail++"}],
        },
        _LCM,
        Origin("licence, file", "https://huggingface.co/latent-consistency/lcm-lora-sdv1-5/tree/main"),
        guidance="1 to 2: higher values show artifacts",
        scheduler="what the LoRA was made for",
    ),
    Preset(
        name="sd-turbo",
        title="SD-Turbo",
        pipeline="StableDiffusionPipeline",
        model={
            "id": "stabilityai/sd-turbo",
            "variant": "fp16",
            "steps": 2,
            "guidance": 1,
            "scheduler": "EulerAncestralDiscreteScheduler",
            "scheduler_config": {"timestep_spacing": "trailing"},
            "size": 512,
        },
        comments={**_FP16, "guidance": _FEW, "steps": "1 to 4"},
        denoiser=facts.SD21_UNET,
        encoders=facts.CLIP_H,
        decoder=facts.SD_DECODER,
        files=facts.files("StableDiffusionPipeline", backbone={"sample_size": 64}, unet=True),
        clip=_CLIP_ONE,
        sources=(
            Origin(
                "scheduler, steps, guidance: as SDXL-Turbo's", f"{_DOCS}/stable_diffusion/sdxl_turbo.md", "2026-08-23"
            ),
            Origin(
                "licence", "https://github.com/Stability-AI/generative-models/blob/main/model_licenses/LICENCE-SD-Turbo"
            ),
            _COUNTED,
        ),
    ),
    _sdxl(
        "sdxl",
        "Stable Diffusion XL",
        {"steps": 30, "guidance": 3.0, "size": 1024},
        Origin("use, size", f"{_DOCS}/stable_diffusion/stable_diffusion_xl.md", "2026-08-23"),
        comments={"guidance": "5.0, diffusers' default, looks prettier; 3.0 makes more varied training data"},
    ),
    _sdxl(
        "sdxl-lora",
        "Stable Diffusion XL with a style LoRA",
        {
            "steps": 30,
            "guidance": 3.0,
            "size": 1024,
            "adapters": [
                {"id": "nerijs/pixel-art-xl", "file": "pixel-art-xl.safetensors", "license": "creativeml-openrail-m"}
            ],
        },
        Origin("LoRA: file and licence", "https://huggingface.co/nerijs/pixel-art-xl"),
        comments={"adapters": "put your own LoRA here"},
        subject="pixel-art",
    ),
    _sdxl(
        "sdxl-lcm",
        "Stable Diffusion XL with the LCM LoRA",
        {
            "steps": 4,
            "guidance": 1,
            "scheduler": "LCMScheduler",
            "size": 1024,
            "adapters": [{"id": "latent-consistency/lcm-lora-sdxl", "license": "openrail++"}],
        },
        _LCM,
        comments={"guidance": "1 to 2: higher values show artifacts", "scheduler": "what the LoRA was made for"},
    ),
    _sdxl(
        "sdxl-lightning",
        "SDXL-Lightning, 4 steps",
        {
            "steps": 4,
            "guidance": 1,
            "scheduler": "EulerDiscreteScheduler",
            "scheduler_config": {"timestep_spacing": "trailing"},
            "size": 1024,
            "adapters": [
                {
                    "id": "ByteDance/SDXL-Lightning",
                    "file": "sdxl_lightning_4step_lora.safetensors",
                    "license": "openrail++",
                }
            ],
        },
        Origin("steps, guidance, scheduler, LoRA", "https://huggingface.co/ByteDance/SDXL-Lightning"),
        comments={
            "steps": "as in the name of the file: there are LoRAs for 2, 4 and 8",
            "guidance": "the card's 0 means the same: none",
            "scheduler_config": "the card: make sure that the sampler uses trailing timesteps",
        },
    ),
    _sdxl(
        "sdxl-hyper",
        "Hyper-SD for SDXL, 8 steps",
        {
            "steps": 8,
            "guidance": 1,
            "scheduler": "DDIMScheduler",
            "scheduler_config": {"timestep_spacing": "trailing"},
            "size": 1024,
            "adapters": [{"id": "ByteDance/Hyper-SD", "file": "Hyper-SDXL-8steps-lora.safetensors"}],
        },
        Origin("files", "https://huggingface.co/ByteDance/Hyper-SD/tree/main"),
        Origin(
            "steps, guidance, scheduler: the card's example for 2 steps and more, as copied in public code",
            "https://github.com/leuchtetgruen/OAI-TTS-Server",
        ),
        comments={
            "steps": "as in the name of the file: there are LoRAs for 1, 2, 4 and 8",
            "guidance": "the card's 0 means the same: none",
            "scheduler_config": "the card: make sure that DDIM's spacing is trailing",
        },
    ),
    _sdxl(
        "sdxl-turbo",
        "SDXL-Turbo",
        {
            "id": "stabilityai/sdxl-turbo",
            "steps": 2,
            "guidance": 1,
            "scheduler": "EulerAncestralDiscreteScheduler",
            "scheduler_config": {"timestep_spacing": "trailing"},
            "size": 512,
        },
        Origin("steps, guidance, scheduler, size", f"{_DOCS}/stable_diffusion/sdxl_turbo.md", "2026-08-23"),
        Origin("licence", "https://huggingface.co/stabilityai/sdxl-turbo/blob/main/README.md"),
        comments={"guidance": _FEW, "steps": "1 to 4", "size": "what it was trained for; larger ones look worse"},
    ),
    _sd35("sd35-large", "large", 8_056_627_520, 28, 3.5, "https://github.com/efeslab/ConsumerBench"),
    _sd35("sd35-medium", "medium", 2_243_171_520, 40, 4.5, "https://github.com/sq5rix/llama"),
)
