"""Steps, guidance, scheduler and size as choices: what a spec may say, and what is told of a wrong one."""

import json

import pytest

from synthgen.errors import SpecError
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.planning.candidates import draw_candidate
from synthgen.spec import Spec, choices_of, fixed, in_words, json_schema, mean_steps, parse_spec, sizes_of

SPEC = """synthgen: 1
name: drawn
model: {{id: ./model, {model}}}
classes: {{chef: 100}}
prompts: {{templates: ['a {{class}}']}}
"""


def spec(model: str, *overrides: str) -> Spec:
    return parse_spec(SPEC.format(model=model), overrides=overrides)


def problems(model: str, *overrides: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        spec(model, *overrides)
    return [str(problem).partition(":")[2].strip() for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("model", "key", "weights"),
    [
        ("steps: [10, 20]", "steps", {10: 1, 20: 1}),
        ("steps: {10: 1, 20: 3}", "steps", {10: 1, 20: 3}),
        ("steps: {range: [10, 14], step: 2}", "steps", {10: 1, 12: 1, 14: 1}),
        ("guidance: {range: [1.5, 1.8], decimals: 1}", "guidance", {1.5: 1, 1.6: 1, 1.7: 1, 1.8: 1}),
        ("guidance: {1.5: 1, 2: 0.5}", "guidance", {1.5: 1, 2: 0.5}),
        ("scheduler: [DDIMScheduler, PNDMScheduler]", "scheduler", {"DDIMScheduler": 1, "PNDMScheduler": 1}),
        ("size: [512x768, 640, 64x64]", "size", {"512x768": 1, 640: 1, 64: 1}),
        ("size: {512x768: 2, 640: 1}", "size", {"512x768": 2, 640: 1}),
    ],
)
def test_every_form_of_a_choice_is_read_as_values_with_weights(model: str, key: str, weights: object) -> None:
    read = spec(model)
    assert choices_of(read.model) == {key: weights}
    again = Spec.model_validate_json(json.dumps(read.canonical()))
    assert again == read
    assert again.canonical() == read.canonical()


def test_a_choice_of_one_value_is_that_value_and_so_is_a_square() -> None:
    assert spec("steps: [10], size: [64x64]").canonical() == spec("steps: 10, size: 64").canonical()
    assert fixed(spec("size: 512x768").model).height == 768


def test_overrides_and_what_is_extended_replace_a_choice_whole() -> None:
    assert choices_of(spec("steps: {5: 1}", "model.steps=[10,20]").model) == {"steps": {10: 1, 20: 1}}
    assert choices_of(spec("steps: 5", "model.steps={10: 1, 20: 2}").model) == {"steps": {10: 1, 20: 2}}


@pytest.mark.parametrize(
    ("model", "at", "problem"),
    [
        ("steps: [10, 0]", "0]", "model.steps.1: expected at least 1, found 0"),
        ("steps: [10, 2.5]", "2.5", "model.steps.1: expected a whole number, found 2.5"),
        ("steps: {10: -7}", "-7", "model.steps.10: expected more than 0, found -7"),
        ("steps: []", "[]", "model.steps: expected 1 or more values, found an empty list"),
        ("steps: [7, 20, 7]", "7]", "model.steps.2: 7 is there twice; to draw it more often, give it a larger weight"),
        ("steps: {range: [10, 2000]}", "[10", "model.steps.range: expected numbers from 1 to 1000"),
        ("steps: {range: [1, 2], step: 0.5}", "[1", "model.steps.range: expected whole numbers"),
        (
            "guidance: {range: [1.5, 3]}",
            "[1.5",
            "model.guidance.range: a range of fractions needs 'step' or 'decimals'",
        ),
        ("guidance: {range: [3, 1]}", "[3", "model.guidance.range: expected the smaller number first, found [3, 1]"),
        ("guidance: {range: [1, 3], steps: 1}", "steps", "model.guidance: unknown key 'steps'; did you mean 'step'?"),
        ("size: [64, 500x768]", "500x", "model.size.1: expected sides that are multiples of 8, from 16 to 4096"),
        ("size: 512 x 768", "512 x", "model.size: expected a side in pixels, or width and height such as '512x768'"),
        ("scheduler: [DDIM]", "DDIM", "model.scheduler.0: expected the name of a diffusers scheduler"),
        ("size: [64, 96], width: 64", "width", "model.width: use either size, or width and height"),
    ],
)
def test_a_wrong_choice_is_told_with_the_place_of_its_value(model: str, at: str, problem: str) -> None:
    line = SPEC.format(model=model).splitlines()[2]
    (found,) = problems(model)
    assert found.startswith(f"3:{line.index(at) + 1}: {problem}")


def test_an_interval_of_everything_is_none_and_others_are_two_fractions() -> None:
    assert spec("guidance_interval: [0, 1]").canonical() == spec("").canonical()
    for wrong in ("[0.5]", "[0.8, 0.2]", "[0, 2]", "[0.1, 0.2, 0.3]"):
        assert (
            "model.guidance_interval: expected two fractions from 0 to 1" in problems(f"guidance_interval: {wrong}")[0]
        )


def test_a_plug_in_takes_no_choices() -> None:
    with pytest.raises(SpecError, match="takes one value, and no choice"):
        parse_spec(SPEC.format(model="steps: [1, 2]").replace("./model", "plugin:some"))


def test_the_schema_accepts_the_forms() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json_schema())
    base = {"synthgen": 1, "name": "a", "classes": {"chef": 1}}
    good = {"steps": {"range": [1, 3]}, "guidance": {"1.5": 2}, "size": ["64x96", 64], "scheduler": "DDIMScheduler"}
    assert validator.is_valid({**base, "model": {"id": "./m", **good}})
    assert not validator.is_valid({**base, "model": {"id": "./m", "steps": [0]}})


def test_the_words_and_means_of_choices() -> None:
    model = spec("steps: {10: 1, 20: 3}, size: {512x768: 1, 64: 3}, guidance: {range: [1, 2], decimals: 1}").model
    assert mean_steps(model) == 17.5
    assert sizes_of(model) == {(512, 768): 0.25, (64, 64): 0.75}
    assert in_words(model, "steps") == "10 (25 %) or 20 (75 %)"
    assert in_words(model, "guidance") == "1 to 2 (11 values)"
    assert in_words(spec("guidance: 2").model, "guidance") == "2"


def plan(model: str) -> Plan:
    return make_plan(spec(model), Revisions("content:0", "judge"))


def drawn(model: str, count: int = 400) -> list[tuple[tuple[str, object], ...]]:
    planned = plan(model)
    return [draw_candidate(planned, 0, attempt, planned.cells[0]).settings for attempt in range(count)]


def test_settings_are_drawn_by_weight_from_the_seed_and_one_choice_does_not_move_another() -> None:
    both = drawn("steps: {10: 1, 20: 3}, guidance: [1, 2]")
    assert both == drawn("steps: {10: 1, 20: 3}, guidance: [1, 2]")
    steps = [dict(each)["steps"] for each in both]
    assert 60 < steps.count(10) < 140  # 100 of 400, and 4.6 standard deviations
    assert steps == [dict(each)["steps"] for each in drawn("steps: {10: 1, 20: 3}")]


def test_a_spec_without_choices_draws_what_it_drew_and_keeps_its_fingerprint() -> None:
    planned, other = plan("steps: 10"), plan("steps: [10, 20]")
    assert "settings" not in str(planned.to_json())
    one, two = (draw_candidate(each, 3, 7, each.cells[0]) for each in (planned, other))
    assert one.settings == ()
    assert (one.seed, one.prompt, one.id) == (two.seed, two.prompt, two.id)
    assert Plan.from_json(other.to_json()) == other


def varied(model: str, *overrides: str) -> Spec:
    return parse_spec(
        SPEC.format(model=model) + "task: image-to-image\nsource: {dataset: ./real}\n", overrides=overrides
    )


def test_strength_is_a_part_of_one_and_may_be_a_choice() -> None:
    assert varied("strength: {range: [0.3, 0.5], step: 0.1}").model.strength == {0.3: 1.0, 0.4: 1.0, 0.5: 1.0}
    assert varied("strength: {0.3: 2, 1: 1}").model.strength == {0.3: 2.0, 1.0: 1.0}
    assert varied("strength: [0.3, 0.6]", "model.strength={0.9: 1, 0.5: 1}").model.strength == {0.9: 1.0, 0.5: 1.0}
    assert "strength" not in spec("").canonical()["model"], "plans of earlier versions keep their fingerprint"
    for wrong in ("0", "1.5", "[0.3, 0]", "{range: [0, 1], step: 0.5}"):
        with pytest.raises(SpecError, match=r"model\.strength.*expected"):
            varied(f"strength: {wrong}")
    assert mean_steps(varied("steps: 20, strength: [0.25, 0.75]").model) == 10, "of those that strength leaves"
    assert "strength: it acts only where images begin from pictures" in problems("strength: 0.5")[0]
