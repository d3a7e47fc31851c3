"""Modular pipelines made of diffusers' own blocks: each draws what a call of its blocks draws."""

import json
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import ModularPipeline

from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate, generator_of

pytestmark = pytest.mark.slow
CASES = {
    "stable-diffusion-xl": ("StableDiffusionXLModularPipeline", None),
    "stable-diffusion-3": ("StableDiffusion3ModularPipeline", ""),
    "flux-dev": ("FluxModularPipeline", None),
    "flux2-klein": ("Flux2KleinModularPipeline", None),
    "flux2-klein-base": ("Flux2KleinBaseModularPipeline", None),
    "qwen-image": ("QwenImageModularPipeline", " "),
    "ernie-image": ("ErnieImageModularPipeline", None),
}
"""With the negative prompt that the blocks need for guidance to act; without one, some leave it out in silence."""


def save_modular(family: str, name: str, folder: Path) -> None:
    FAMILIES[family].save(folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").unlink()
    blocks = getattr(diffusers, name).default_blocks_name
    content: dict[str, object] = {"_class_name": name, "_blocks_class_name": blocks, "_diffusers_version": "0"}
    for key, value in index.items():
        if isinstance(value, list):
            place = str(folder) if value[0] else None
            content[key] = [*value, {"pretrained_model_name_or_path": place, "subfolder": key, "type_hint": value}]
        elif not key.startswith("_"):
            content[key] = value
    (folder / "modular_model_index.json").write_text(json.dumps(content))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", CASES)
def test_a_modular_pipeline_draws_what_its_blocks_draw(family: str, tmp_path: Path) -> None:
    name, negative = CASES[family]
    save_modular(family, name, tmp_path / "model")
    pipeline = ModularPipeline.from_pretrained(str(tmp_path / "model"))
    pipeline.load_components(dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    guided = FAMILIES[family].guidance == "acts"
    if guided:
        pipeline.update_components(guider=pipeline.guider.new(guidance_scale=3.0))
    one = candidate(0)
    arguments = {
        "prompt": [one.prompt],
        "num_inference_steps": 2,
        "height": 32,
        "width": 32,
        "generator": [torch.Generator().manual_seed(one.seed)],
        "output_type": "pt",
        **({} if negative is None else {"negative_prompt": [negative]}),
    }
    direct = pipeline(output="images", **arguments)[0].mul(255).round().int()
    generator = generator_of(tmp_path / "model", size=32, **({"guidance": 3.0} if guided else {"guidance": 1.0}))
    (drawn,) = generator.render([one])
    assert drawn.image is not None
    assert direct.max() - direct.min() > 60
    assert (drawn.image.int() - direct).abs().max() <= 1
