"""Other models with a diffusion transformer: Z-Image, Qwen-Image, Sana, PRX, Chroma, Lumina 2 and HiDream."""

from synthgen.presets import facts
from synthgen.presets.preset import Origin, Preset

_DOCS = "https://github.com/huggingface/diffusers/blob/main/docs/source/en/api/pipelines"
_COUNTED = Origin("weights", "counted with diffusers 0.42.1 in the model's configuration")
_LOWER = "the makers' number; lower ones draw more varied pictures"

_Z_IMAGE = (
    Preset(
        name="z-image-turbo",
        title="Z-Image-Turbo",
        pipeline="ZImagePipeline",
        model={"id": "Tongyi-MAI/Z-Image-Turbo", "dtype": "bfloat16", "steps": 8, "guidance": 1, "size": 1024},
        comments={
            "steps": "8 forward passes; older versions of diffusers needed 9",
            "guidance": "the card's guidance_scale of 0 is 1 in a spec: none",
        },
        denoiser=6_154_908_736,
        encoders=facts.QWEN3_4B,
        decoder=facts.FLUX_DECODER,
        files=facts.files("ZImagePipeline"),
        remarks=("Its makers rate its variety low: another seed gives much the same picture. Write many prompts.",),
        sources=(
            Origin("guidance, variety", "https://github.com/Tongyi-MAI/Z-Image/blob/main/README.md", "2026-01-07"),
            Origin("steps", f"{_DOCS}/z_image.md", "2026-08-23"),
            Origin("steps, older ones", "https://huggingface.co/Tongyi-MAI/Z-Image-Turbo/discussions/158"),
            Origin("licence", "https://github.com/Tongyi-MAI/Z-Image/blob/main/LICENSE", "2026-01-07"),
            _COUNTED,
        ),
        subject="fruit-stand",
    ),
    Preset(
        name="z-image",
        title="Z-Image",
        pipeline="ZImagePipeline",
        model={"id": "Tongyi-MAI/Z-Image", "dtype": "bfloat16", "steps": 50, "guidance": 4.0, "size": 1024},
        comments={
            "steps": "the number in its makers' table",
            "guidance": "as other tools set it; of the makers no number could be read. diffusers would be given 3",
        },
        denoiser=6_154_908_736,
        encoders=facts.QWEN3_4B,
        decoder=facts.FLUX_DECODER,
        files=facts.files("ZImagePipeline"),
        sources=(
            Origin("steps", "https://github.com/Tongyi-MAI/Z-Image/blob/main/README.md", "2026-01-07"),
            Origin("guidance", "https://developer.civitai.com/orchestration/recipes/zimage"),
            Origin("licence", "https://huggingface.co/Tongyi-MAI/Z-Image"),
            _COUNTED,
        ),
        subject="fruit-stand",
    ),
)

_QWEN = facts.files("QwenImagePipeline", scheduler="FlowMatchEulerDiscreteScheduler")
_LN_3 = 1.0986122886681098

_QWEN_IMAGE = (
    Preset(
        name="qwen-image",
        title="Qwen-Image",
        pipeline="QwenImagePipeline",
        model={"id": "Qwen/Qwen-Image", "dtype": "bfloat16", "steps": 50, "guidance": 4.0, "size": 1328},
        comments={"guidance": _LOWER},
        denoiser=20_430_401_088,
        encoders=facts.QWEN25_VL_7B,
        decoder=facts.QWEN_DECODER,
        files=_QWEN,
        sources=(
            Origin(
                "steps, guidance, size, licence",
                "https://github.com/QwenLM/Qwen-Image/blob/main/README.md",
                "2026-02-10",
            ),
            _COUNTED,
        ),
        subject="kitchen-tools",
    ),
    Preset(
        name="qwen-image-lightning",
        title="Qwen-Image with the Lightning LoRA, 8 steps",
        pipeline="QwenImagePipeline",
        model={
            "id": "Qwen/Qwen-Image",
            "dtype": "bfloat16",
            "steps": 8,
            "guidance": 1,
            "scheduler": "FlowMatchEulerDiscreteScheduler",
            "scheduler_config": {
                "base_shift": _LN_3,
                "max_shift": _LN_3,
                "max_image_seq_len": 8192,
                "shift_terminal": None,
                "use_dynamic_shifting": True,
            },
            "size": 1328,
            "adapters": [
                {
                    "id": "lightx2v/Qwen-Image-Lightning",
                    "file": "Qwen-Image-Lightning-8steps-V1.1.safetensors",
                    "license": "apache-2.0",
                }
            ],
        },
        comments={
            "steps": "as in the name of the file: there are LoRAs for 4 and 8",
            "guidance": "a distilled model: guidance is in its weights",
            "scheduler_config": "it was distilled at a shift of 3, whose logarithm this is",
        },
        denoiser=20_430_401_088,
        encoders=facts.QWEN25_VL_7B,
        decoder=facts.QWEN_DECODER,
        files=_QWEN,
        sources=(
            Origin(
                "steps, guidance, scheduler, files",
                "https://github.com/ModelTC/Qwen-Image-Lightning/blob/main/generate_with_diffusers.py",
                "2026-01-01",
            ),
            Origin("licence", "https://github.com/ModelTC/Qwen-Image-Lightning/blob/main/LICENSE", "2026-01-01"),
            _COUNTED,
        ),
        subject="kitchen-tools",
    ),
)

_SANA_CARD = Origin("licence, weights", "https://huggingface.co/Efficient-Large-Model/Sana_1600M_2Kpx_BF16_diffusers")
_SANA = (
    Preset(
        name="sana",
        title="Sana 1.6B",
        pipeline="SanaPipeline",
        model={
            "id": "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",
            "variant": "bf16",
            "dtype": "bfloat16",
            "steps": 20,
            "guidance": 4.5,
            "size": 1024,
        },
        comments={
            "variant": "without it, files of twice the size are downloaded",
            "steps": "diffusers' default",
            "guidance": "diffusers' default; lower numbers draw more varied pictures",
        },
        denoiser=1_648_000_000,
        encoders=facts.GEMMA_2B,
        decoder=facts.DC_AE,
        files=facts.files("SanaPipeline", enlarges=32),
        sources=(
            Origin("variant, dtype", f"{_DOCS}/sana.md", "2026-08-23"),
            Origin("steps, guidance", "the call of SanaPipeline in diffusers 0.42.1"),
            _SANA_CARD,
        ),
        subject="fruit-stand",
    ),
    Preset(
        name="sana-sprint",
        title="SANA-Sprint 1.6B",
        pipeline="SanaSprintPipeline",
        model={
            "id": "Efficient-Large-Model/Sana_Sprint_1.6B_1024px_diffusers",
            "dtype": "bfloat16",
            "steps": 2,
            "embedded_guidance": 4.5,
            "size": 1024,
        },
        comments={
            "steps": "1 to 4",
            "embedded_guidance": "diffusers' default: its weights read this number",
        },
        denoiser=1_648_000_000,
        encoders=facts.GEMMA_2B,
        decoder=facts.DC_AE,
        files=facts.files("SanaSprintPipeline", scheduler="SCMScheduler", enlarges=32),
        remarks=("Its own scheduler, SCMScheduler, is the one that it needs: set none.",),
        sources=(
            Origin("steps, dtype", f"{_DOCS}/sana_sprint.md", "2026-08-23"),
            Origin("guidance", "the call of SanaSprintPipeline in diffusers 0.42.1"),
            _SANA_CARD,
        ),
        subject="fruit-stand",
    ),
)

_LLAMA = "meta-llama/Meta-Llama-3.1-8B-Instruct"
_OTHERS = (
    Preset(
        name="prx-512",
        title="PRX 512",
        pipeline="PRXPipeline",
        model={
            "id": "Photoroom/prx-512-t2i-sft",
            "dtype": "bfloat16",
            "steps": 28,
            "guidance": 5.0,
            "size": 512,
        },
        comments={"guidance": f"{_LOWER}. One image at a time: diffusers cannot guide several"},
        denoiser=1_300_000_000,
        encoders=facts.GEMMA_2B,
        decoder=facts.FLUX_DECODER,
        files=facts.files("PRXPipeline"),
        remarks=("Its text encoder is T5Gemma-2B-2B-UL2: its encoder's weights are given as Gemma 2 2B's.",),
        sources=(
            Origin("steps, guidance, weights, licence", "https://github.com/Photoroom/PRX", "2026-08-10"),
            Origin("dtype", f"{_DOCS}/prx.md", "2026-08-23"),
        ),
    ),
    Preset(
        name="chroma",
        title="Chroma1-HD",
        pipeline="ChromaPipeline",
        model={"id": "lodestones/Chroma1-HD", "dtype": "bfloat16", "steps": 40, "guidance": 3.0, "size": 1024},
        comments={"guidance": "as in diffusers' guide"},
        denoiser=8_899_983_424,
        encoders=facts.T5_XXL,
        decoder=facts.FLUX_DECODER,
        files=facts.files("ChromaPipeline"),
        remarks=("Its makers left out no kind of picture, and it has no safety checker: set `safety` in the spec.",),
        sources=(
            Origin("steps, guidance", f"{_DOCS}/chroma.md", "2026-08-23"),
            Origin("licence: its maker's announcement, as copied", "https://probsee.com/p/Chroma_1_HD"),
            _COUNTED,
        ),
        subject="kitchen-tools",
    ),
    Preset(
        name="lumina2",
        title="Lumina-Image 2.0",
        pipeline="Lumina2Pipeline",
        model={
            "id": "Alpha-VLLM/Lumina-Image-2.0",
            "dtype": "bfloat16",
            "steps": 50,
            "guidance": 4.0,
            "size": 1024,
        },
        comments={"guidance": _LOWER},
        denoiser=2_606_818_752,
        encoders=facts.GEMMA_2B,
        decoder=facts.FLUX_DECODER,
        files=facts.files("Lumina2Pipeline"),
        sources=(
            Origin(
                "steps, guidance, size, encoder",
                "https://github.com/Alpha-VLLM/Lumina-Image-2.0/blob/main/README.md",
                "2026-05-22",
            ),
            _COUNTED,
        ),
        subject="fruit-stand",
    ),
    Preset(
        name="hidream",
        title="HiDream-I1 Full",
        pipeline="HiDreamImagePipeline",
        model={
            "id": "HiDream-ai/HiDream-I1-Full",
            "dtype": "bfloat16",
            "steps": 50,
            "guidance": 5.0,
            "size": 1024,
            "components": {"text_encoder_4": _LLAMA, "tokenizer_4": _LLAMA},
        },
        comments={"guidance": _LOWER},
        denoiser=17_000_000_000,
        encoders=facts.CLIP_L + facts.CLIP_BIG_G + facts.T5_XXL + facts.LLAMA_8B,
        decoder=facts.FLUX_DECODER,
        files=facts.files("HiDreamImagePipeline", encoders=4),
        remarks=(
            "Its fourth text encoder, Llama 3.1 8B Instruct, is in a repository of its own, which is gated: accept its "
            "terms on its page, and run `hf auth login`.",
        ),
        sources=(
            Origin(
                "steps, guidance, size, encoders, weights",
                "https://github.com/HiDream-ai/HiDream-I1/blob/main/README.md",
                "2025-06-17",
            ),
            Origin("licence", "https://github.com/HiDream-ai/HiDream-I1/blob/main/LICENSE", "2025-06-17"),
        ),
        subject="kitchen-tools",
    ),
)

PRESETS = (*_Z_IMAGE, *_QWEN_IMAGE, *_SANA, *_OTHERS)
