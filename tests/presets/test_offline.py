"""`plan` of a preset without a network and without the model: what it shows, refuses, and leaves to a run."""

import json
from pathlib import Path

import pytest

from synthgen.presets import PRESETS, licences_of, spec_of_preset, together
from tests.command import command_line, result

pytestmark = pytest.mark.usefixtures("_empty_cache")


@pytest.fixture
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def write(name: str) -> str:
    Path("spec.yaml").write_text(spec_of_preset(PRESETS[name]), "utf-8")
    return "spec.yaml"


@pytest.mark.parametrize("name", PRESETS)
def test_plan_tells_size_tokens_memory_and_licence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["plan", write(name)]) == 0
    shown, preset = capsys.readouterr().out, PRESETS[name]
    side, own = preset.model["size"], together(licences_of(preset.hub_id))
    for line in (
        f"note      the model's own files were not seen; preset {name} is used",
        f"model     {preset.hub_id} (not looked up)",
        f"licence   model: {own.name}; may its outputs train a model: {own.may_train}",
        f"size      {side} x {side} pixels",
        "tokens    ",
        f"memory    {preset.weights / 1e9:.1f} GB of weights, {preset.weights_without_encoders / 1e9:.1f} GB without",
    ):
        assert f"\n{line}" in shown


def test_a_plan_of_a_record_has_no_fingerprint_and_starts_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    spec = write("sdxl")
    assert command_line(["plan", spec, "--json"]) == 0
    found = result(capsys.readouterr().out)
    assert (found["fingerprint"], found["recorded"]) == (None, "sdxl")
    assert [(one["part"], one["limit"]) for one in found["forecast"]["tokens"]] == [
        ("tokenizer", 77),
        ("tokenizer_2", 77),
    ]
    assert all(0 < one["tokens"] <= 77 for one in found["forecast"]["tokens"])
    for command in (["plan", spec, "-o", "run"], ["run", spec], ["preview", spec]):
        assert command_line(command) == 2
        assert "is not in the local cache" in capsys.readouterr().err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("flux2-klein-4b", "model.guidance=4", "model.guidance: this Flux2KleinPipeline takes no guidance"),
        ("flux1-schnell", "model.guidance=4", "model.guidance: this FluxPipeline takes no guidance"),
        ("z-image-turbo", "model.negative_prompt=blurry", "model.negative_prompt: without guidance it has no effect"),
        ("flux1-schnell", "model.max_sequence_length=1000", "model.max_sequence_length: expected at most 512"),
        ("qwen-image", "model.size=1336", "model.size: expected a multiple of 16"),
        ("sana", "model.size=1040", "model.size: expected a multiple of 32"),
        ("hidream", "model.size=512", "model.size: HiDreamImagePipeline draws as many pixels as 1024 x 1024"),
        ("sd15", "model.scheduler=FlowMatchEulerDiscreteScheduler", "is for models that predict a flow"),
        ("sdxl-lightning", "model.scheduler_config.spacing=trailing", "EulerDiscreteScheduler has no setting spacing"),
        ("sd15", "model.negative_prompt=" + "a hat and " * 40, "model.negative_prompt: it has 122 tokens"),
    ],
)
def test_what_cannot_act_is_refused_from_the_record(
    name: str, key: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["plan", write(name), "--set", key]) == 2
    assert said in capsys.readouterr().err


def test_another_model_is_not_planned_without_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["plan", write("sd15"), "--set", "model.id=owner/name", "--json"]) == 2
    assert "is not in the local cache" in json.loads(capsys.readouterr().out)["errors"][0]["message"]


def test_files_in_the_cache_take_the_place_of_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit, preset = "c" * 40, PRESETS["flux1-schnell"]
    place = tmp_path / "hub" / f"models--{preset.hub_id.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs/main").write_text(commit)
    for name, content in {**preset.files, "transformer/config.json": {"guidance_embeds": True}}.items():
        file = place / "snapshots" / commit / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    assert command_line(["plan", write("flux1-schnell"), "--json"]) == 0
    found = result(capsys.readouterr().out)
    assert (found["recorded"], found["revisions"]["generator"]) == (None, commit)
    assert found["fingerprint"]
    assert [one["limit"] for one in found["forecast"]["tokens"]] == [None, 256]  # its tokenizers are not in the cache
