"""Specs made of several sources: what they extend, variables, files, overrides, and paths."""

from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.api.dividing import split_sizes
from synthgen.errors import SpecError, UsageError
from synthgen.spec import Spec, parse_spec
from synthgen.spec.output_checks import check_output
from synthgen.spec.written import is_sealed, literal, sealed, stands_alone, written_in_full

BASE = """
synthgen: 1
name: base
vars: {STEPS: 12, WHO: person}
model:
  id: owner/name
  steps: ${STEPS}
classes: {doctor: 200, chef: {count: 40, definition: a cook}, nurse: 9}
prompts: {templates: ["a {class}", "one ${WHO:-thing}, a {class}"]}
output: {splits: {train: 0.5, test: 0.5}}
x-team: vision
metadata: {ticket: AB-1}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")
    return tmp_path


def loaded(text: str, *, name: str = "spec.yaml", **given: Any) -> Spec:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")
    return synthgen.load_spec(name, **given)


def problems(text: str, **given: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        loaded(text, **given)
    return list(map(str, caught.value.problems))


def test_mappings_are_merged_lists_replaced_and_empty_keys_removed() -> None:
    spec = loaded(
        "extends: base.yaml\nname: child\nclasses: {chef: 4, nurse: null, builder: 2}\n"
        'prompts: {templates: ["the {class}"]}\noutput: {splits: {test: null, train: 1.0}}\nmetadata: {owner: me}\n'
    )
    assert {name: kind.count for name, kind in spec.classes.items()} == {"doctor": 200, "chef": 4, "builder": 2}
    assert spec.classes["chef"].definition == "a cook"  # the short form is merged as the long one
    assert list(spec.prompts.templates or ()) == ["the {class}"]
    assert spec.output.splits == {"train": 1.0}
    assert (spec.name, spec.model.steps) == ("child", 12)
    assert spec.metadata == {"ticket": "AB-1", "owner": "me", "x-team": "vision"}


def test_a_mapping_of_weights_is_merged_with_a_list() -> None:
    spec = loaded('extends: base.yaml\nprompts: {templates: {"a {class}": 3, "new {class}": 2}}\n')
    assert spec.prompts.templates == {"a {class}": 3, "one person, a {class}": 1, "new {class}": 2}


def test_later_bases_cover_earlier_ones_and_bases_extend_others() -> None:
    Path("steps.yaml").write_text("extends: deep/more.yaml\nmodel: {steps: 7}\n", "utf-8")
    Path("deep").mkdir()
    Path("deep/more.yaml").write_text("model: {steps: 3, guidance: 1.25}\n", "utf-8")
    spec = loaded("extends: [base.yaml, steps.yaml]\n")
    assert (spec.model.steps, spec.model.guidance, spec.total) == (7, 1.25, 249)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: spec.yaml\n", "spec.yaml:1:10: extends: 'spec.yaml' extends itself: spec.yaml -> spec.yaml"),
        (
            "extends: round.yaml\n",
            "round.yaml:1:10: extends: 'spec.yaml' extends itself: spec.yaml -> round.yaml -> spec",
        ),
        ("extends: nowhere.yaml\n", "spec.yaml:1:10: extends: nowhere.yaml: file not found"),
        ("extends: /etc/hostname\n", "spec.yaml:1:10: extends: '/etc/hostname' is outside the spec's folder"),
        ("extends: ../elsewhere.yaml\n", "is outside the spec's folder and the working folder"),
        ("extends: link.yaml\n", "'link.yaml' is outside the spec's folder"),
        ("extends: pipe.yaml\n", "'pipe.yaml' is not a file"),
        ("extends: [base.yaml, 3]\n", "spec.yaml:1:22: extends: expected the name of a spec's file, found 3"),
        ("extends: 3\n", "spec.yaml:1:10: extends: expected the name of a spec's file, or a list of them, found 3"),
        ("extends: []\n", "found an empty list"),
        ("extends: broken.yaml\n", "broken.yaml:2:1: this is not valid YAML"),
        ("extends: base.yaml\nmodel: {steps: many}\n", "spec.yaml:2:16: model.steps: expected a whole number"),
        ("extends: faulty.yaml\n", "faulty.yaml:3:16: model.steps: expected at most 1000, found 4000"),
        ("extends: secret.yaml\n", "secret.yaml:1:19: the address contains a user name"),
    ],
)
def test_a_base_that_cannot_be_used_is_named_where_it_stands(text: str, expected: str, folder: Path) -> None:
    import os

    Path("round.yaml").write_text("extends: spec.yaml\n", "utf-8")
    Path("broken.yaml").write_text("model: {id: [\n", "utf-8")
    Path("faulty.yaml").write_text("extends: base.yaml\nseed: 2\nmodel: {steps: 4000}\n", "utf-8")
    Path("secret.yaml").write_text("name: x # https://me:pass@host/x\n", "utf-8")
    Path("link.yaml").symlink_to("/etc/hostname")
    os.mkfifo("pipe.yaml")
    assert any(expected in problem for problem in problems(text)), problems(text)


def test_a_long_chain_of_bases_is_refused() -> None:
    for number in range(40):
        Path(f"s{number}.yaml").write_text(f"extends: s{number + 1}.yaml\n", "utf-8")
    assert "too many specs extend each other" in problems("extends: s0.yaml\n")[0]


@pytest.mark.parametrize(
    ("given", "steps", "template"),
    [({}, 12, "one person, a {class}"), ({"STEPS": "3", "WHO": ""}, 3, "one , a {class}")],
)
def test_variables_have_their_value_from_the_spec_or_the_call(given: dict[str, str], steps: int, template: str) -> None:
    spec = loaded("extends: base.yaml\n", variables=given)
    assert (spec.model.steps, list(spec.prompts.templates or ())[1]) == (steps, template)


def test_variables_fill_keys_and_escapes_stay_and_values_are_not_filled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_NAME", "from-outside")
    spec = loaded(
        "extends: base.yaml\n"
        "vars: {KIND: builder, PRICE: '$${x}${KIND}', OUT: {env: MY_NAME}, NONE: {env: NOT_THERE, default: 0x10}}\n"
        "name: ${OUT}\nseed: ${NONE}\nclasses:\n  ${KIND}: 3\n"
        "metadata:\n  a: $${STEPS}\n  b: '${PRICE}'\n  c: ${UNSET:-2}\n  d: '${UNSET:-2}'\n"
    )
    assert (spec.name, spec.seed, spec.classes["builder"].count) == ("from-outside", 16, 3)
    assert spec.metadata["a"] == "${STEPS}"
    assert spec.metadata["b"] == "$${x}${KIND}"
    assert (spec.metadata["c"], spec.metadata["d"]) == (2, "2")


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("name: ${NAME}", {}, "spec.yaml:2:7: the variable 'NAME' is not defined"),
        ("name: ${}", {}, "expected ${NAME} or ${NAME:-default}"),
        ("name: ${A:-${B}}", {}, "expected ${NAME} or ${NAME:-default}"),
        ("name: ${HOME}", {}, "the variable 'HOME' is not defined"),
        ("vars: {N: {env: NOT_THERE}}\nname: ${N}", {}, "'N' has no value: its environment variable is not set"),
        ("vars: {N: {env: HF_TOKEN}}\nname: ${N}", {}, "spec.yaml:2:17: vars.N: HF_TOKEN looks like a secret"),
        ("vars: {N: {env: MY_PASSPHRASE}}", {}, "looks like a secret"),
        ("vars: [N]", {}, "vars: expected values by name"),
        ("vars: {N: [1]}", {}, "vars.N: expected a value or {env: NAME}, found [1]"),
        ("vars: {N: {default: 1}}", {}, "vars.N: missing key 'env'"),
        ("vars: {a b: 1}", {}, "expected a name of letters, digits and '_', found 'a b'"),
        ("model: {steps: ${STEPS}}", {}, "write the key on a line of its own, or quote a text"),
        ("name: x", {"NOBODY": "1"}, "the spec has no variable 'NOBODY'; its variables: STEPS, WHO"),
        ("name: x", {"WHO": "a\x1b[2J"}, "its value contains the control character U+001B"),
        ("name: x", {"WHO": "x" * 10_001}, "more than 10,000 characters"),
        ("name: x", {"WHO": "https://me:pass@host/"}, "the address contains a user name, a password or a token"),
        ("classes: {'${WHO}': 1, person: 2}", {}, "duplicate key 'person' after ${...} is filled in"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(text: str, variables: dict[str, str], expected: str) -> None:
    found = problems(f"extends: base.yaml\n{text}\n", variables=variables)
    assert any(expected in problem for problem in found), found


def test_variables_cannot_make_a_spec_endless() -> None:
    many = "".join(f"  k{number}: '{'${V}' * 100}'\n" for number in range(100))
    assert "too large" in problems(f"extends: base.yaml\nmetadata:\n{many}", variables={"V": "x" * 10_000})[0]


def test_files_give_values_and_are_covered_by_overrides() -> None:
    Path("prompts.txt").write_text("a {class} in rain\n\n  a {class} in snow \n", "utf-8")
    Path("classes.json").write_text('{"chef": 3}', "utf-8")
    Path("more.yaml").write_text("model: {steps: 5, guidance: 1.5}\nclasses: {nurse: null}\n", "utf-8")
    spec = loaded(
        "extends: base.yaml\n",
        files=["prompts.templates=prompts.txt", "more.yaml", "classes=classes.json"],
        overrides=["model.steps=6"],
    )
    assert list(spec.prompts.templates or ()) == ["a {class} in rain", "a {class} in snow"]
    assert (spec.model.steps, spec.model.guidance) == (6, 1.5)
    assert list(spec.classes) == ["chef"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("model.steps=nowhere.yaml", "nowhere.yaml: file not found"),
        ("model.steps=base.csv", "expected a file that ends in .yaml, .yml, .json, .txt"),
        ("prompts.txt", "expected a file that ends in .yaml, .yml, .json"),
        ("model..steps=base.yaml", "expected KEY=FILE"),
        ("model.steps=steps.yaml", "steps.yaml:1:1: model.steps: expected a whole number"),
        ("prompts.templates=empty.txt", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(given: str, expected: str) -> None:
    Path("steps.yaml").write_text("twelve\n", "utf-8")
    Path("empty.txt").write_text("\n", "utf-8")
    found = problems("extends: base.yaml\n", files=[given])
    assert any(expected in problem for problem in found), found


def test_paths_are_relative_to_the_file_that_names_them() -> None:
    Path("sets/deep").mkdir(parents=True)
    shares = "sex\nwoman\nwoman\nman\n"
    for place in ("sets/shares.csv", "sets/deep/shares.csv"):
        Path(place).write_text(shares, "utf-8")
    wordings = "{woman: [a woman], man: [a man]}"
    Path("sets/base.yaml").write_text(
        f"attributes: {{sex: {{values: {wordings}}}}}\nbalance: [{{attribute: sex, target: {{from: shares.csv}}}}]\n"
        "model: {id: ./net}\njudge: {id: local-dir:judge}\n"
    )
    text = 'synthgen: 1\nname: x\nclasses: {chef: 3}\nprompts: {templates: ["a {class}"]}\n'
    spec = loaded(f"extends: ../base.yaml\n{text}", name="sets/deep/spec.yaml")
    assert spec.balance[0].target == {"woman": 2 / 3, "man": 1 / 3}
    assert (spec.model.id, spec.judge.id) == ("./sets/net", "local-dir:sets/judge")
    here = loaded(
        f"extends: ../base.yaml\n{text}", name="sets/deep/spec.yaml", overrides=["model.id=./other", "judge.id=a/b"]
    )
    assert (here.model.id, here.judge.id) == ("./other", "a/b")


def test_a_missing_file_of_a_base_is_blamed_on_the_base() -> None:
    Path("sets").mkdir()
    Path("sets/base.yaml").write_text("filters:\n  label: {calibration: nowhere.json}\n", "utf-8")
    (found,) = problems("extends: [base.yaml, sets/base.yaml]\n")
    assert found.startswith("sets/base.yaml:2:24: filters.label.calibration: there is no file sets/nowhere.json in ")


@pytest.mark.parametrize(
    ("limit", "scale", "expected"),
    [
        (3, None, {"doctor": 1, "chef": 1, "nurse": 1}),
        (10, None, {"doctor": 7, "chef": 2, "nurse": 1}),
        (25, None, {"doctor": 20, "chef": 4, "nurse": 1}),
        (83, None, {"doctor": 67, "chef": 13, "nurse": 3}),
        (10_000, None, {"doctor": 200, "chef": 40, "nurse": 9}),
        (None, 0.01, {"doctor": 2, "chef": 1, "nurse": 1}),
        (None, 1, {"doctor": 200, "chef": 40, "nurse": 9}),
        (None, 0.07, {"doctor": 14, "chef": 3, "nurse": 1}),
    ],
)
def test_a_smaller_spec_keeps_its_proportions(limit: int, scale: float, expected: dict[str, int]) -> None:
    spec = synthgen.load_spec("base.yaml", limit=limit, scale=scale)
    assert {name: kind.count for name, kind in spec.classes.items()} == expected


@pytest.mark.parametrize(
    ("sizes", "scale", "expected"),
    [
        ({"train": 70, "val": 20, "test": 10}, 0.1, {"train": 7, "val": 2, "test": 1}),
        ({"train": 80, "val": 10, "test": 10}, 0.1, {"train": 8, "val": 1, "test": 1}),
        ({"train": 97, "val": 2, "test": "rest"}, 0.1, {"train": 8, "val": 1, "test": 1}),
        ({"train": 0.5, "val": "rest", "test": 25}, 0.2, {"train": 10, "val": 5, "test": 5}),
        ({"train": 33, "val": 33, "test": 34}, 0.5, {"train": 17, "val": 16, "test": 17}),
        ({"train": 70, "val": 20, "test": 10}, 0.02, {"train": 2, "val": 0, "test": 0}),
    ],
)
def test_a_smaller_spec_has_splits_in_the_same_proportions(
    sizes: dict[str, Any], scale: float, expected: dict[str, int]
) -> None:
    kinds = {"doctor": 50, "chef": 50} if scale != 0.1 else {"doctor": 40, "chef": 30, "nurse": 30}
    given = {
        "synthgen": 1,
        "name": "small",
        "model": {"id": "owner/name"},
        "classes": kinds,
        "prompts": {"templates": ["a {class}"]},
        "output": {"splits": sizes},
    }
    spec = synthgen.load_spec(given, scale=scale)
    counts = split_sizes(spec)
    assert {split: sum(count[split] for count in counts.values()) for split in sizes} == expected
    assert not [*check_output(spec.model_dump())]


@pytest.mark.parametrize(
    "given", [{"limit": 2}, {"limit": 0}, {"scale": 0}, {"scale": 1.5}, {"limit": 3, "scale": 0.5}]
)
def test_a_size_that_cannot_be_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        synthgen.load_spec("base.yaml", **given)  # type: ignore[arg-type]


def test_what_is_written_in_full_reads_as_the_same_spec() -> None:
    spec = loaded("extends: base.yaml\nmetadata: {price: '$${x}', '$${y}': ['$${z}']}\n")
    again = parse_spec(written_in_full(spec))
    assert again == spec
    assert again.metadata["price"] == "${x}"
    assert literal({"${a}": {"b": ["${c}", 1]}}) == {"$${a}": {"b": ["$${c}", 1]}}


def test_a_text_stands_alone_unless_something_is_worked_into_it() -> None:
    text = BASE.replace("vars: {STEPS: 12, WHO: person}\n", "")
    assert stands_alone(text)
    assert not any(map(stands_alone, (BASE, f"extends: a\n{text}", f'# override: "seed=1"\n{text}')))


def test_a_sealed_text_shows_every_edit() -> None:
    text = sealed("name: a\n")
    assert is_sealed(text)
    assert not any(
        map(is_sealed, (text + " ", text.replace("name: a", "name: b"), text.replace("sha256", "sha25"), ""))
    )
