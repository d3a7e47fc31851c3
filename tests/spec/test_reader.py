import subprocess
import sys
import time
from pathlib import Path

import pytest

from synthgen.errors import SpecError
from synthgen.spec import BUNDLED_JUDGE, DEFAULT_JUDGE, Spec, parse_spec, read_spec, starter_spec

MINIMAL = """
synthgen: 1
name: pets
model: {id: owner/name}
classes: {cat: 2, dog: {count: 3}}
prompts: {templates: ["a {class}"]}
"""


def test_a_minimal_spec_has_every_default() -> None:
    spec = parse_spec(MINIMAL)
    assert spec.total == 5
    assert spec.classes["cat"].count == 2
    assert spec.prompts.templates == {"a {class}": 1.0}
    assert spec.output.splits == {"train": 0.9, "test": 0.1}
    assert spec.budget.attempts_per_image == 8
    assert spec.filters.label is None


@pytest.mark.parametrize(("model", "judge"), [("bundled:workers", BUNDLED_JUDGE), ("owner/name", DEFAULT_JUDGE)])
def test_the_judge_goes_with_the_model(model: str, judge: str) -> None:
    text = MINIMAL.replace("owner/name", f'"{model}"').replace("cat", "chef").replace("dog", "nurse")
    assert parse_spec(text).canonical()["judge"] == {"id": judge}


def test_specs_that_mean_the_same_have_the_same_canonical_form() -> None:
    longer = MINIMAL.replace("cat: 2", "cat: {count: 0x2}").replace('["a {class}"]', '{"a {class}": 1}')
    assert parse_spec(longer + "seed: 0\ntask: text-to-image\n").canonical() == parse_spec(MINIMAL).canonical()


def test_a_spec_can_be_read_back_from_its_canonical_form() -> None:
    spec = parse_spec(MINIMAL)
    assert Spec.model_validate(spec.canonical()) == spec


def test_overrides_are_yaml_and_make_what_is_missing() -> None:
    spec = parse_spec(MINIMAL, overrides=["model.steps=1_0", "filters.label={min_posterior: 0.7}", "classes.dog=4"])
    assert spec.model.steps == 10
    assert spec.filters.label is not None
    assert spec.filters.label.min_posterior == 0.7
    assert spec.classes["dog"].count == 4


def test_an_override_reaches_into_lists_and_under_empty_keys() -> None:
    spec = parse_spec(
        MINIMAL + "filters:\n", overrides=["prompts.templates.0=one {class}", "filters.clip.min_score=0.3"]
    )
    assert list(spec.prompts.templates or ()) == ["one {class}"]
    assert spec.filters.clip is not None


def test_the_later_override_wins() -> None:
    assert parse_spec(MINIMAL, overrides=["seed=1", "seed=2"]).seed == 2


def test_simple_aliases_are_allowed() -> None:
    spec = parse_spec(MINIMAL.replace("cat: 2, dog: {count: 3}", "cat: &n {count: 3}, dog: *n"))
    assert spec.classes["cat"] == spec.classes["dog"]


def test_an_override_changes_one_use_of_an_alias_only() -> None:
    text = MINIMAL.replace("cat: 2, dog: {count: 3}", "cat: &n {count: 3}, dog: *n")
    spec = parse_spec(text, overrides=["classes.dog.count=4"])
    assert [kind.count for kind in spec.classes.values()] == [3, 4]


def test_a_class_may_have_templates_of_its_own() -> None:
    text = MINIMAL.replace("cat: 2", 'cat: {count: 2, templates: {"a small tiger": 2}}')
    spec = parse_spec(text)
    assert [(template.render({}), weight) for template, weight in spec.templates_of("cat")] == [("a small tiger", 2.0)]
    assert [template.text for template, _ in spec.templates_of("dog")] == ["a {class}"]


def test_prompts_may_be_left_out_if_every_class_has_templates() -> None:
    text = MINIMAL.replace("cat: 2, dog: {count: 3}", "cat: {count: 2, templates: [a cat]}")
    assert parse_spec(text.replace('prompts: {templates: ["a {class}"]}', "")).total == 2


def test_a_class_without_any_template_is_a_problem() -> None:
    with pytest.raises(SpecError, match="1:1: missing key 'prompts'"):
        parse_spec(MINIMAL.strip().replace('prompts: {templates: ["a {class}"]}', ""))


@pytest.mark.parametrize("key", ["count", "definition", "list", "<list>", "[key]", "<mapping>", "int"])
def test_a_class_may_be_called_like_a_key_of_the_format(key: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(MINIMAL.replace("cat: 2", f'"{key}": {{cuont: 2}}'))
    assert [problem.message for problem in caught.value.problems] == [
        f"classes.{key}: missing key 'count'",
        f"classes.{key}: unknown key 'cuont'; did you mean 'count'?",
    ]


@pytest.mark.parametrize("written", ["1:30", "2024-01-01", "1.2.3", "0o7", "nUll"])
def test_what_only_looks_like_a_number_stays_text(written: str) -> None:
    spec = parse_spec(MINIMAL.replace("cat: 2", f'"{written}": 2').replace("dog:", f"{written}x:"))
    assert written in spec.classes
    with pytest.raises(SpecError, match="found the text"):
        parse_spec(MINIMAL, overrides=[f"seed={written}"])


@pytest.mark.parametrize(
    ("written", "value"), [("1e3", 1000.0), ("0x10", 16.0), ("+5", 5.0), (".5", 0.5), ("1_0", 10.0)]
)
def test_numbers_are_read_as_people_write_them(written: str, value: float) -> None:
    spec = parse_spec(MINIMAL, overrides=[f"prompts.templates={{'a {{class}}': {written}}}"])
    assert spec.prompts.templates == {"a {class}": value}


def test_five_thousand_classes_are_read_quickly() -> None:
    classes = "".join(f"  class {i}: {{count: 5, definition: thing number {i}}}\n" for i in range(5000))
    head = "synthgen: 1\nname: many\nmodel: {id: a/b}\nprompts: {templates: ['{class}']}\n"
    text = f"{head}classes:\n{classes}"
    start = time.process_time()
    assert parse_spec(text).total == 25_000
    assert time.process_time() - start < 4  # 0.5 s alone; coverage makes it four times slower


def test_five_thousand_problems_are_found_quickly() -> None:
    classes = "".join(f"  class {i}: {{cuont: 5}}\n" for i in range(5000))
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        parse_spec(f"synthgen: 1\nname: many\nmodel: {{id: a/b}}\nclasses:\n{classes}")
    assert len(caught.value.problems) == 10_001
    assert time.process_time() - start < 4


def test_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(MINIMAL.replace("\n", "\r\n").encode())
    assert read_spec(path).name == "pets"


def test_the_starter_is_a_spec_with_a_schema_line() -> None:
    assert parse_spec(starter_spec("my-data")).name == "my-data"
    assert "# yaml-language-server: $schema=s.json\n" in starter_spec("x", schema="s.json")


def test_reading_specs_needs_neither_torch_nor_pandas() -> None:
    code = "import sys, synthgen.spec; print({'torch', 'pandas', 'numpy', 'diffusers'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("short", "long", "overrides"),
    [
        ("dog: 2", "dog: {count: 2}", ["classes.dog.count=4"]),
        ("dog: 2", "dog: {count: 2}", ["classes.dog.definition=a wolf"]),
        ('["a {class}", "b {class}"]', '{"a {class}": 1, "b {class}": 1}', ["prompts.templates.b {class}=3"]),
    ],
)
def test_overrides_enter_short_forms_as_the_long_ones(short: str, long: str, overrides: list[str]) -> None:
    text = (
        'synthgen: 1\nname: x\nmodel: {id: a/b}\nclasses: {dog: 2}\nprompts: {templates: ["a {class}", "b {class}"]}\n'
    )
    assert short in text
    changed = parse_spec(text, overrides=overrides)
    assert changed == parse_spec(text.replace(short, long), overrides=overrides)
    assert changed != parse_spec(text)
