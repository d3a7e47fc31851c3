"""Models that are put together draw what their parts say: checkpoints in one file, other components, GGUF."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthgen.errors import ModelError
from synthgen.planning import Plan
from tests.command import command_line
from tests.components.models import drawn
from tests.generating.families import FAMILIES
from tests.generating.tiny import save_stable_diffusion_xl
from tests.generating.tiny_checkpoint import save_checkpoint
from tests.generating.tiny_checkpoint_3 import save_checkpoint_3, save_stable_diffusion_3


def test_a_checkpoint_in_one_file_draws_what_its_folder_draws(models: Path) -> None:
    assert (drawn(models / "all.safetensors", config=f"{models}/sd") == drawn(models / "sd")).all()


@pytest.mark.slow
def test_a_checkpoint_of_sdxl_draws_what_its_folder_draws(tmp_path: Path) -> None:
    # diffusers tells the two encoders in such a file apart by their widths: 768 and 1280 in the real one.
    save_stable_diffusion_xl(tmp_path / "xl", second=48)
    save_checkpoint(tmp_path / "xl", tmp_path / "xl.safetensors")
    own = drawn(tmp_path / "xl")
    assert own.std() > 1
    assert (drawn(tmp_path / "xl.safetensors", config=f"{tmp_path}/xl") == own).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
def test_a_checkpoint_of_stable_diffusion_3_draws_what_its_folder_draws(tmp_path: Path) -> None:
    save_stable_diffusion_3(tmp_path / "sd3")
    save_checkpoint_3(tmp_path / "sd3", tmp_path / "sd3.safetensors")
    own = drawn(tmp_path / "sd3")
    assert own.std() > 1
    assert (drawn(tmp_path / "sd3.safetensors", config=f"{tmp_path}/sd3") == own).all()


def test_other_components_act_and_equal_ones_change_nothing(models: Path) -> None:
    own = drawn(models / "sd")
    assert (drawn(models / "sd", components={"vae": f"{models}/sd"}) == own).all()
    assert (drawn(models / "sd", components={"vae": f"{models}/all.safetensors"}) == own).all()
    other = drawn(models / "sd", components={"vae": f"{models}/vae"})
    assert np.abs(other - own).max() > 20
    assert (
        drawn(models / "all.safetensors", config=f"{models}/sd", components={"vae": f"{models}/vae"}) == other
    ).all()


def test_a_transformer_in_gguf_draws_what_its_weights_say(flux: Path) -> None:
    own = drawn(flux / "flux", guidance=1.0)
    whole = drawn(flux / "flux", guidance=1.0, components={"transformer": f"{flux}/whole.gguf"})
    assert np.abs(whole - own).max() <= 1
    rough = np.abs(drawn(flux / "flux", guidance=1.0, components={"transformer": f"{flux}/q8.gguf"}) - own)
    assert 0 < rough.mean() < 5


@pytest.mark.slow
@pytest.mark.parametrize("listed", [None, [None, None]], ids=["not listed", "listed as nothing"])
def test_what_a_pipeline_leaves_to_another_repository_comes_from_it(listed: object, tmp_path: Path) -> None:
    FAMILIES["hidream"].save(tmp_path / "whole")
    own = drawn(tmp_path / "whole", None, steps=1)
    shutil.copytree(tmp_path / "whole", tmp_path / "apart")
    llama = tmp_path / "llama"  # its tokenizer is beside its configuration, as in Llama's own repository
    (tmp_path / "apart/text_encoder_4").rename(llama)
    for file in (tmp_path / "apart/tokenizer_4").iterdir():
        file.rename(llama / file.name)
    (tmp_path / "apart/tokenizer_4").rmdir()
    index = json.loads((tmp_path / "apart/model_index.json").read_text())
    for name in ("text_encoder_4", "tokenizer_4"):
        del index[name]
        if listed is not None:
            index[name] = listed
    (tmp_path / "apart/model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError):
        drawn(tmp_path / "apart", None, steps=1)
    both = {"text_encoder_4": str(llama), "tokenizer_4": str(llama)}
    assert (drawn(tmp_path / "apart", None, steps=1, components=both) == own).all()


@pytest.mark.slow
def test_a_checkpoint_goes_from_spec_to_dataset_with_the_pictures_of_its_folder(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    as_file = ["--set", "model.id=./all.safetensors", "--set", "model.config=./sd"]
    assert command_line(["run", "spec.yaml", "-o", str(tmp_path / "folder")]) == 0
    assert command_line(["run", "spec.yaml", "-o", str(tmp_path / "file"), *as_file]) == 0
    one, other = ((tmp_path / name / "dataset") for name in ("folder", "file"))
    found = [sorted(pictures(place)) for place in (one, other)]
    assert found[0] == found[1] != []
    plans = [Plan.from_json((tmp_path / name / "plan.json").read_text()) for name in ("folder", "file")]
    assert plans[0].fingerprint != plans[1].fingerprint
    assert plans[1].revisions.components["config"] == plans[0].revisions.generator


def pictures(dataset: Path) -> list[bytes]:
    import pyarrow.parquet as pq

    tables = [pq.read_table(file) for file in sorted(dataset.rglob("*.parquet"))]
    found = [image["bytes"] for table in tables for image in table["image"].to_pylist()]
    return [Image.open(io.BytesIO(one)).tobytes() for one in found]  # marks name the model, and its place
