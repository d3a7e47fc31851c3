"""Models that do not get into memory, or not onto the device."""

from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline

from synthgen.errors import DeviceError
from tests.generating.tiny import generator_of


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "memory ran out while moving model"),
        (torch.AcceleratorError("CUDA error: ECC"), "the device broke while moving model"),
    ],
)
def test_a_model_that_does_not_get_onto_the_device_is_a_device_error(
    sd: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(DiffusionPipeline, "to", fail)
    with pytest.raises(DeviceError, match=expected):
        generator_of(sd)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
        OSError(12, "Cannot allocate memory"),
        MemoryError(),
    ],
    ids=["torch", "cuda", "mmap", "python"],
)
def test_memory_that_runs_out_while_weights_are_read_is_not_blamed_on_the_model(
    sd: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(DeviceError, match="memory ran out while loading model"):
        generator_of(sd)
