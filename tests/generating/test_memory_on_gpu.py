"""Parts of a pipeline that wait in the CPU's memory, on a GPU: where they are, and that they draw the same images."""

from pathlib import Path

import pytest
import torch
from torch import nn

from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.spec import ModelSpec
from tests.generating.test_memory import PROMPTS, drawn, furthest, pipeline_of

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore")]


def on_gpu(folder: Path, **settings: object) -> Renderer:
    keys = {"id": str(folder), "steps": 2, "guidance": 2.0, "dtype": "float32", **settings}
    generator = Renderer(ModelSpec.model_validate(keys), locate(str(folder)), "cuda", largest_batch=16)
    generator.setup()
    return generator


def device_of(part: nn.Module) -> str:
    return next(part.parameters()).device.type


@pytest.mark.parametrize("mode", ["encoders", "model", "group"])
def test_offloaded_parts_draw_the_same_images(folder: Path, mode: str) -> None:
    moved = on_gpu(folder, offload=mode)
    assert furthest(drawn(moved), drawn(on_gpu(folder, offload="none"))) <= 1
    assert furthest(drawn(moved), drawn(moved, PROMPTS, 1)) <= 1, "known prompts, and other batches"
    assert moved.provenance()["offload"] == mode


def test_encoders_leave_the_gpu_once_the_prompts_are_known(sdxl: Path) -> None:
    generator = on_gpu(sdxl, offload="encoders")
    drawn(generator)
    pipeline = pipeline_of(generator)
    assert device_of(pipeline.unet) == device_of(pipeline.vae) == "cuda"
    assert device_of(pipeline.text_encoder) == device_of(pipeline.text_encoder_2) == "cpu"


@pytest.mark.parametrize(("free", "mode"), [(64 << 30, "none"), (0, "group")])
def test_the_free_memory_decides(sd: Path, monkeypatch: pytest.MonkeyPatch, free: int, mode: str) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (free, 64 << 30))
    assert on_gpu(sd).provenance().get("offload", "none") == mode


def test_a_compiled_model_draws_the_same_images(sd: Path) -> None:
    compiled = on_gpu(sd, compile="regional", batch_size=2)
    assert furthest(drawn(compiled, PROMPTS, 2), drawn(on_gpu(sd))) <= 1
