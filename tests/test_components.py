"""Models that are put together: a checkpoint in one file and its settings, other components, modular folders."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from synthgen.errors import ModelError
from synthgen.models.parts import source_of
from synthgen.planning import Plan
from synthgen.spec import ModelSpec
from tests.command import command_line
from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate, generator_of, save_stable_diffusion, save_stable_diffusion_xl
from tests.generating.tiny_checkpoint import save_checkpoint
from tests.generating.tiny_checkpoint_3 import save_checkpoint_3, save_stable_diffusion_3
from tests.hub import COMMIT, serve

SPEC = """\
synthgen: 1
name: tiny
model: {id: ./sd, steps: 2, guidance: 2.0, size: 32}
judge: {id: "bundled:judge"}
classes: {doctor: 1, chef: 1}
prompts: {templates: ["a {class}"]}
"""


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


def drawn(place: Path, size: int | None = 32, **settings: object) -> np.ndarray:
    generator = generator_of(place, size=size, **settings)
    rendered = generator.render([candidate(0), candidate(1, "a doctor")])
    return np.stack([one.image.numpy() for one in rendered if one.image is not None]).astype(int)


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


def settings(*changes: str) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def write(place: Path, name: str, text: str) -> None:
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)


def modular(place: Path, **more: object) -> Path:
    shutil.copytree(place / "xl", place / "modular")
    index = json.loads((place / "modular/model_index.json").read_text())
    (place / "modular/model_index.json").unlink()
    blocks = {"_class_name": "StableDiffusionXLModularPipeline", "_blocks_class_name": "StableDiffusionXLAutoBlocks"}
    (place / "modular/modular_model_index.json").write_text(json.dumps({**index, **blocks, **more}))
    return place


def vae(place: Path, **more: object) -> None:
    config = json.loads((place / "vae/config.json").read_text())
    (place / "vae/config.json").write_text(json.dumps({**config, **more}))


def pickled(place: Path) -> None:
    (place / "vae/diffusion_pytorch_model.safetensors").rename(place / "vae/diffusion_pytorch_model.bin")


VAE, ALL, CONFIG = "model.components.vae=./vae", "model.id=./all.safetensors", "model.config=./sd"
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
