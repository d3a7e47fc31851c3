"""A model that cannot be opened is told with its place in the spec, before anything is written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import open_clip
import pytest

import synthgen
from synthgen.cli.sources import Changes, checked
from synthgen.errors import ModelError, SpecError, UsageError
from synthgen.judging.listed import _known, is_listed, nearest
from tests.command import call, envelope, result
from tests.generating.tiny import save_stable_diffusion
from tests.hub import COMMIT, serve
from tests.judging.tiny import save_judge

SPEC = """\
synthgen: 1
name: hand
model: {id: MODEL, steps: 1}
judge:
  id: JUDGE
classes: {doctor: 4, chef: 3}
prompts: {templates: ["a {class}"]}
"""
OWN = ("bundled:workers", "bundled:judge")
WRONG = {
    ("bundled:workers", "openai/clip-vit-base-patch32"): (5, 7, "the nearest are ViT-B-32/openai, "),
    ("bundled:workers", "ViT-B-32/laion2b"): (5, 7, "the nearest are ViT-B-32/laion2b_"),
    ("bundled:workers", "./clip"): (5, 7, "open_clip has no judge './clip'"),
    ("bundled:workers", "local-dir:./empty"): (
        5,
        7,
        "empty is not a judge: there is no file empty/open_clip",
    ),
    ("bundled:workers", "local-dir:./code"): (5, 7, "tokenizer_config.json: auto_map: this setting is not allowed"),
    ("bundled:workers", "local-dir:./none"): (5, 7, "the folder of local-dir:./none does not exist: "),
    ("./mymodel", "bundled:judge"): (3, 13, "the folder of ./mymodel does not exist: "),
    ("./empty", "bundled:judge"): (3, 13, "empty is not a diffusers pipeline"),
    ("./modular", "bundled:judge"): (3, 13, "is not a diffusers pipeline: it has no valid model_index.json"),
    ("./spec.yaml", "bundled:judge"): (3, 13, "spec.yaml is a file, and not the folder of a model"),
}


def write(folder: Path, model: str, judge: str) -> Path:
    (folder / "spec.yaml").write_text(SPEC.replace("MODEL", f'"{model}"').replace("JUDGE", f'"{judge}"'))
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "modular").mkdir(exist_ok=True)
    (folder / "modular/modular_model_index.json").write_text("{}")
    if judge == "local-dir:./code":
        save_judge(folder / "code")
        (folder / "code/tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["evil.Tok", null]}}')
    return folder / "spec.yaml"


@pytest.mark.parametrize(("names", "told"), WRONG.items(), ids=lambda value: "-".join(map(str, value)))
def test_a_wrong_model_is_refused_with_its_place(
    names: tuple[str, str], told: tuple[int, int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, *names)
    before = sorted(tmp_path.rglob("*"))
    checked("spec.yaml", Changes())  # the spec itself is good
    with pytest.raises(SpecError) as raised:
        checked("spec.yaml", Changes(), models=True)
    (problem,) = raised.value.problems
    assert (problem.line, problem.column) == told[:2]
    assert told[2] in problem.message
    assert raised.value.hint
    with pytest.raises((ModelError, UsageError)) as refused:
        synthgen.begin(synthgen.load_spec("spec.yaml"), "run")
    assert told[2] in refused.value.message
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", [("plan", "-o", "run"), ("run", "-o", "run"), ("preview", "-n", "1")])
def test_the_commands_that_would_open_it_write_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, "bundled:workers", "local-dir:./empty")
    before = sorted(tmp_path.rglob("*"))
    refused = call(command[0], "spec.yaml", *command[1:], folder=tmp_path)
    assert refused.returncode == 2
    assert "spec.yaml:5:7: judge.id: " in refused.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_validate_looks_models_up_only_if_asked(tmp_path: Path) -> None:
    write(tmp_path, *OWN)
    found = result(call("validate", "spec.yaml", "--models", "--json", folder=tmp_path).stdout)
    (spec,) = found["specs"]
    assert [(each["key"], each["id"]) for each in spec["models"]] == [("model.id", OWN[0]), ("judge.id", OWN[1])]
    assert all(each["revision"].startswith("content:") for each in spec["models"])

    write(tmp_path, "owner/painter", "hf-hub:owner/judge")
    assert result(call("validate", "spec.yaml", "--json", folder=tmp_path).stdout)["specs"][0]["models"] == []


def test_without_a_network_what_could_not_be_checked_is_said(tmp_path: Path) -> None:
    write(tmp_path, "owner/painter", "hf-hub:owner/judge")
    for offline, code in (("1", 2), ("0", 5)):
        nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}  # nothing listens there
        environment = {**os.environ, **nowhere, "HF_HUB_OFFLINE": offline}
        command = [sys.executable, "-m", "synthgen", "validate", "spec.yaml", "--models", "--json"]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        (error,) = envelope(ended.stdout)["errors"]
        first, second = error["message"].splitlines()
        assert first.startswith("spec.yaml:3:13: model.id: owner/painter could not be checked: ")
        assert second.startswith("spec.yaml:5:7: judge.id: hf-hub:owner/judge could not be checked: ")


@pytest.mark.slow
def test_on_the_hub_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path / "models/painter")
    save_judge(tmp_path / "models/judge")

    def validate(model: str, judge: str) -> subprocess.CompletedProcess[str]:
        write(tmp_path, model, judge)
        environment = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "synthgen", "validate", "spec.yaml", "--models", "--json"]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )

    with serve(tmp_path / "models") as hub:
        good = validate("owner/painter", "hf-hub:owner/judge")
        assert good.returncode == 0, good.stderr
        assert {each["revision"] for each in result(good.stdout)["specs"][0]["models"]} == {COMMIT}
        assert not [name for name in hub.downloads if name.endswith(".safetensors")], "no weights are read"

        swapped = validate("owner/judge", "hf-hub:owner/painter")
        assert swapped.returncode == 2
        assert [error["line"] for error in json.loads(swapped.stdout)["errors"]] == [3, 5]
        missing = validate("owner/nothing", "hf-hub:owner/judge")
        assert missing.returncode == 2
        assert "there is no model owner/nothing on the hub" in missing.stdout


def test_the_kept_list_of_judges_is_that_of_open_clip() -> None:
    assert _known() == {f"{model}/{weights}" for model, weights in open_clip.list_pretrained()}
    assert is_listed("ViT-B-32/LAION2B-s34b_b79k"), "as open_clip itself reads names"
    assert nearest("laion/CLIP-ViT-H-14-laion2B-s32B-b79K")[0] == "ViT-H-14/laion2b_s32b_b79k"


def test_a_missing_worker_begins_no_run(tmp_path: Path) -> None:
    write(tmp_path, *OWN)
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n")
    refused = call("run", "spec.yaml", "-o", "run", "--executor", "ray", folder=tmp_path)
    assert (refused.returncode, (tmp_path / "run").exists()) == (2, False)
