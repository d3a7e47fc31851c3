"""What the sweep measured through the command line: it covers every pipeline, and everything came out right."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from synthgen.families.resolve import not_from_text
from synthgen.families.signature import auto_names
from tests.families.measured import FURTHEST, OUTSIDE, data, text_only, twin_of, wrong

DRIVEN = {facts["class"] for facts in data()["families"].values()}


def test_every_name_of_diffusers_lists_is_driven_or_has_its_reason() -> None:
    for task, count in (("TEXT2IMAGE", 56), ("IMAGE2IMAGE", 27), ("INPAINT", 19)):
        names = auto_names(task)
        assert len(names) == count
        assert [name for name in names if name not in DRIVEN and not twin_of(name) and not not_from_text(name)] == []


def test_what_needs_only_a_text_is_driven_but_for_what_diffusers_itself_cannot_load() -> None:
    assert len(text_only()) == 42
    assert len(OUTSIDE) == 14
    assert set(text_only()) - DRIVEN == {"WuerstchenCombinedPipeline", "StableCascadeCombinedPipeline"}
    assert set(OUTSIDE) <= DRIVEN


@pytest.mark.parametrize("name", data()["families"])
def test_every_small_model_came_out_right_or_was_refused_by_the_key_that_cannot_act(name: str) -> None:
    facts = data()["families"][name]
    assert list(wrong(facts)) == []
    for part in ("guidance", "negative"):
        assert facts[part].get("refused", "model.").startswith("model.")
    assert re.match(r"model\.(width|size|height): (expected a multiple|\w+ draws)", facts["size and steps"]["refused"])


@pytest.mark.parametrize("model", data()["schedulers"])
def test_every_scheduler_is_the_same_at_each_batch_size_or_refused(model: str) -> None:
    schedulers = data()["schedulers"][model]["schedulers"]
    drawn = {name: facts for name, facts in schedulers.items() if "refused" not in facts}
    assert drawn
    for name, facts in drawn.items():
        assert "fault" not in facts, name
        assert facts["batches"] <= FURTHEST, name
        assert facts["direct"] <= FURTHEST, name


def test_the_measurement_is_of_the_installed_diffusers() -> None:
    assert data()["versions"]["diffusers"] == version("diffusers"), "run it again: python -m tests.families.sweep"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
def test_a_small_model_comes_out_of_the_command_line_as_measured(tmp_path: Path) -> None:
    check("z-image", tmp_path)


@pytest.mark.sweep
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", data()["families"])
def test_every_small_model_comes_out_of_the_command_line_as_measured(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


def check(name: str, folder: Path) -> None:
    from tests.families.driving import drive  # it imports all of diffusers' pipelines
    from tests.generating.families import FAMILIES

    now, before = drive(FAMILIES[name], folder), data()["families"][name]
    assert list(wrong(now)) == []
    for part in ("guidance", "negative", "size and steps"):
        assert now[part].get("refused") == before[part].get("refused")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_schedulers_come_out_of_the_command_line_as_measured(tmp_path: Path) -> None:
    from tests.families.schedulers import drive_model

    names = ("EulerAncestralDiscreteScheduler", "DPMSolverSDEScheduler", "FlowMatchEulerDiscreteScheduler")
    now = drive_model("stable-diffusion", tmp_path, names)["schedulers"]
    before = data()["schedulers"]["stable-diffusion"]["schedulers"]
    for name in names:
        assert now[name].keys() == before[name].keys(), (now[name], before[name])
        assert now[name].get("refused") == before[name].get("refused")
        if "refused" not in before[name]:  # other processors round otherwise
            assert max(now[name]["direct"], now[name]["batches"]) <= FURTHEST
