"""What the bundled models do not know is refused before they draw or judge something else in its place."""

import json
from pathlib import Path
from random import Random

import pytest

import synthgen.bundled
from synthgen.bundled.captions import SPOILED, caption
from synthgen.bundled.mixture import even
from synthgen.errors import SpecError
from synthgen.spec import parse_spec

SPEC = """\
synthgen: 1
name: workers
model: {id: "bundled:workers"}
classes: {doctor: 10, chef: 10}
prompts: {templates: ["a {class}"]}
"""


def test_the_words_are_those_of_the_captions() -> None:
    rng = Random(0)
    captions = [caption(even(rng), rng).text for _ in range(3000)] + [
        text for kind in SPOILED.values() for text in kind
    ]
    vocabulary = json.loads((Path(synthgen.bundled.__file__).parent / "vocabulary.json").read_text("utf-8"))
    assert {word for text in captions for word in text.split()} == set(vocabulary["words"])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("doctor: 10", "cat: 10", "4:11: classes.cat: the bundled model cannot draw 'cat': it can draw doctor, nurse"),
        (
            "chef: 10",
            "chef: {count: 10, definition: a cook}",
            "4:53: classes.chef.definition: the bundled judge does not",
        ),
        (
            "chef: 10",
            "chef: {count: 10, prompts: [a tall man]}",
            "4:51: classes.chef.prompts.0: the bundled judge does",
        ),
        (
            "prompts:",
            "filters: {label: {none_of_these: [a cat]}}\nprompts:",
            "5:35: filters.label.none_of_these.0: the b",
        ),
    ],
)
def test_what_they_do_not_know_is_refused(old: str, new: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(SPEC.replace(old, new))
    assert str(caught.value.problems[0]).removeprefix("spec.yaml:")[: len(expected)] == expected


def test_a_class_may_have_another_name_than_its_occupation() -> None:
    kitchen = '"kitchen staff": {count: 10, templates: ["a {who}"], prompts: ["a picture of a chef"]}'
    text = SPEC.replace("chef: 10", kitchen).replace('class}"]', 'class}"], variables: {who: [chef]}')
    assert list(parse_spec(text).classes) == ["doctor", "kitchen staff"]
