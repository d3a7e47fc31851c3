"""A gate of a spec on combinations of attributes."""

import pytest

from synthgen.errors import SpecError
from synthgen.planning import gate_needs
from synthgen.spec import parse_spec

SPEC = """\
synthgen: 1
name: small
model: {id: "bundled:workers"}
classes: {doctor: 400, chef: 400}
prompts: {templates: ["a {class}"]}
attributes:
  gender: {values: {man: [a person with light skin], woman: [a person with medium skin]}}
  skin: {values: {dark: [a person with short hair], light: [a person with long hair]}}
balance: [{attribute: gender}, {attribute: skin}]
"""


def test_a_gate_on_combinations_needs_more_images_than_one_on_a_part() -> None:
    gates = "gates: [{attribute: gender x skin, max_tv: 0.1}, {attribute: gender, max_tv: 0.1}]"
    crossed, alone = gate_needs(parse_spec(SPEC + gates))
    assert crossed.gate == "gender x skin within class: tv <= 0.1"
    assert crossed.needed is not None
    assert alone.needed is not None
    assert crossed.needed > alone.needed
    assert crossed.can_pass


@pytest.mark.parametrize(
    ("name", "message"),
    [("gender x hair", "unknown attribute 'hair'"), ("gender x gender", "'gender x gender' lists an attribute twice")],
)
def test_mistakes_are_named_with_their_place(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=f"gates.0.attribute: {message}"):
        parse_spec(SPEC + f"gates: [{{attribute: {name}, max_tv: 0.1}}]")


def test_no_balance_is_of_combinations() -> None:
    with pytest.raises(SpecError, match="unknown attribute 'gender x skin'"):
        parse_spec(SPEC.replace("{attribute: skin}]", "{attribute: gender x skin}]"))
