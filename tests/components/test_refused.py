"""Components that do not fit are refused before anything is written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.errors import ModelError
from tests.command import command_line
from tests.components.models import ALL, CONFIG, SPEC, VAE, settings, vae, write
from tests.generating.tiny import generator_of
from tests.generating.tiny_checkpoint import save_checkpoint
from tests.hub import serve


def modular(place: Path, **more: object) -> Path:
    shutil.copytree(place / "xl", place / "modular")
    index = json.loads((place / "modular/model_index.json").read_text())
    (place / "modular/model_index.json").unlink()
    blocks = {"_class_name": "StableDiffusionXLModularPipeline", "_blocks_class_name": "StableDiffusionXLAutoBlocks"}
    (place / "modular/modular_model_index.json").write_text(json.dumps({**index, **blocks, **more}))
    return place


def pickled(place: Path) -> None:
    (place / "vae/diffusion_pytorch_model.safetensors").rename(place / "vae/diffusion_pytorch_model.bin")


MODULAR = "model.id=./modular"
ELSEWHERE = ["diffusers", "AutoencoderKL", {"pretrained_model_name_or_path": "owner/vae", "subfolder": "vae"}]
REFUSED: dict[str, tuple[tuple[str, ...], Callable[[Path], object], str]] = {
    "no settings": (
        (ALL,),
        lambda _: None,
        "all.safetensors is Stable Diffusion 1 in one file, which has weights and no",
    ),
    "other settings": (
        (ALL, "model.config=./xl"),
        lambda _: None,
        "model.config: the file is Stable Diffusion 1, and these are the settings of StableDiffusionXLPipeline",
    ),
    "cut file": (
        (ALL, CONFIG),
        lambda place: (place / "all.safetensors").write_bytes((place / "all.safetensors").read_bytes()[:90000]),
        "all.safetensors is refused: it was cut off",
    ),
    "pickle": ((ALL, CONFIG), lambda place: write(place, "all.safetensors", "PK\x03\x04" + " " * 99), "it is a pickle"),
    "ckpt": (("model.id=./all.ckpt",), lambda place: write(place, "all.ckpt", "x"), "other formats are pickles"),
    "no decoder": (
        (ALL, CONFIG),
        lambda place: save_checkpoint(place / "sd", place / "all.safetensors", without="first_stage"),
        "the file is Stable Diffusion 1 without its VAE",
    ),
    "denoiser": (
        (ALL, CONFIG),
        lambda place: shutil.copy(place / "sd/unet/diffusion_pytorch_model.safetensors", place / "all.safetensors"),
        "the file has a denoiser and no text encoder",
    ),
    "config alone": ((CONFIG,), lambda _: None, "model.config: only a .safetensors file in model.id needs it"),
    "variant": ((ALL, CONFIG, "model.variant=fp16"), lambda _: None, "model.variant: a file has no variants"),
    "no such part": (
        ("model.components.transformer=./vae",),
        lambda _: None,
        "model.components.transformer: StableDiffusionPipeline has no part transformer: it has",
    ),
    "class": (
        ("model.components.unet=./vae",),
        lambda _: None,
        "model.components.unet: ./vae is AutoencoderKL, and the pipeline's unet is UNet2DConditionModel",
    ),
    "channels": ((VAE,), lambda place: vae(place, latent_channels=16), "its latent_channels is 16, and the pipeline's"),
    "code": ((VAE,), lambda place: vae(place, auto_map={"AutoModel": "code.Model"}), "asks for code of its own"),
    "pickled part": ((VAE,), pickled, "model.components.vae: its weights are pickles, which can run code"),
    "files of a variant": (
        (VAE,),
        lambda place: (place / "vae/diffusion_pytorch_model.safetensors").rename(place / "vae/model.fp16.safetensors"),
        "model.components.vae: it has files of a variant only: name one of them, such as vae/model.fp16.safetensors",
    ),
    "huge": (
        (VAE,),
        lambda place: os.truncate(place / "vae/config.json", 1 << 33),
        "model.components.vae: ./vae has no settings that can be read",
    ),
    "pipe": ((VAE,), lambda place: os.mkfifo(place / "vae/weights"), "weights is not a regular file"),
    "another model": (
        (VAE,),
        lambda place: write(place, "vae/adapter_config.json", "{}"),
        "an adapter names another model to load",
    ),
    "nowhere": (("model.components.vae=./none",), lambda _: None, "model.components.vae: the folder"),
    "text encoder file": (
        ("model.components.text_encoder=./all.safetensors",),
        lambda _: None,
        "model.components.text_encoder: diffusers opens no single file of CLIPTextModel",
    ),
    "modular code": ((MODULAR,), lambda place: modular(place, auto_map={"a": "b"}), "it has blocks of its own"),
    "modular file": (
        (MODULAR,),
        lambda place: write(modular(place), "modular/block.py", ""),
        "this modular pipeline has code of its own, block.py",
    ),
    "modular blocks": (
        (MODULAR,),
        lambda place: modular(place, _blocks_class_name="SequentialPipelineBlocks"),
        "its blocks are SequentialPipelineBlocks, and only diffusers' own StableDiffusionXLAutoBlocks",
    ),
    "modular family": (
        (MODULAR,),
        lambda place: modular(place, _class_name="ZImageModularPipeline", _blocks_class_name="ZImageAutoBlocks"),
        "blocks of ZImageModularPipeline are not known to draw as a pipeline of diffusers does",
    ),
    "modular guidance": (
        (MODULAR,),
        lambda place: modular(place, guider=["diffusers", "PerturbedAttentionGuidance", {}]),
        "its guidance is PerturbedAttentionGuidance",
    ),
    "modular elsewhere": (
        (MODULAR,),
        lambda place: shutil.rmtree(modular(place, vae=ELSEWHERE) / "modular/vae"),
        "its vae is in owner/vae, which is opened only if model.components names it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    case: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, spoil, told = REFUSED[case]
    here = shutil.copytree(models, tmp_path / "here")
    spoil(here)
    monkeypatch.chdir(here)
    assert command_line(["run", "spec.yaml", *settings(*changes)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert told in said
    assert "Traceback" not in said
    assert not Path("outputs").exists()


def test_gguf_files_are_refused_by_their_header_or_their_package(flux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> str:
        with pytest.raises(ModelError) as error:
            generator_of(flux / "flux", guidance=1.0, components={"transformer": f"{flux}/{name}"})
        return str(error.value)

    assert "says that it is sd3, and the pipeline's transformer is FluxTransformer2DModel" in refused("sd3.gguf")
    (flux / "cut.gguf").write_bytes((flux / "q8.gguf").read_bytes()[:3000])
    assert "is not a whole GGUF file" in refused("cut.gguf")
    monkeypatch.setattr("synthgen.models.gguf_header.find_spec", lambda _: None)
    assert "q8.gguf needs the package gguf: pip install gguf" in refused("q8.gguf")


WITHOUT_GGUF = """
from synthgen.cli import main
from synthgen.families import components
components.find_spec = lambda name: None
main()
"""


@pytest.mark.slow
def test_files_of_the_hub_are_checked_at_plan_as_far_as_they_can_be(flux: Path, tmp_path: Path) -> None:
    write(tmp_path, "hub/quantised/README.md", "GGUF files")
    with serve(tmp_path / "hub") as hub:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}

        def told(*program: str) -> str:
            command = [sys.executable, *program, "plan", str(tmp_path / "spec.yaml")]
            environment = {**os.environ, **online}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 2
            return " ".join(done.stderr.split())

        part = "components: {transformer: {id: owner/quantised, file: q4.gguf}}"
        model = f"{{id: {flux}/flux, guidance: 1.0, {part}}}"
        write(tmp_path, "spec.yaml", SPEC.replace("{id: ./sd, steps: 2, guidance: 2.0, size: 32}", model))
        assert "model.components.transformer: owner/quantised has no file q4.gguf" in told("-m", "synthgen")
        write(tmp_path, "hub/quantised/q4.gguf", "GGUF")
        assert "q4.gguf needs the package gguf" in told("-c", WITHOUT_GGUF)
        assert hub.downloads["owner/quantised/q4.gguf"] == 0
