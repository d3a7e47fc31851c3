"""`preset: training`: what it sets, and what of the user's wins."""

import pytest

from synthgen.errors import SpecError
from synthgen.spec import Spec, parse_spec

SPEC = """synthgen: 1
name: preset
preset: training
model: {id: ./model}
classes: {chef: 100}
prompts: {templates: ['a {class}', 'the {class}']}
"""


def spec(old: str = "", new: str = "", *overrides: str) -> Spec:
    return parse_spec(SPEC.replace(old, new), overrides=overrides)


def test_the_preset_sets_low_guidance_and_every_prompt_once() -> None:
    read = spec()
    assert read.model.guidance == {1.5: 1, 2: 1}
    assert read.prompts.sampling == "combinatorial"
    assert Spec.model_validate(read.canonical()) == read
    without = spec("preset: training\n", "")
    assert without.model.guidance == 2
    assert "preset" not in without.canonical()


@pytest.mark.parametrize(
    ("old", "new", "guidance", "sampling"),
    [
        ("./model}", "./model, guidance: 4}", 4, "combinatorial"),
        ("prompts: {", "prompts: {sampling: random, ", {1.5: 1, 2: 1}, "random"),
        ("['a {class}', 'the {class}']", "{'a {class}': 3, 'the {class}': 1}", {1.5: 1, 2: 1}, "random"),
    ],
    ids=["own guidance", "own sampling", "weights cannot be numbered"],
)
def test_what_the_user_writes_wins(old: str, new: str, guidance: object, sampling: str) -> None:
    read = spec(old, new)
    assert read.model.guidance == guidance
    assert read.prompts.sampling == sampling
    assert spec("", "", "model.guidance=3").model.guidance == 3


def test_an_unknown_preset_is_told_with_those_that_there_are() -> None:
    with pytest.raises(SpecError, match="preset: expected 'training', found the text 'trainig'; did you mean 'train"):
        spec("preset: training", "preset: trainig")
