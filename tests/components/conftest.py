"""Models whose parts are put together."""

import shutil
from pathlib import Path

import gguf
import pytest
from safetensors.torch import load_file, save_file

from tests.components.models import SPEC
from tests.generating.families import FAMILIES
from tests.generating.tiny import save_stable_diffusion, save_stable_diffusion_xl
from tests.generating.tiny_checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    save_stable_diffusion(place / "sd")
    save_stable_diffusion_xl(place / "xl")
    save_checkpoint(place / "sd", place / "all.safetensors")
    shutil.copytree(place / "sd/vae", place / "vae")
    weights = load_file(place / "vae/diffusion_pytorch_model.safetensors")
    weights["decoder.conv_out.weight"] *= -1
    save_file(weights, place / "vae/diffusion_pytorch_model.safetensors")
    (place / "spec.yaml").write_text(SPEC)
    return place


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("flux")
    FAMILIES["flux-dev"].save(place / "flux")
    weights = load_file(place / "flux/transformer/diffusion_pytorch_model.safetensors")
    for name, architecture, kind in (
        ("whole.gguf", "flux", None),
        ("q8.gguf", "flux", gguf.GGMLQuantizationType.Q8_0),
        ("sd3.gguf", "sd3", None),
    ):
        writer = gguf.GGUFWriter(place / name, architecture)
        for key, weight in weights.items():
            values = weight.float().numpy()
            quantised = kind is not None and values.ndim == 2 and values.shape[1] % 32 == 0
            writer.add_tensor(
                key,
                gguf.quants.quantize(values, kind) if quantised and kind else values,
                raw_dtype=kind if quantised else None,
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return place
