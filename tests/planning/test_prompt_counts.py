from pathlib import Path

import pytest

import synthgen
from synthgen.planning import every_prompt, few_prompts, first_candidates, prompts_by_class, shown_counts
from tests.command import command_line, result

SPEC = """
synthgen: 1
name: counted
model: {id: "bundled:workers"}
classes: {doctor: 30, chef: {count: 4, templates: ["a chef"]}}
attributes: {skin: {values: {light: [light skin], dark: [dark skin]}, variable: skin}}
prompts:
  templates: ["a {class} with {skin} skin", "a {class} on a {color} background"]
  variables: {skin: [light, dark], color: [pink, gray, blue]}
"""
EXAMPLE = Path(__file__).parents[2] / "specs" / "prompts.yaml"


def test_prompts_are_counted_by_what_a_cell_asks_for_and_a_warning_names_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = synthgen.plan(SPEC)
    assert {name: (each.images, each.there) for name, each in prompts_by_class(plain).items()} == {
        "doctor": (30, 5),
        "chef": (4, 1),
    }
    assert shown_counts(prompts_by_class(plain)) == "1 (chef) to 5 different for a class"
    assert (few_prompts(plain) or "").startswith(
        "few prompts for doctor (and 1 more): 30 images from 5, so some come 6 times or more"
    )
    (tmp_path / "spec.yaml").write_text(SPEC)
    balanced = [
        "--set", "balance=[{attribute: skin}]", "--set", "classes.doctor=2", "--set", "classes.chef.count=2"
    ]  # fmt: skip
    assert command_line(["plan", str(tmp_path / "spec.yaml"), *balanced, "--json"]) == 0
    found = result(capsys.readouterr().out)
    assert found["prompts"] == {"doctor": {"images": 2, "there": 2}, "chef": {"images": 2, "there": 1}}
    (note,) = [note for note in found["notes"] if note.startswith("few prompts")]
    assert "few prompts for chef: 2 images from 1, so some come 2 times or more" in note


def test_every_prompt_of_a_plan_is_there_before_it_is_drawn() -> None:
    balanced = synthgen.plan(SPEC + "balance: [{attribute: skin}]")
    for plan in (synthgen.plan(SPEC), balanced):
        found = every_prompt(plan, 100)
        drawn = {(one.prompt, one.negative_prompt) for one in first_candidates(plan, 300)}
        assert set(found) == drawn
        assert len(found) == len(set(found))
        assert every_prompt(plan, len(found) - 1) == ()


@pytest.mark.slow
def test_the_example_of_prompts_is_made_and_says_how_many_were_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ["--set", "model.steps=2", "--set", "filters={quality: {}}"]
    assert command_line(["run", str(EXAMPLE), "-o", "run", "--limit", "4", *quick, "--quiet"]) == 0
    capsys.readouterr()
    assert command_line(["status", "run", "--json"]) == 0
    found = result(capsys.readouterr().out)
    assert sum(each["used"] for each in found["prompts"].values()) == found["attempted"]  # none came twice
    assert command_line(["preview", str(EXAMPLE), "-n", "5", *quick, "-o", "sheet.html"]) == 0
    assert "prompts   doctor 2 of 124 used; nurse 1 of 124 used; chef 1 of 42 used" in capsys.readouterr().out
