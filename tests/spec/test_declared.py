"""A file of attributes is checked as a spec is: every problem, with its place."""

from pathlib import Path

import pytest

from synthgen.errors import SpecError
from synthgen.spec import Declared, read_declared

GOOD = "attributes:\n  skin: {values: {light: [light skin], dark: [dark skin]}, variable: tone}\n"


def read(folder: Path, text: str) -> Declared:
    (folder / "attributes.yaml").write_text(text)
    return read_declared(folder / "attributes.yaml")


def test_attributes_that_are_copied_from_a_spec_are_good(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD + "balance: [{attribute: skin}]\ngates: [{attribute: skin, max_tv: 0.1}]\n")
    assert list(found.attributes["skin"].values) == ["light", "dark"]
    assert (found.balance[0].target, found.gates[0].max_tv) == ("uniform", 0.1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ":1:1: the file is empty"),
        ("balance: []\n", ":1:1: missing key 'attributes'"),
        (GOOD + "name: x\n", ":3:1: unknown key 'name'"),
        (GOOD + "gates: [{attribute: skim, max_tv: 0.1}]\n", ":3:21: gates.0.attribute: unknown attribute 'skim'"),
        ("attributes: {skin: {values: {light: [x]}}}\n", "attributes.skin.values: expected 2 or more entries"),
        (
            "attributes: {skin: {values: {light: [x], unknown: [y]}}}\n",
            "'unknown' is reserved for images on which the judge abstains",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, text)
    assert problem in str(error.value)
