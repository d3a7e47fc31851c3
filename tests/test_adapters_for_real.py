"""Adapters of each kind that diffusers reads, through the command line, beside diffusers' own loader: equal images."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.command import result
from tests.families.driving import FURTHEST, GUIDANCE, Bench, Made, bench, plain_settings
from tests.generating.families import FAMILIES
from tests.hub import COMMIT, serve

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of diffusers and transformers, of themselves

TOKEN = "inkwork"
_ATTENTION = "transformer_blocks.0.attn.to_q"


def kronecker(layer: str) -> dict[str, Tensor]:
    """Make factors of a change of a layer that takes and gives 32 values."""
    return {f"{layer}.lokr_w1": torch.randn(2, 2), f"{layer}.lokr_w2": 0.3 * torch.randn(16, 16)}


def made_with(place: Bench, **adapter: object) -> Made:
    """Make a small dataset with an adapter, whose trigger is in the prompts if it has one."""
    trigger = adapter.get("trigger")
    template = f"a {{class}} in {trigger}" if trigger else "a {class}"
    settings = {"classes.doctor": 1, "classes.chef": 1, "prompts.templates": json.dumps([template])}
    adapters = json.dumps([{"id": "./style.safetensors", **adapter}])
    return place.run("styled", {**plain_settings(place.family), **settings, "model.adapters": adapters})


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("z-image", "diffusion_model.layers.0.attention.to_q"),
        ("flux2-klein-base", f"transformer.{_ATTENTION}"),
        ("flux2-klein-base", _ATTENTION),
    ],
)
def test_a_lokr_acts_as_diffusers_loads_it(name: str, layer: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(kronecker(layer), tmp_path / "style.safetensors")
    with bench(FAMILIES[name], tmp_path) as place:
        made = made_with(place)
        assert place.apart(made, GUIDANCE) > FURTHEST, "it acts"
        place.by_hand.load_lora_weights(str(tmp_path), weight_name="style.safetensors")
        assert place.apart(made, GUIDANCE) <= FURTHEST


@pytest.mark.parametrize("vectors", [1, 3])
def test_a_textual_inversion_acts_as_diffusers_loads_it(vectors: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file({"emb_params": torch.randn(vectors, 16)}, tmp_path / "style.safetensors")
    with bench(FAMILIES["stable-diffusion"], tmp_path) as place:
        made = made_with(place, kind="textual_inversion", trigger=TOKEN)
        assert all(TOKEN in prompt for prompt, _ in made.images)
        assert place.apart(made, GUIDANCE) > FURTHEST, "it acts"
        place.by_hand.load_textual_inversion(str(tmp_path), weight_name="style.safetensors", token=TOKEN)
        assert place.apart(made, GUIDANCE) <= FURTHEST
        refused = {"id": "./wide.safetensors", "kind": "textual_inversion", "trigger": "a"}
        save_file({"emb_params": torch.randn(1, 24)}, tmp_path / "wide.safetensors")
        said = place.refused({"model.adapters": json.dumps([refused])})
        assert "has the shape [1, 24], and the text encoder's are 16 wide" in said


def test_an_adapter_of_the_hub_is_downloaded_by_plan_and_needs_no_hub_then(tmp_path: Path) -> None:
    FAMILIES["z-image"].save(tmp_path / "model")
    (tmp_path / "hub/style").mkdir(parents=True)
    save_file(
        kronecker("diffusion_model.layers.0.attention.to_q"), tmp_path / "hub/style/pytorch_lora_weights.safetensors"
    )
    (tmp_path / "spec.yaml").write_text(
        "synthgen: 1\nname: x\nmodel: {id: ./model, steps: 1, size: 32, adapters: [{id: owner/style}]}\n"
        "classes: {chef: 1}\njudge: {id: 'bundled:judge'}\nprompts: {templates: ['a {class}']}\n"
    )

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1", **environment}
        command = [sys.executable, "-m", "synthgen", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False, env=os.environ | settings
        )

    with serve(tmp_path / "hub") as hub:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
        planned = call("plan", "spec.yaml", "-o", "run", "--json", **online)
        assert planned.returncode == 0, planned.stderr
        assert sum(hub.downloads.values()) == 1
        missing = call("plan", "spec.yaml", "--set", "model.adapters=[{id: owner/nothing}]", **online)
        assert missing.returncode == 2, missing.stderr
        assert "model.adapters.0.id" in missing.stderr
    assert json.loads((tmp_path / "run/plan.json").read_text())["revisions"]["adapters"]["style"].startswith(COMMIT)
    done = call("run", "spec.yaml", "-o", "run", "--json", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert result(done.stdout)
    record = json.loads((tmp_path / "run/done/00000.json").read_text())["provenance"]
    assert COMMIT in record["generator.adapter.style"]
