"""Licences of a spec's models: the table, the gate before a model is loaded, and files that change."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import synthgen
from synthgen import errors
from synthgen.api import licensing
from synthgen.api.licensing import check_licences, licences_of_plan, warn_of_changed
from synthgen.bundled import GENERATOR
from synthgen.planning import Plan
from synthgen.presets import PRESETS, MayTrain, licences_of, together
from synthgen.presets.licences import TEXTS, unread
from synthgen.records import LicenceNote
from synthgen.store import open_store
from tests.command import command_line
from tests.hub import serve
from tests.presets import licences as page

TURBO, FLUX, NOBODY = "stabilityai/sdxl-turbo", "black-forest-labs/FLUX.1-dev", "owner/nobody-knows"
SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SPEC = "synthgen: 1\nname: few\nmodel: {id: %s}\nclasses: {chef: 2}\nprompts: {templates: ['a {class}']}\n"


def written(model: str, more: str) -> str:
    Path("spec.yaml").write_text(SPEC % json.dumps(model) + more)
    return "spec.yaml"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def own_model(card: str, licence: str) -> str:
    """Make a folder with a pipeline that has a card and a licence file."""
    shutil.copytree(GENERATOR, "own")
    Path("own/README.md").write_text(card)
    Path("own/LICENSE.md").write_text(licence)
    return "./own"


def test_every_model_of_a_preset_is_in_the_table_and_every_text_has_a_source_and_a_reason() -> None:
    for preset in PRESETS.values():
        parts = [preset.hub_id, *(each["id"] for each in preset.model.get("adapters", []))]  # type: ignore[attr-defined]
        assert all(licences_of(part) for part in parts)
    assert all(each.url.startswith("https://") and each.reason for each in TEXTS.values())
    assert page.PAGE.read_text("utf-8") == page.page(page.PAGE.read_text("utf-8"))


def test_of_several_licences_the_strictest_answer_counts() -> None:
    for first in TEXTS.values():
        for second in TEXTS.values():
            both = together([first, second])
            if MayTrain.YES in (both.commercial,):
                assert first.commercial is second.commercial is MayTrain.YES
            assert (both.commercial is MayTrain.NO) == (MayTrain.NO in (first.commercial, second.commercial))
    assert together([TEXTS["mit"], unread("my-own")]).commercial is MayTrain.UNKNOWN


@pytest.mark.parametrize(
    ("model", "keys", "said"),
    [
        (TURBO, "require_outputs_may_train: commercial", ("Stability non-commercial", "section 1.a", "no")),
        (FLUX, "require_outputs_may_train: true", ("limited", "section 2.d", "LICENSE-FLUX1-dev")),
        (NOBODY, "require_outputs_may_train: non-commercial", (NOBODY, "unknown", "nobody says")),
        (NOBODY, "allow_licenses: [mit]", (NOBODY, "unknown", "allows mit")),
        (NOBODY, "allow_licenses: [apache2]", ("no licence 'apache2'; did you mean 'apache-2.0'?",)),
        (SD15, "allow_licenses: [apache-2.0, mit]", (f"model ({SD15})", "creativeml-openrail-m", "table", "https://")),
        ("bundled:workers", "allow_licenses: [mit]", ("model (bundled:workers)", "judge (bundled:judge)", "apache")),
    ],
)
def test_the_gate_refuses_by_name_before_a_model_is_looked_for(
    model: str, keys: str, said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("plan", "run"):
        assert command_line([command, written(model, keys)]) == 2
        shown = capsys.readouterr().err
        assert keys.partition(":")[0] in shown
        assert all(each in shown for each in said)
    assert not Path("outputs").exists()


def test_the_gate_lets_pass_what_it_should_and_changes_no_fingerprint() -> None:
    free = synthgen.plan(written("bundled:workers", ""))
    gated = synthgen.plan(written("bundled:workers", "require_outputs_may_train: true\nallow_licenses: [Apache-2.0]\n"))
    assert gated.fingerprint == free.fingerprint
    assert "require_outputs_may_train" not in json.dumps(free.spec.canonical())
    assert Plan.from_json(gated.to_json()).spec.require_outputs_may_train is True
    check_licences(synthgen.load_spec(written("stabilityai/sdxl-turbo", "require_outputs_may_train: non-commercial\n")))


@pytest.mark.parametrize("keys", ["allow_licenses: []", "allow_licenses: mit", "require_outputs_may_train: maybe"])
def test_a_gate_that_means_nothing_is_a_mistake(keys: str) -> None:
    with pytest.raises(errors.SpecError, match=keys.partition(":")[0]):
        synthgen.load_spec(written("bundled:workers", keys))


def test_a_judge_counts_where_its_answers_are_in_the_dataset() -> None:
    plain = "judge: {id: 'hf-hub:owner/clip'}\nrequire_outputs_may_train: true\n"
    check_licences(synthgen.load_spec(written("bundled:workers", plain)))
    asked = plain + "attributes: {hat: {values: {white: ['a white hat'], none: ['no hat']}}}\n"
    with pytest.raises(errors.UsageError, match=r"judge \(owner/clip\)"):
        check_licences(synthgen.load_spec(written("bundled:workers", asked)))


def test_a_models_own_card_is_read_and_a_changed_licence_file_is_told(caplog: pytest.LogCaptureFixture) -> None:
    model = own_model("---\nlicense: [MIT, other]\nlicense_name: my-terms\n---\n# Own\n", "be kind")
    judge = "judge: {id: 'bundled:judge'}\n"
    planned = synthgen.begin(written(model, judge), "run")
    first, *_ = licences_of_plan(planned)
    assert [each.id for each in first.licences] == ["mit", "my-terms"]
    assert (first.said_by, first.whole.commercial, first.note.file) == ("card", MayTrain.UNKNOWN, "LICENSE.md")
    with pytest.raises(errors.UsageError, match=r"my-terms.*by the model's card"):
        synthgen.plan(written(model, judge + "allow_licenses: [mit, apache-2.0]\n"))

    store, there = open_store("run"), synthgen.plan(written(model, judge))
    assert Plan.from_json(Path("run/plan.json").read_text()).licences == there.licences
    warn_of_changed(store, there, extend=False)
    assert not caplog.records
    Path("own/LICENSE.md").write_text("be kinder")
    changed = {"model": licensing.notes_of(there)["model"]}
    warn_of_changed(store, synthgen.plan(written(model, judge)), extend=False)
    assert "the licence of model (./own) is another one than when the run was planned" in caplog.text
    assert changed["model"].sha256 != there.licences["model"].sha256


def test_a_damaged_note_in_a_plan_is_refused() -> None:
    text = synthgen.plan(written("bundled:workers", "")).to_json()
    content = json.loads(text)
    del content["sha256"]
    wrong: tuple[object, ...] = ({"named": "mit"}, {"named": [], "file": None, "sha256": "../../etc"}, 3)
    for note in wrong:
        with pytest.raises(errors.StorageError, match="licences"):
            Plan.from_json(json.dumps({**content, "licences": {"model": note}}))


def test_the_hub_is_asked_for_card_and_licence_file_alone(tmp_path: Path) -> None:
    served = tmp_path / "hub/terms"
    served.mkdir(parents=True)
    (served / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (served / "LICENSE-NC.TXT").write_text("terms")
    (served / "weights.safetensors").write_bytes(b"0" * 10)
    code = "from synthgen.models.licence_files import licence_on_hub as ask; print(ask('owner/terms', None))"
    with serve(tmp_path / "hub") as hub:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **online}, capture_output=True, text=True, check=True
        )
    digest = hashlib.sha256(b"terms").hexdigest()
    assert done.stdout.strip() == str(LicenceNote(("apache-2.0",), "LICENSE-NC.TXT", digest))
    assert {*hub.downloads} == {"owner/terms/README.md", "owner/terms/LICENSE-NC.TXT"}
