"""Specs that are wrong: each says where and what, in plain words."""
# ruff: noqa: E501 - a table reads best with a row to a line

import codecs
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from synthgen.errors import SpecError
from synthgen.spec import read_spec
from synthgen.spec.filters import MeasureFilter

GOOD = """\
synthgen: 1
name: workers
model:
  id: "owner/name"
  steps: 20
classes:
  doctor: 10
  chef: {count: 10}
prompts:
  templates: ["a {class} with {skin} skin"]
  variables:
    skin: [light, dark]
filters:
  label: {min_posterior: 0.6}
seed: 0
"""

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def problems(path: Path, *overrides: str) -> list[str]:
    """What is wrong with a spec, without the file's name."""
    with pytest.raises(SpecError) as caught:
        read_spec(path, overrides)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert "pydantic" not in str(caught.value)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


# id: (what stands in the good spec, what stands there instead, the expected beginning of the one problem)
EDITS: dict[str, tuple[str, str, str]] = {
    "unknown key": ("seed: 0", "zebra: 1", "15:1: unknown key 'zebra'; expected one of synthgen, name,"),
    "misspelt key": ("  steps: 20", "  stepz: 20", "5:3: model: unknown key 'stepz'; did you mean 'steps'?"),
    "misspelt section": ("seed: 0", "judje: {}", "15:1: unknown key 'judje'; did you mean 'judge'?"),
    "misspelt key of a class": ("{count: 10}", "{count: 10, defnition: x}", "8:21: classes.chef: unknown key 'defnition'; did you mean 'definition'?"),
    "text for a number": ("steps: 20", "steps: many", "5:10: model.steps: expected a whole number, found the text 'many'"),
    "quoted number": ("steps: 20", 'steps: "20"', "5:10: model.steps: expected a whole number, found the text '20'"),
    "fraction for a whole number": ("steps: 20", "steps: 2.5", "5:10: model.steps: expected a whole number, found 2.5"),
    "true for a number": ("steps: 20", "steps: yes", "5:10: model.steps: expected a whole number, found yes, which"),
    "nothing for a number": ("steps: 20", "steps:", "5:9: model.steps: expected a whole number, found nothing"),
    "list for a number": ("steps: 20", "steps: [[20]]", "5:11: model.steps.0: expected a whole number, found [20]"),
    "a number for a text": ("skin: [light, dark]", "skin: [1]", "12:12: prompts.variables.skin.0: expected text, found 1; put it in quotes"),
    "no steps": ("steps: 20", "steps: 0", "5:10: model.steps: expected at least 1, found 0"),
    "octal": ("steps: 20", "steps: 020", "5:10: 020 is an octal number in YAML"),
    "guidance below zero": ("steps: 20", "guidance: -1", "5:13: model.guidance: expected at least 0, found -1"),
    "guidance not a number": ("steps: 20", "guidance: .nan", "5:13: expected a finite number, found .nan"),
    "guidance infinite": ("steps: 20", "guidance: -.inf", "5:13: expected a finite number, found -.inf"),
    "measure's argument, nested": ("label: {min_posterior: 0.6}", "measures: {sharp: {by: [1, {at: .inf}]}}", "14:35: expected a finite number, found .inf"),
    "guidance overflows": ("steps: 20", "guidance: 1e999", "5:13: expected a finite number, found 1e999"),
    "odd size": ("steps: 20", "size: 100", "5:9: model.size: expected a multiple of 8, found 100"),
    "posterior is true": ("0.6", "true", "14:26: filters.label.min_posterior: expected a number from 0 to 1, 'chance', or a number for each class, found true"),
    "width alone": ("steps: 20", "width: 64", "5:3: model.width: width and height go together"),
    "unknown dtype": ("steps: 20", "dtype: float61", "5:10: model.dtype: expected 'auto', 'float32', 'float16' or 'bfloat16', found the text 'float61'; did you mean 'float16'?"),
    "batch size": ("steps: 20", "batch_size: big", "5:15: model.batch_size: expected a whole number or 'auto', found the text 'big'"),
    "scheduler": ("steps: 20", "scheduler: ddim", "5:14: model.scheduler: expected the name of a diffusers scheduler"),
    "model without id": ('  id: "owner/name"\n', "", "3:1: model: missing key 'id'"),
    "model id": ("owner/name", "bundled:worker", "4:7: model.id: expected 'bundled:workers', a hub id such as"),
    "model id is an address": ("owner/name", "https://hub/a/b", "4:7: model.id: expected 'bundled:workers', a hub"),
    "blocked phrase": ("seed: 0", "safety: {block: [Doctor with]}", "10:15: prompts.templates.0: can make the prompt '… a doctor with "),
    "blocked phrase over a variable": ("seed: 0", "safety: {block: [dark-skin]}", "10:15: prompts.templates.0: can make the prompt '… a doctor with dark skin"),
    "name with a slash": ("name: workers", "name: ../workers", "2:7: name: expected a name that is safe for a folder"),
    "name in capitals": ("name: workers", "name: Workers", "2:7: name: expected a name that is safe for a folder"),
    "no name": ("name: workers\n", "", "1:1: missing key 'name'"),
    "format version": ("synthgen: 1", "synthgen: 2", "1:11: synthgen: expected 1, found 2"),
    "format version is true": ("synthgen: 1", "synthgen: true", "1:11: synthgen: expected 1, found true"),
    "unknown task": ("seed: 0", "task: inpant", "15:7: task: expected 'text-to-image', 'image-to-image', 'edit', 'inpaint', 'outpaint' or 'control', found the text 'inpant'; did you mean 'inpaint'?"),
    "count of zero": ("doctor: 10", "doctor: 0", "7:11: classes.doctor: expected at least 1, found 0"),
    "count below zero": ("{count: 10}", "{count: -5}", "8:17: classes.chef.count: expected at least 1, found -5"),
    "count missing": ("{count: 10}", "{}", "8:3: classes.chef: missing key 'count'"),
    "count is text": ("doctor: 10", "doctor: ten", "7:11: classes.doctor: expected a whole number, found the text 'ten'"),
    "count is true": ("doctor: 10", "doctor: true", "7:11: classes.doctor: expected a whole number, found true"),
    "empty classes": ("classes:\n  doctor: 10\n  chef: {count: 10}\n", "classes: {}\n", "6:10: classes: expected 1 or more entries such as {doctor: 100}, found an empty"),
    "classes as a list": ("classes:\n  doctor: 10\n  chef: {count: 10}\n", "classes: [a, b]\n", "6:10: classes: expected a mapping such as {doctor: 100}, found [a, b]"),
    "duplicate class": ("  chef:", "  doctor:", "8:3: duplicate key 'doctor'; it is already on line 7"),
    "duplicate section": ("seed: 0", "name: again", "15:1: duplicate key 'name'; it is already on line 2"),
    "classes differ by case": ("  chef:", "  Doctor:", "8:3: classes.Doctor: 'Doctor' differs from 'doctor' only"),
    "class called no": ("  doctor:", "  no:", "7:3: a key must be text, found 'no', which YAML reads as false; put it in"),
    "class called 7": ("  doctor:", "  7:", "7:3: a key must be text, found '7', which YAML reads as the number 7; put"),
    "class with a slash": ("  doctor:", "  a/b:", "7:3: classes: expected a name without slashes"),
    "list as a key": ("  doctor:", "  [a, b]:", "7:3: a key must be text, found a list or a mapping"),
    "unknown variable": ("{skin} skin", "{skin} {skim}", "10:15: prompts.templates.0: unknown variable 'skim'; did you mean 'skin'?"),
    "unused variable": ("[light, dark]", "[light, dark]\n    hair: [red]", "13:5: prompts.variables.hair: no template uses the variable 'hair'"),
    "template without class": ("a {class} with", "someone with", "10:15: prompts.templates.0: 'someone with {skin} skin' does not contain"),
    "open brace": ("{skin} skin", "{skin skin", "10:15: prompts.templates.0: unbalanced '{' at character 16"),
    "attribute in a template": ("{class} with", "{class.name} {class}", "10:15: prompts.templates.0: '{class.name}' at"),
    "template is a mapping": ('["a {class} with {skin} skin"]', '[{class: }, "{class} {skin}"]', "10:15: prompts.templates.0"),
    "templates are one text": ('["a {class} with {skin} skin"]', '"a {class} with {skin} skin"',
        "10:14: prompts.templates: expected a list, or a mapping of text to weight, found the text 'a {class} with",),
    "same template twice": ('["a {class} with {skin} skin"]', '["{skin} {class}", "{skin} {class}"]',
        "10:33: prompts.templates.1: '{skin} {class}' is listed twice",),
    "weight is text": ("[light, dark]", "{light: much}", "12:19: prompts.variables.skin.light: expected a number, found the text 'much'"),
    "weight of zero": ("[light, dark]", "{light: 0}", "12:19: prompts.variables.skin.light: expected more than 0, found 0"),
    "variable without values": ("[light, dark]", "[]", "12:11: prompts.variables.skin: expected 1 or more entries, found an empty"),
    "value read as true": ("[light, dark]", "[yes, dark]", "12:12: prompts.variables.skin.0: expected text, found yes, which YAML reads as true; put it in quotes"),
    "blank value": ("[light, dark]", '[light, " "]', "12:19: prompts.variables.skin.1: expected text that is not blank"),
    "posterior above one": ("0.6", "1.6", "14:26: filters.label.min_posterior: expected at most 1, found 1.6"),
    "splits": ("seed: 0", "output: {splits: {train: 0.9, test: 0.3}}", "15:18: output.splits: expected shares that add up to 1, found 1.2",),
    "a split called all": ("seed: 0", "output: {splits: {train: 0.9, all: 0.1}}", "15:36: output.splits.all: load_dataset takes 'all' for all splits together",),
    "a split in upper case": ("seed: 0", "output: {splits: {Train: 1}}", "15:19: output.splits: expected a name of lower-case letters, digits and '_', starting with a letter, found the key 'Train'",),
    "one form of two": ("seed: 0", "output: {near: {max_bits: 300}}", "15:27: output.near.max_bits: expected at most 64, found 300",),
    "an unknown key in one form of two": ("seed: 0", "output: {near: {max_bit: 3}}", "15:17: output.near: unknown key 'max_bit'; did you mean 'max_bits'?",),
    "balance by an unknown attribute": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: aa}]", "16:23: balance.0.attribute: unknown attribute 'aa'; did you mean 'a'?",),
    "balanced twice": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: a}, {attribute: a}]", "16:39: balance.1.attribute: 'a' is balanced twice",),
    "shares that make no whole": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: a, target: {b: 0.5, c: 0.6}}]", "16:34: balance.0.target: expected shares that add up to 1, found 1.1",),
    "share of one value": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: a, target: {b: 1}}]", "16:34: balance.0.target: expected 2 or more entries, found 1",),
    "share of no value": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: a, target: {b: 0.5, cc: 0.5}}]", "16:43: balance.0.target.cc: the attribute has no value 'cc'; did you mean 'c'?",),
    "target in words": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\nbalance: [{attribute: a, target: unifrom}]", "16:34: balance.0.target: expected 'uniform', shares such as {light: 0.5, dark: 0.5}, or {from: FILE}, found the text 'unifrom'; did you mean 'uniform'?",),
    "one variable for two attributes": ("seed: 0", "attributes: {a: {values: {light: [b], dark: [c]}, variable: skin}, b: {values: {light: [b], dark: [c]}, variable: skin}}\nbalance: [{attribute: a}, {attribute: b}]", "16:39: balance.1.attribute: the variable 'skin' cannot steer both a and b",),
    "gate of an unknown attribute": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}}\ngates: [{attribute: aa, max_tv: 0.1}]", "16:21: gates.0.attribute: unknown attribute 'aa'; did you mean 'a'?",),
    "posterior of no class": ("0.6", "{doctor: 0.6, chef: 0.6, cheff: 0.6}", "14:51: filters.label.min_posterior.cheff: there is no class 'cheff'; did you mean 'chef'?",),
    "posterior of one class alone": ("0.6", "{doctor: 0.6}", "14:26: filters.label.min_posterior: no threshold for the class 'chef'",),
    "posterior in a word": ("0.6", "luck", "14:26: filters.label.min_posterior: expected a number from 0 to 1, 'chance', or a number for each class, found the text 'luck'",),
    "posterior and calibration": ("0.6", "0.6, calibration: file.json", "14:11: filters.label.min_posterior: use either min_posterior or calibration, not both",),
    "attribute's variable": ("seed: 0", "attributes: {a: {values: {light: [b], dark: [c]}, variable: skim}}", "15:61: attributes.a.variable: unknown variable 'skim'; did you mean 'skin'?",),
    "attribute's value": ("seed: 0", "attributes: {a: {values: {light: [b], drak: [c]}, variable: skin}}", "15:39: attributes.a.values.drak: the variable 'skin' has no value 'drak'",),
    "attribute with the name of a score": ("seed: 0", "attributes: {label: {values: {b: [b], c: [c]}}}", "15:14: attributes.label: 'label' is reserved for the class and its score; choose another name",),
    "attribute with the name of a column": ("seed: 0", "attributes: {Prompt: {values: {b: [b], c: [c]}}}", "15:14: attributes.Prompt: 'Prompt' is reserved for the image's prompt",),
    "attributes differ by case": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}}, A: {values: {b: [b], c: [c]}}}", "15:45: attributes.A: 'A' differs from 'a' only by case",),
    "values that the judge is told the same of": ("seed: 0", "attributes: {a: {values: {b: [a bald man], c: [x, A photo of a bald man]}}}", "15:51: attributes.a.values.c.1: 'A photo of a bald man' already describes 'b' to the judge",),
    "not applicable, described as a value": ("seed: 0", "attributes: {a: {values: {b: [b], c: [c]}, not_applicable: [the b]}}", "15:61: attributes.a.not_applicable.0: 'the b' already describes 'b' to the judge",),
    "class told as another": ("{count: 10}", "{count: 10, prompts: [a photo of a Doctor]}", "8:30: classes.chef.prompts: the judge cannot distinguish it from 'doctor': both have the same texts",),
    "none of these is a class": ("0.6", "0.6, none_of_these: [a picture, the chef]", "14:58: filters.label.none_of_these.1: 'the chef' already describes the class 'chef' to the judge",),
    "rejected concept is a class": ("seed: 0", "safety: {reject: [a photo of a doctor]}", "15:19: safety.reject.0: 'a photo of a doctor' already describes the class 'doctor' to the judge",),
    "seed below zero": ("seed: 0", "seed: -1", "15:7: seed: expected at least 0, found -1"),
    "Python tag": ("seed: 0", "seed: !!python/object/apply:os.system [ls]", "15:7: the YAML tag '!!python/object/apply:"),
    "own tag": ("seed: 0", "seed: !secret 5", "15:7: the YAML tag '!secret' is not allowed"),
    "merge key": ("  steps: 20", "  <<: {steps: 3}", "5:3: merge keys (<<) are not allowed"),
    "unknown alias": ("seed: 0", "seed: *zero", "15:7: the alias *zero is not defined above"),
    "alias of itself": ("seed: 0", "seed: &a [*a]", "15:11: the alias *a contains itself"),
    "alias bomb": ("seed: 0", BOMB, "19:36: too large: more than 100,000 values"),
    "deep nesting": ("seed: 0", "seed: " + "[" * 100_000, "15:70: nested deeper than 64 levels"),
    "tab": ("  steps: 20", "\tsteps: 20", "5:1: tabs cannot indent YAML; use spaces"),
    "second document": ("seed: 0", "---\nseed: 0", "15:1: a second document starts here"),
    "unclosed list": ("[light, dark]", "[light, dark", "13:8: this is not valid YAML: "),
    "control character": ("name: workers", "name: wor\x07kers", "2:10: the character U+0007 is not allowed in YAML"),
    "classes that YAML reads as false": ("classes:\n  doctor: 10\n  chef: {count: 10}\n", "classes: {no: 1}\n", "6:11: a key must be text, found 'no', which YAML reads as false; put it in"),
    "values that are numbers": ("[light, dark]", "{1: 1}", "12:12: a key must be text, found '1', which YAML reads as the number 1; put"),
    "classes that are merged": ("classes:\n  doctor: 10\n  chef: {count: 10}\n", "classes:\n  <<: {a: 1}\n", "7:3: merge keys (<<) are not allowed"),
    "one of two values": ("seed: 0", "attributes: {a: {values: {on: [b], c: [c]}}}", "15:27: a key must be text, found 'on', which YAML reads as true"),
    "a device": ("name: workers", "name: con", "2:7: name: 'con' names a device on Windows, which can have no folder of this name"),
    "a device with an ending": ("name: workers", "name: nul.txt", "2:7: name: 'nul.txt' names a device on Windows"),
    "a numbered device": ("name: workers", "name: lpt1", "2:7: name: 'lpt1' names a device on Windows"),
    "escaped control character": ("name: workers", 'name: "wor\\x1bkers"', "2:7: the text contains the control character"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), EDITS.values(), ids=EDITS.keys())
def test_a_bad_spec_says_where_and_what(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    assert [problem[: len(expected)] for problem in problems(path)] == [expected]


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "1:1: the file is empty"),
    "only a comment": (b"# nothing\n", "1:1: the file is empty"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:1: this is a binary file"),
    "Latin-1": ("name: ok\nnote: caf\xe9".encode("latin-1"), "2:10: the byte 0xe9 is not valid UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "1:1: the file is encoded as UTF-16 or UTF-32"),
    "one word": (b"hello", "1:1: expected keys such as `name: …`, found the text 'hello'"),
    "a list": (b"- a\n- b", "1:1: expected keys such as `name: …`, found [a, b]"),
    "fifty megabytes": (b"#" * 50_000_000, "1:1: too large: more than 5 MB"),
    "a web page": (b"<html>\n<body class=x: y>: [</body>", "2:14: this is not valid YAML"),
}


@pytest.mark.parametrize(("data", "expected"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_spec_is_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(data)
    assert [problem[: len(expected)] for problem in problems(path)] == [expected]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == [" file not found"]  # in no line of it


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path) == [" this is a folder; expected a YAML file"]  # in no line of it


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    assert problems(path) == [" cannot be read: Permission denied"]  # in no line of it


def test_a_file_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert problems(tmp_path / "file" / "spec.yaml") == [" cannot be read: Not a directory"]  # in no line of it


def test_columns_are_right_behind_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(codecs.BOM_UTF8 + GOOD.replace("synthgen: 1", "synthgen: 9").encode())
    assert problems(path) == ["1:11: synthgen: expected 1, found 9"]


def test_columns_count_characters_and_not_bytes(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD.replace("doctor: 10", '"\u533b\u751f \U0001f469": {count: 0}'), encoding="utf-8")
    assert problems(path)[0].startswith("7:19: ")


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        GOOD.replace("name: workers", "name: My Set")
        .replace("steps: 20", "step: 20")
        .replace("doctor: 10", "doctor: 0")
        .replace("chef:", "doctor:")
        .replace("{skin} skin", "{skn} skin")
        .replace("0.6", ".nan")
        .replace("seed: 0", "seed: !x 0")
    )
    assert [problem.split(": ")[0] for problem in problems(path)] == [
        "2:7", "5:3", "7:11", "8:3", "10:15", "12:5", "14:26", "15:7",
    ]  # fmt: skip


def test_size_together_with_width_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD.replace("  steps: 20", "  size: 64\n  width: 64"))
    assert problems(path) == ["6:3: model.width: use either size, or width and height, not both"]


OVERRIDES: dict[str, tuple[str, str]] = {
    "wrong type": ("model.steps=many", "model.steps: expected a whole number, found the text 'many'"),
    "misspelt key": ("model.stepz=3", "model: unknown key 'stepz'; did you mean 'steps'?"),
    "no value": ("model.steps", "expected KEY=VALUE, such as model.steps=20"),
    "empty key": ("model..steps=3", "expected KEY=VALUE, such as model.steps=20"),
    "inside a number": ("model.steps.count=3", "'20' is not a mapping, so it has no 'count'"),
    "not in the list": (
        "prompts.templates.7=a {class}",
        "'7' is not a position in a list of 1; positions count from 0",
    ),
    "not YAML": ("model.steps=[1", "this is not valid YAML: did not find expected ',' or ']'"),
    "tagged": ("seed=!!int 5", "the YAML tag '!!int' is not allowed"),
    "not finite": ("model.guidance=.inf", "expected a finite number, found .inf"),
}


@pytest.mark.parametrize(("text", "expected"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_a_bad_override_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD)
    (problem,) = problems(path, text)
    assert problem.startswith(f'`overrides="{text}"`: {expected}')


def test_every_class_needs_an_image_for_each_of_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    balance = (
        "attributes: {a: {values: {b: [b], c: [c], d: [d]}}, e: {values: {f: [f], g: [g], h: [h], i: [i]}}}\n"
        "balance: [{attribute: a}, {attribute: e, target: {f: 0.5, g: 0.25, h: 0.25}}]"
    )
    path.write_text(
        GOOD.replace("doctor: 10", "doctor: 9").replace("{count: 10}", "{count: 8}").replace("seed: 0", balance)
    )
    message = "8 images cannot fill the 9 cells that 'balance' makes of a class; expected at least 9"
    assert problems(path) == [f"8:17: classes.chef.count: {message}"]


@pytest.mark.parametrize("value", [float("nan"), [1, float("inf")], {"at": ({"x": float("-inf")},)}])
def test_an_argument_of_a_measure_is_finite_also_where_no_file_was_read(value: object) -> None:
    assert MeasureFilter.model_validate({"by": [1.5, {"at": 2}]}).arguments == {"by": [1.5, {"at": 2}]}
    with pytest.raises(ValidationError, match="by: expected finite numbers"):
        MeasureFilter.model_validate({"by": value})


@pytest.mark.parametrize(
    ("entropy", "expected"),
    [
        ("[0.1]", "missing entry 2 of the list, found [0.1]"),
        ("[]", "missing entry 1 of the list, found an empty list"),
        ("[0.1, 0.5, 0.9]", "expected at most 2 entries, found [0.1, 0.5, 0.9]"),
        ("0.5", "expected a list, found 0.5"),
    ],
)
def test_a_pair_of_other_length_is_refused_at_its_place(tmp_path: Path, entropy: str, expected: str) -> None:
    file, learner = tmp_path / "spec.yaml", f"learner: {{model: a.safetensors, entropy: {entropy}}}"
    file.write_text(GOOD.replace("label: {min_posterior: 0.6}", learner))
    assert f"filters.learner.entropy: {expected}" in problems(file)[0]
