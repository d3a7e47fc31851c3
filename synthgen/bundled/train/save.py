"""The trained models, written in the formats of the libraries that load them: safetensors, half precision."""

import json
import platform
from collections.abc import Mapping
from pathlib import Path

import diffusers
import open_clip
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from synthgen.bundled.reader import Reader
from synthgen.bundled.train.clip import judge_config
from synthgen.bundled.train.denoiser import Denoiser, build_scheduler


def save_weights(
    out: Path,
    tokenizer: CLIPTokenizer,
    judge: open_clip.CLIP,
    autoencoder: AutoencoderKL,
    denoiser: Denoiser,
    reader: Reader,
    trained: Mapping[str, object],
) -> None:
    """Write `workers/` (diffusers), `judge/` (open_clip), `reader.safetensors` and `training.json`.

    `trained` says what they were trained on and for how long; the versions of the libraries are added.
    """
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=denoiser.text_encoder,
        tokenizer=tokenizer,
        unet=denoiser.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16).save_pretrained(out / "workers", safe_serialization=True)

    folder = out / "judge"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (folder / "open_clip_config.json").write_text(json.dumps(judge_config(len(tokenizer)), indent=2) + "\n")
    _save_half(judge, folder / "open_clip_model.safetensors")
    _save_half(reader, out / "reader.safetensors")

    report = {
        **trained,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "open_clip": open_clip.__version__,
    }
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n")


def _save_half(model: torch.nn.Module, path: Path) -> None:
    state = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, path)
