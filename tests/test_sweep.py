"""`synthgen sweep` and distinct pictures in a preview, from a spec to tables and pages."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synthgen.api import wiring
from synthgen.api.sweep_grid import values_of
from synthgen.errors import UsageError
from synthgen.generating import pipelines, renderer
from tests.command import command_line, envelope, result
from tests.page import Page

SPEC = """\
synthgen: 1
name: staff
model: {id: "bundled:workers", steps: 2, batch_size: 4}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a {class}"]}
filters: {label: {min_posterior: 0.5}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "staff.yaml").write_text(SPEC)
    return tmp_path


def swept(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> str:
    assert command_line(["sweep", "staff.yaml", "--json", *options]) == code
    return capsys.readouterr().out


def test_values_are_split_at_commas_outside_brackets_and_quotes() -> None:
    assert values_of(["model.steps=1,2", "model.x=[0, 0.5],{a: 1, b: 2}", "seed='1,5',2"]) == {
        "model.steps": ("1", "2"),
        "model.x": ("[0, 0.5]", "{a: 1, b: 2}"),
        "seed": ("'1,5'", "2"),
    }


@pytest.mark.parametrize(
    ("over", "why"),
    [
        (["model.steps"], "expected KEY=VALUE,VALUE"),
        (["model.steps=1,,2"], "expected KEY=VALUE,VALUE"),
        (["model.steps=1,1"], "has the value 1 twice"),
        (["model.steps=1", "model.steps=2"], "is given twice"),
        (["output.shard_size=1,2"], "changes neither an image nor its verdict"),
        (["guidance=1,2"], "a spec has no key 'guidance'; did you mean 'model.guidance'"),
        (["modl.steps=1,2"], "a spec has no key 'modl.steps'; did you mean 'model'"),
    ],
)
def test_what_is_no_grid_is_refused(over: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        values_of(over)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--over", "model.steps=2,0"], "with steps=0: "),
        (["--over", "model.step=2,3"], "with step=2: "),
        (["--over", "model.guidance=3,3.0"], "guidance=3 and guidance=3.0 are the same setting"),
        (["--over", "model.scheduler=DDIMScheduler,FlowMatchEulerDiscreteScheduler"], "with scheduler=Flow"),
        (["--over", "model.steps=2,3", "--most", "63"], "this would render 64 images"),
    ],
)
def test_settings_that_cannot_be_rendered_are_refused_by_name(
    options: list[str], why: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = envelope(swept(capsys, *options, code=2))
    assert why in found["errors"][0]["message"]
    assert not (folder / "outputs").exists() or not list((folder / "outputs").rglob("*.parquet"))


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_where_it_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--over", "model.steps=1,40", "-n", "2", "--seeds", "3")
    command = [sys.executable, "-m", "synthgen", "sweep", "staff.yaml", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = folder / "outputs/staff-sweep/settings"
    until = time.monotonic() + 240
    while process.poll() is None and not list(kept.glob("[!.]*.parquet")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = len(list(kept.glob("[!.]*.parquet")))
    assert there == 1

    found = result(swept(capsys, *options))
    assert found["rendered"] == 6
    assert [one["values"]["model.steps"] for one in found["settings"]] == ["1", "40"]
    for one in found["settings"]:
        assert one["attempts"] == 6
        assert one["yield"]["low"] <= one["passed"] / 6 <= one["yield"]["high"]
        assert one["distinct"]["of"] == 3
        assert 1 <= one["distinct"]["value"] <= 3
    assert found["settings"][0]["differences"] == {}
    assert {"yield", "label", "clip", "distinct"} == found["settings"][1]["differences"].keys()
    rows = list(csv.DictReader((folder / found["table"]).read_text().splitlines()))
    assert [row["model.steps"] for row in rows] == ["1", "40"]
    assert json.loads((folder / found["record"]).read_text())["settings"] == found["settings"]
    page = Page((folder / found["page"]).read_text("utf-8"))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 12

    # Nothing is rendered again but what is damaged.
    damaged = min(kept.glob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert result(swept(capsys, *options))["rendered"] == 6


def test_a_preview_of_which_some_prompt_would_get_fewer_images_than_asked_for_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["preview", "staff.yaml", "-n", "12", "--seeds-per-prompt", "5"]) == 2
    said = capsys.readouterr().err
    assert "12 attempts are not 5 of each prompt" in said
    assert "10" in said
    assert "15" in said


@pytest.mark.slow
def test_a_preview_tells_distinct_pictures_and_names_a_template_that_gives_copies(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["preview", "staff.yaml", "-n", "8", "--seeds-per-prompt", "4", "--json"]
    assert command_line(options) == 0
    honest = envelope(capsys.readouterr().out)
    assert honest["result"]["distinct"]["of"] == 4
    assert honest["result"]["distinct"]["prompts"] == 2
    assert honest["result"]["distinct"]["copying"] == {}
    assert "distinct pictures of a prompt" in (folder / "outputs/staff-preview.html").read_text("utf-8")

    monkeypatch.setattr("synthgen.planning.candidates.noise_seed", lambda *_: 7)  # a model that ignores its seed
    assert command_line(options) == 0
    copies = envelope(capsys.readouterr().out)
    assert copies["result"]["distinct"]["value"] < 1.01
    assert list(copies["result"]["distinct"]["copying"]) == ["a {class}"]
    assert any("template 'a {class}' gives copies" in warning for warning in copies["warnings"])


@pytest.mark.slow
def test_settings_of_one_model_share_it_and_come_to_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    def load(*given: object) -> object:
        loads.append(given)
        return pipelines.load(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(renderer, "load", load)
    over = ("--over", "model.scheduler=DDIMScheduler,EulerDiscreteScheduler", "--over", "model.steps=1,2", "-n", "2")

    def figures(out: str) -> list[object]:
        swept(capsys, *over, "--seeds", "1", "--device", "cpu", "-o", out)
        names = ("values", "yield", "fidelity", "distinct")
        return [
            [one[name] for name in names] for one in json.loads((folder / out / "sweep.json").read_text())["settings"]
        ]

    shared = figures("shared")
    assert len(loads) == 1
    monkeypatch.setattr(wiring, "hand_over", lambda one, other: None)
    assert figures("apart") == shared
    assert len(loads) == 5
