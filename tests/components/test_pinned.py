"""Components are pinned by their digests, and those of the hub by their commits."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.errors import ModelError
from synthgen.models.parts import source_of
from synthgen.spec import ModelSpec
from tests.components.models import SPEC, vae, write
from tests.hub import COMMIT, serve


def test_components_are_pinned_and_a_changed_one_is_refused(models: Path, tmp_path: Path) -> None:
    here = shutil.copytree(models, tmp_path / "here")
    model = ModelSpec.model_validate({"id": f"{here}/sd", "components": {"vae": f"{here}/vae"}})
    source = source_of(model, None)
    pinned = {"": source.revision, "vae": source.parts[0].revision}
    assert source_of(model, pinned) == source
    vae(here, scaling_factor=0.5)
    with pytest.raises(
        ModelError, match=r"here/vae is not the one that the run was planned with: content:\w+ here, cont"
    ):
        source_of(model, pinned)


@pytest.mark.slow
def test_components_and_settings_of_the_hub_are_pinned_and_the_rest_is_not_downloaded(
    models: Path, tmp_path: Path
) -> None:
    shutil.copytree(models / "sd", tmp_path / "hub/painter")
    shutil.copytree(models / "vae", tmp_path / "hub/decoder")
    write(tmp_path, "hub/decoder/diffusion_pytorch_model.bin", "a pickle")
    (tmp_path / "hub/extra").mkdir()
    shutil.copy(models / "sd/unet/diffusion_pytorch_model.safetensors", tmp_path / "hub/extra/unet.safetensors")
    shutil.copy(models / "all.safetensors", tmp_path)
    together = (
        "{id: owner/painter, components: {vae: owner/decoder, unet: {id: owner/extra, file: unet.safetensors}}, "
        "steps: 2, size: 32}"
    )
    for name, model in (
        ("together", together),
        ("file", "{id: ./all.safetensors, config: owner/painter, steps: 2, size: 32}"),
    ):
        write(tmp_path, f"{name}.yaml", SPEC.replace("{id: ./sd, steps: 2, guidance: 2.0, size: 32}", model))

    def run(spec: str, out: str, **environment: str) -> None:
        home = {"HF_HOME": str(tmp_path / f"home-{spec}"), "HF_HUB_DISABLE_XET": "1", **environment}
        command = [sys.executable, "-m", "synthgen", "run", f"{spec}.yaml", "-o", out]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **home}, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stderr

    with serve(tmp_path / "hub") as hub:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
        run("together", "one", **online)
        sent = {name for name, times in hub.downloads.items() if times and name.endswith((".safetensors", ".bin"))}
        assert sent == {
            "owner/painter/text_encoder/model.safetensors",
            "owner/decoder/diffusion_pytorch_model.safetensors",
            "owner/extra/unet.safetensors",
        }
        hub.downloads.clear()
        run("file", "two", **online)
        assert not any(times and name.endswith(".safetensors") for name, times in hub.downloads.items())
    plan = json.loads((tmp_path / "one/plan.json").read_text())
    assert plan["revisions"]["components"] == {"vae": COMMIT, "unet": COMMIT}
