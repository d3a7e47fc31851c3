"""FLUX.1 and FLUX.2."""

from synthgen.presets import facts
from synthgen.presets.preset import Origin, Preset

_DOCS = "https://github.com/huggingface/diffusers/blob/main/docs/source/en/api/pipelines"
_COUNTED = Origin("weights", "counted with diffusers 0.42.1 in the model's configuration")
_SCHNELL = "https://github.com/black-forest-labs/flux/blob/main/model_cards/FLUX.1-schnell.md"
_FLUX_LICENCE = "https://github.com/black-forest-labs/flux/blob/main/model_licenses/LICENSE-FLUX1-dev"

PRESETS = (
    Preset(
        name="flux1-schnell",
        title="FLUX.1 [schnell]",
        pipeline="FluxPipeline",
        model={
            "id": "black-forest-labs/FLUX.1-schnell",
            "dtype": "bfloat16",
            "steps": 4,
            "guidance": 1,
            "max_sequence_length": 256,
            "size": 1024,
        },
        comments={
            "steps": "1 to 4",
            "guidance": "a distilled model: guidance is in its weights",
            "max_sequence_length": "its T5 was trained to read no more",
        },
        denoiser=11_891_178_560,
        encoders=facts.CLIP_L + facts.T5_XXL,
        decoder=facts.FLUX_DECODER,
        files=facts.files("FluxPipeline", encoders=2, backbone={"guidance_embeds": False}),
        clip=("tokenizer",),
        sources=(
            Origin("steps, licence", _SCHNELL, "2025-07-31"),
            Origin("guidance, max_sequence_length", f"{_DOCS}/flux.md", "2026-08-23"),
            _COUNTED,
        ),
        subject="kitchen-tools",
    ),
    Preset(
        name="flux1-dev",
        title="FLUX.1 [dev]",
        pipeline="FluxPipeline",
        model={
            "id": "black-forest-labs/FLUX.1-dev",
            "dtype": "bfloat16",
            "steps": 28,
            "embedded_guidance": 3.5,
            "size": 1024,
        },
        comments={
            "steps": "diffusers' default; its guide says that about 50 draw well",
            "embedded_guidance": "its weights read this number; `guidance` would take twice the time",
        },
        denoiser=11_901_408_320,
        encoders=facts.CLIP_L + facts.T5_XXL,
        decoder=facts.FLUX_DECODER,
        files=facts.files("FluxPipeline", encoders=2, backbone={"guidance_embeds": True}),
        clip=("tokenizer",),
        is_gated=True,
        remarks=(
            "Accept the terms on its page, then `hf auth login`.",
            "The licence asks for content filters or a review of what is published (section 2.e).",
        ),
        sources=(
            Origin("steps, guidance", f"{_DOCS}/flux.md", "2026-08-23"),
            Origin(
                "gate", "https://github.com/huggingface/diffusers/blob/main/docs/source/en/quicktour.md", "2026-08-23"
            ),
            Origin("licence", _FLUX_LICENCE, "2025-07-31"),
            _COUNTED,
        ),
        subject="kitchen-tools",
    ),
    Preset(
        name="flux2-klein-4b",
        title="FLUX.2 [klein] 4B",
        pipeline="Flux2KleinPipeline",
        model={
            "id": "black-forest-labs/FLUX.2-klein-4B",
            "dtype": "bfloat16",
            "steps": 4,
            "guidance": 1,
            "size": 1024,
        },
        comments={"guidance": "a distilled model: guidance is in its weights"},
        denoiser=3_875_544_576,
        encoders=facts.QWEN3_4B,
        decoder=facts.FLUX2_DECODER,
        files=facts.files("Flux2KleinPipeline", flags={"is_distilled": True}),
        sources=(
            Origin("licence, distillation", "https://github.com/black-forest-labs/flux2", "2026-01-15"),
            Origin("steps and guidance: the card's example, as copied", "https://github.com/yashy10/golden-gate-quest"),
            _COUNTED,
        ),
        subject="fruit-stand",
    ),
)
