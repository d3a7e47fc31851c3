"""Offloading against none and compilation against none, on a GPU: images per second, and the most memory.

    python -m tests.benchmarks.memory                    # SDXL and FLUX.2 klein by size, in bfloat16, on a GPU
    python -m tests.benchmarks.memory --tiny             # the same code with tiny pipelines, on a CPU

The weights are random: pictures are noise, and speed and memory are those of the real sizes. About 25 GB of temporary
files. Each way is a process of its own. The first batch, in which compilation happens, is timed apart. What a device
refuses stands in the table with its reason. It prints one table, which goes into docs/memory.md.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import torch
import typer
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, Qwen3Config, Qwen3ForCausalLM

from synthgen.errors import SynthgenError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.spec import ModelSpec
from tests.generating.families import FAMILIES, parts
from tests.generating.tiny import candidate, save_stable_diffusion_xl

T = TypeVar("T")

WAYS: Mapping[str, Mapping[str, object]] = {
    "none": {"offload": "none"},
    "batch of 4": {"offload": "none", "batch_size": 4},
    "offload: encoders": {"offload": "encoders"},
    "offload: model": {"offload": "model"},
    "offload: group": {"offload": "group"},
    "compile: regional": {"offload": "none", "compile": "regional"},
}
BATCHES = 3
"""How many batches are timed after the first."""


def on_cpu(scheduler: Callable[..., T], **settings: object) -> T:
    """Make a scheduler, which computes with numpy."""
    with torch.device("cpu"):
        return scheduler(**settings)


def sdxl() -> DiffusionPipeline:
    """A pipeline with the sizes of Stable Diffusion XL: a UNet of 2.6 billion weights."""
    small = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    large = CLIPTextConfig(
        hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280
    )
    return StableDiffusionXLPipeline(
        vae=AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=1024,
            scaling_factor=0.13025,
        ),
        text_encoder=CLIPTextModel(small),
        text_encoder_2=CLIPTextModelWithProjection(large),
        tokenizer=parts.clip_tokenizer(),
        tokenizer_2=parts.clip_tokenizer(),
        unet=UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        ),
        scheduler=on_cpu(EulerDiscreteScheduler),
        add_watermarker=False,
    )


def klein() -> DiffusionPipeline:
    """A pipeline with the sizes of FLUX.2 klein 4B: a transformer and an encoder of 4 billion weights each."""
    encoder = Qwen3Config(
        hidden_size=2560,
        intermediate_size=9728,
        num_hidden_layers=36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
    )
    return Flux2KleinPipeline(
        transformer=Flux2Transformer2DModel(
            in_channels=128,
            num_layers=5,
            num_single_layers=20,
            attention_head_dim=128,
            num_attention_heads=24,
            joint_attention_dim=3 * 2560,
            guidance_embeds=False,
        ),
        vae=AutoencoderKLFlux2(),
        scheduler=on_cpu(FlowMatchEulerDiscreteScheduler, use_dynamic_shifting=True),
        text_encoder=Qwen3ForCausalLM(encoder),
        tokenizer=parts.qwen_tokenizer(),
        is_distilled=True,
    )


def save(build: Callable[[], DiffusionPipeline], folder: Path, device: str) -> None:
    """Make and save a pipeline in bfloat16, on the device, where random numbers are fast."""
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            build().save_pretrained(folder)
    finally:
        torch.set_default_dtype(torch.float32)


def measure(folder: Path, way: str, side: int, steps: int, device: str) -> dict[str, object]:
    """Draw with a pipeline in one way, in this process."""
    model = ModelSpec.model_validate(
        {"id": str(folder), "steps": steps, "guidance": 1.0, "size": side, "batch_size": 1, **WAYS[way]}
    )
    generator, began = Renderer(model, locate(str(folder)), device, largest_batch=16), time.perf_counter()
    try:
        generator.setup()
    except SynthgenError as error:
        return {"refused": error.message}
    loading = time.perf_counter() - began

    def batch() -> float:
        start = time.perf_counter()
        for one in generator.render([candidate(index) for index in range(generator.batch_size)]):
            assert one.failure is None or one.failure.kind == "not_finite", one.failure  # random weights may overflow
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    first, rest = batch(), [batch() for _ in range(BATCHES)]
    return {
        "images per second": generator.batch_size * BATCHES / sum(rest),
        "memory": torch.cuda.max_memory_allocated() if device != "cpu" else 0,
        "first batch": first,
        "loading": loading,
        "way": generator.provenance().get("offload", "none"),
    }


def row(model: str, way: str, found: Mapping[str, object]) -> str:
    if "refused" in found:
        return f"| {model} | {way} | refused: {found['refused']} | | | |"
    speed, memory, first, loading = (found[key] for key in ("images per second", "memory", "first batch", "loading"))
    return f"| {model} | {way} | {speed:.3g} | {memory / 1e9:.1f} GB | {first:.1f} s | {loading:.1f} s |"  # type: ignore[operator]


def in_process(*arguments: str) -> Mapping[str, object]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.memory", "--one", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"refused": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    found: Mapping[str, object] = json.loads(lines[-1])
    return found


def main(
    tiny: Annotated[bool, typer.Option(help="Tiny pipelines, on a CPU.")] = False,
    without: Annotated[str, typer.Option(help="Leave out ways that begin so.")] = "-",
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Print the table."""
    if one:
        folder, way, side, steps, device = json.loads(one)
        print(json.dumps(measure(Path(folder), way, int(side), int(steps), device)))
        return
    device, side = ("cpu", 32) if tiny else ("cuda", 1024)
    print("| model | way | images per second | memory | first batch | loading |\n| --- | --- | --- | --- | --- | --- |")
    models = {"SDXL": (sdxl, 20), "FLUX.2 klein 4B": (klein, 4)}
    for name, (build, steps) in models.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            if not tiny:
                save(build, folder, device)
                torch.cuda.empty_cache()
            elif name == "SDXL":
                save_stable_diffusion_xl(folder)
            else:
                FAMILIES["flux2-klein"].save(folder)
            for way in WAYS:
                if not way.startswith(without):
                    print(row(name, way, in_process(str(folder), way, str(side), str(steps), device)), flush=True)


if __name__ == "__main__":
    typer.run(main)
