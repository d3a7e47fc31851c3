"""Presets: each a valid spec, in `specs/` and in the guide as the data have it; `models` and `init --model`."""

import json
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from synthgen.pages.facts import facts
from synthgen.planning import Revisions, make_plan
from synthgen.presets import PRESETS, find_preset, preset_of, spec_of_preset
from tests.command import command_line, result
from tests.presets.page import PAGE, page, specs


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_valid_spec_that_finds_it_again(name: str) -> None:
    spec = synthgen.load_spec(spec_of_preset(PRESETS[name]))
    assert preset_of(spec.model) is PRESETS[name]
    assert {key: value for key, value in PRESETS[name].model.items() if key in ("steps", "guidance")}.items() <= (
        spec.model.model_dump().items()
    )


def test_the_specs_and_the_guide_are_what_the_presets_say() -> None:
    """`python -m tests.presets.page` writes them."""
    assert {path.name: path.read_text("utf-8") for path in specs()} == {
        path.name: text for path, text in specs().items()
    }
    assert page(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8")


def test_models_lists_all_of_them_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["models"]) == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert all(f"{name} " in shown and f"\n  {preset.hub_id}\n" in shown for name, preset in PRESETS.items())
    assert command_line(["models", "--json"]) == 0
    found = result(capsys.readouterr().out)["models"]
    assert [each["name"] for each in found] == list(PRESETS)
    assert all(each["sources"] and each["may_train_reason"] and each["tasks"] for each in found)


@pytest.mark.parametrize("name", PRESETS)
def test_models_shows_one_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["models", name]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    preset = PRESETS[name]
    for said in (preset.hub_id, preset.licence.reason, *preset.remarks, *(source.url for source in preset.sources)):
        assert " ".join(said.split()) in shown


def test_init_starts_a_spec_from_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line(["init", "--model", "sdxl-lightning", "my tools.yaml"]) == 0
    text = (tmp_path / "my tools.yaml").read_text()
    spec = synthgen.load_spec(str(tmp_path / "my tools.yaml"))
    assert (spec.name, spec.model.id) == ("my-tools", PRESETS["sdxl-lightning"].hub_id)
    assert text.startswith("# yaml-language-server: $schema=synthgen.schema.json\n")
    assert PRESETS["sdxl-lightning"].licence.name in text
    assert json.loads((tmp_path / "synthgen.schema.json").read_text())["title"] == "synthgen spec"


@pytest.mark.parametrize(
    ("given", "near"), [("z-imge", "z-image"), ("SDXL", "sdxl"), ("flux1-schnel", "flux1-schnell"), ("xyzzy", None)]
)
def test_an_unknown_preset_is_refused_with_the_nearest(
    given: str, near: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["init", "--model", given, "x.yaml"], ["models", given]):
        assert command_line(command) == 2
        said = capsys.readouterr().err
        assert f"there is no preset {given!r}" in said
        assert (f"did you mean {near!r}?" in said) == (near is not None)
        assert "`synthgen models` lists them" in said
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError):
        find_preset(given)


def test_a_hub_id_names_its_first_preset() -> None:
    assert find_preset("stabilityai/stable-diffusion-xl-base-1.0").name == "sdxl"


def test_the_card_and_the_sheet_say_the_licence_of_the_model() -> None:
    spec = synthgen.load_spec(spec_of_preset(PRESETS["flux1-dev"]))
    shown = facts(make_plan(spec, Revisions("a" * 40, "judge")))["licence of the model"]
    assert "FLUX.1-dev Non-Commercial; may its pictures train a model: limited (version 1.1.1" in shown
