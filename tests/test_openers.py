"""What opens a model, a pickle or a dataset with code in it stands in few places, each of which refuses code first."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import dynamic_module_utils

from synthgen.bundled import GENERATOR, JUDGE
from synthgen.errors import UsageError
from synthgen.models import door
from synthgen.models.door import ModelKind, open_model, open_scheduler

WEIGHTS = next(Path(GENERATOR, "vae").glob("*.safetensors"))
ROOT = Path(__file__).parents[1] / "synthgen"
DOOR = "models/door.py"
DOORS = (DOOR, "models/door_parts.py")
ADAPTERS = "models/door_adapters.py"
OPENERS = {
    "from_pretrained": {DOOR},
    "from_single_file": {DOOR},
    "from_config": {DOOR},
    "create_model": {DOOR},
    "create_model_and_transforms": set(),
    "create_model_from_pretrained": set(),
    "load_model": set(),
    "load_checkpoint": set(),
    "get_tokenizer": {DOOR},
    "download_pretrained": {DOOR},
    "snapshot_download": {DOOR},
    "hf_hub_download": {"models/part_source.py"},  # one small file, at a commit
    "load_file": {"bundled/reader.py", "models/door_adapters.py"},
    "load_from_disk": {"sets/saved.py"},
    "load_dataset": {"sets/hub.py"},
    "load_dataset_builder": {"sets/hub.py"},
    "load_lora_weights": {ADAPTERS},
    "load_textual_inversion": {ADAPTERS},
    "load_ip_adapter": {ADAPTERS},
    # Constants in the source of the installed diffusers, and lists of names in synthgen's own hints.
    "literal_eval": {"families/signature.py", "cli/option_names.py"},
    "eval": set(),
    "exec": set(),
    "Popen": set(),
}

PLACES = {ModelKind.CLIP: JUDGE, ModelKind.CLIP_TOKENIZER: JUDGE}
FILES = (ModelKind.CHECKPOINT, ModelKind.PART_FILE)
"""Opened from one file, which cannot hold code, with a folder of settings."""
BASE = {"DiffusionPipeline", "ModelMixin"}
"""The types of what is opened, which others name."""
KINDS = [kind for kind in ModelKind if kind is not ModelKind.CLASSIFIER]
"""Those that have a folder of files. A classifier is code of timm with a file of weights."""


def names_of(file: Path) -> set[str]:
    """What a file uses or imports, and the parts of dotted names in its texts."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                found.add(name)
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.]+", text):
                found |= {*text.split(".")}
    return found


def test_models_are_opened_in_these_places_only() -> None:
    found: dict[str, set[str]] = {name: set() for name in OPENERS}
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        if place.startswith("bundled/train/"):
            continue
        tree = names_of(file) & OPENERS.keys()
        for name in tree:
            # `model.eval()` and `self.exec` are methods of other things.
            if name in ("eval", "exec") and f" {name}(" not in file.read_text("utf-8"):
                continue
            found[name].add(place)
    assert found == OPENERS


def test_no_other_file_looks_for_a_class_that_opens_models() -> None:
    classes = {part for kind in ModelKind for part in kind.value.split(".")[1:-1]}
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        assert place in DOORS or place.startswith("bundled/train/") or not names_of(file) & (classes - BASE), place


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_opens_a_model_cannot_allow_it_code_or_pickles(
    kind: ModelKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def opened(*names: object, **options: object) -> None:
        seen.update(options, seconds=dynamic_module_utils.TIME_OUT_REMOTE_CODE)

    monkeypatch.setattr(door, "_function", lambda *_: opened)
    folder = shutil.copytree(PLACES.get(kind, GENERATOR), tmp_path / "model")
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    place = "ViT-B-32/openai" if kind is ModelKind.CLIP_FILES else folder
    more: dict[str, object] = {}
    if kind in FILES:
        place, more = WEIGHTS, {"config": folder}

    for allowed in ("trust_remote_code", "use_safetensors", "custom_pipeline", "code_revision", "use_kernels"):
        with pytest.raises(TypeError, match=allowed):
            open_model(kind, place, **{allowed: True})
    assert not seen
    open_model(kind, place, **more)
    assert seen["seconds"] == 0
    if kind in FILES:
        assert (seen["local_files_only"], seen["config"]) == (True, str(folder))
        return
    assert seen.get("trust_remote_code", False) is False
    if "CLIP" not in kind.name:
        assert seen["trust_remote_code"] is False
    if kind in (ModelKind.CLIP, ModelKind.CLIP_FILES) or "TOKENIZER" in kind.name or "PROCESSOR" in kind.name:
        return
    assert seen["use_safetensors"] is True


@pytest.mark.parametrize("revision", ["main", "", None, "content:0123", "0" * 39])
@pytest.mark.parametrize("kind", [ModelKind.PIPELINE, ModelKind.PIPELINE_FILES])
def test_a_model_from_the_hub_is_opened_at_a_commit_only(kind: ModelKind, revision: str | None) -> None:
    with pytest.raises(TypeError, match="at a commit"):
        open_model(kind, "somebody/model", revision=revision)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ModelKind.CLIP_FILES])
def test_a_folder_is_checked_before_any_library_sees_it(
    kind: ModelKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_function", lambda *_: pytest.fail("a library was called"))
    folder = shutil.copytree(PLACES.get(kind, GENERATOR), tmp_path / "model")
    (folder / "adapter_config.json").write_text("{}")
    if "CLIP" in kind.name:
        (folder / "config.json").write_text('{"auto_map": {"AutoConfig": "code.Config"}}')
    place, more = (WEIGHTS, {"config": folder}) if kind in FILES else (folder, {})
    with pytest.raises(UsageError, match=r"adapter|auto_map"):
        open_model(kind, place, **more)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_opened_as_safetensors_and_with_settings_that_are_here(kind: ModelKind, tmp_path: Path) -> None:
    pickled = tmp_path / "model.safetensors"
    pickled.write_bytes(b"\x80\x04\x95" + bytes(40))
    for file in (pickled, pickled.rename(tmp_path / "model.ckpt")):
        with pytest.raises(UsageError, match=r"is refused|does not exist"):
            open_model(kind, file if file.exists() else tmp_path / "model.ckpt", config=GENERATOR)
    for config in (None, "owner/name", tmp_path / "nowhere"):
        with pytest.raises(TypeError, match="folder of settings"):
            open_model(kind, WEIGHTS, config=config)


@pytest.mark.parametrize("name", ["hf-hub:some/body", "local-dir:/tmp/model", "nothing", Path("resnet18")])
def test_a_classifier_is_one_of_timm_alone(name: str | Path) -> None:
    with pytest.raises(TypeError, match="timm knows no network"):
        open_model(ModelKind.CLASSIFIER, name)


def test_the_weights_of_a_classifier_are_safetensors(tmp_path: Path) -> None:
    pickled = tmp_path / "model.bin"
    pickled.write_bytes(b"\x80\x04\x95" + bytes(40))
    with pytest.raises(UsageError, match="is refused"):
        open_model(ModelKind.CLASSIFIER, "test_resnet", weights=pickled)
    with pytest.raises(TypeError, match="checkpoint_path"):
        open_model(ModelKind.CLASSIFIER, "test_resnet", checkpoint_path=pickled)


def test_only_what_was_opened_as_a_component_takes_the_place_of_one() -> None:
    with pytest.raises(TypeError, match="custom_pipeline is not a component"):
        open_model(ModelKind.PIPELINE, GENERATOR, parts={"custom_pipeline": "owner/code"})
    for own in (("diffusers", "DiffusionPipeline"), ("os", "system"), ("transformers", "pipeline"), None):
        with pytest.raises(TypeError, match="no component"):
            open_model(ModelKind.PART, GENERATOR / "vae", part=own)


@pytest.mark.parametrize("name", ["DiffusionPipeline", "AutoencoderKL", "logging", "NoSuch", "__doc__"])
def test_only_schedulers_are_opened_as_schedulers(name: str) -> None:
    assert open_scheduler(name, {}) is None


def test_every_torch_load_reads_weights_only() -> None:
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert "weights_only=True" in ast.unparse(node), file


@pytest.mark.slow
def test_the_environment_does_not_turn_code_of_the_hub_on() -> None:
    code = (
        "import synthgen.models.source\n"
        "from transformers.integrations import hub_kernels\n"
        "import synthgen.generating.pipelines, diffusers.utils.constants as constants\n"
        "print(hub_kernels._TRANSFORMERS_USE_HUB_KERNELS, constants.DIFFUSERS_DISABLE_REMOTE_CODE)"
    )
    hostile = {"USE_HUB_KERNELS": "1", "TRUST_REMOTE_CODE": "1", "DIFFUSERS_DISABLE_REMOTE_CODE": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **hostile}, check=True)
    assert done.stdout.split() == ["NO", "True"]


@pytest.mark.parametrize("name", ["DDIMScheduler", "AutoencoderKL", "logging", "NoSuchPipeline", "__doc__"])
def test_only_pipelines_are_opened_as_pipelines(name: str) -> None:
    with pytest.raises(TypeError, match=f"no pipeline {name}"):
        open_model(ModelKind.PIPELINE, GENERATOR, pipeline=name)
