"""Folders whose weights cannot be loaded, or would be random: each is refused by what is wrong with it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import diffusers.models.model_loading_utils
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from synthgen.errors import DeviceError, ModelError
from tests.generating.tiny import generator_of


def damaged(folder: Path, place: Path, part: str, change: Callable[[dict[str, Tensor]], object]) -> Path:
    shutil.copytree(folder, place)
    (file,) = (place / part).glob("*.safetensors")
    weights = load_file(file)
    change(weights)
    save_file(weights, file)
    return place


@pytest.mark.parametrize(
    ("part", "named"), [("unet", "conv_in.bias of UNet2D"), ("text_encoder", "embeddings.position_embedding.weight of")]
)
def test_weights_that_would_be_random_are_refused(sd: Path, tmp_path: Path, part: str, named: str) -> None:
    place = damaged(sd, tmp_path / "model", part, lambda weights: weights.pop(min(weights)))
    with pytest.raises(ModelError, match=f"its weights lack {named}.*, which would be random"):
        generator_of(place)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_weights_of_another_shape_are_named_with_both_shapes(sd: Path, tmp_path: Path, part: str) -> None:
    def change(weights: dict[str, Tensor]) -> None:
        weights[next(name for name in sorted(weights) if weights[name].dim() == 2)] = torch.zeros(3, 5)

    with pytest.raises(ModelError, match=r"its weight \S+ has another shape than .*, \[\d+, 32\]"):
        generator_of(damaged(sd, tmp_path / "model", part, change))


def test_memory_that_runs_out_under_another_error_is_not_a_damaged_file(
    sd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:  # diffusers makes of it "Unable to load weights"
        raise MemoryError

    monkeypatch.setattr(diffusers.models.model_loading_utils.safetensors.torch, "load_file", fail)
    with pytest.raises(DeviceError, match="memory ran out while loading model"):
        generator_of(sd)


def test_a_missing_package_is_named(sd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImportError("FancyTokenizer requires the fancy library")

    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(ModelError, match="requires the fancy library") as error:
        generator_of(sd)
    assert "Install the package" in (error.value.hint or "")
