"""Prompts with conditions, ranges, several values and files: which there are, and how they are drawn."""
# ruff: noqa: E501 - a table reads best with a row to a line

import hashlib
import json
import random
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import SpecError
from synthgen.planning import Revisions, draw_candidate, first_candidates, make_plan, prompts_for
from synthgen.planning.numbering import number_of_turn
from synthgen.spec import Spec, parse_spec, read_spec, spaces_of
from synthgen.spec.inflections import in_plural, with_article
from synthgen.spec.prompting import PromptSpace
from synthgen.spec.rules import Offer, VariableRule, range_of

HEAD = 'synthgen: 1\nname: x\nmodel: {id: "owner/name"}\n'
SHOP = (
    HEAD
    + """\
classes:
  chef: {count: 60, variables: {tool: [knife, pan]}, negative_prompt: blurred}
  nurse: 60
prompts:
  templates:
    "a {class} of {age} with a {tool} {beard}, {gender}": {when: {gender: man}, weight: 2}
    "{a:class}, {gender}, with a {hat}": 1
  variables:
    age: {range: [20, 30], step: 5}
    tool: [hammer, saw]
    gender: [man, woman]
    beard: {values: [and a beard], when: {class: chef}, otherwise: ""}
    hat: {values: {toque: {when: {class: chef}}, cap: 2, veil: {weight: 3, when: {gender: woman}}}}
"""
)


def prompts(text: str, count: int = 200) -> dict[str, set[str]]:
    """The prompts of some candidates, by class."""
    found: dict[str, set[str]] = {}
    for one in first_candidates(make_plan(parse_spec(text), Revisions("a", "b")), count):
        found.setdefault(one.class_name, set()).add(one.prompt)
    return found


def test_candidates_of_specs_without_conditions_are_those_of_earlier_versions() -> None:
    text = HEAD + (
        "classes: {cat: 100, dog: {count: 30, templates: {'a dog {b} {a} {{x}}': 2, dog: 1}}}\n"
        "prompts: {templates: {'a {class} {a} {a} {b}': 2, '{b} {class}': 1.5, '{class}': 1}, "
        "variables: {a: {x: 1, y: 2.5}, b: [p, q, r]}}\n"
    )
    plan = make_plan(parse_spec(text), Revisions("a", "b"))
    seen = hashlib.sha256(plan.fingerprint.encode())
    for attempt in range(100):
        one = draw_candidate(plan, 0, attempt, plan.cells[attempt % 2])
        seen.update(repr((one.prompt, one.variables, one.template, one.seed)).encode())
    assert seen.hexdigest() == "9e1ce60406cf4954c45699281da53fc4499f2c3e37700a6ce85bd2486f5d27cc"


def test_conditions_decide_which_prompts_there_are() -> None:
    found = prompts(SHOP)
    chefs = {f"a chef of {age} with a {tool} and a beard, man" for age in (20, 25, 30) for tool in ("knife", "pan")}
    chefs |= {f"a chef, {who}, with a {hat}" for who in ("man", "woman") for hat in ("toque", "cap")}
    nurses = {f"a nurse of {age} with a {tool}, man" for age in (20, 25, 30) for tool in ("hammer", "saw")}
    nurses |= {"a nurse, man, with a cap", "a nurse, woman, with a cap", "a nurse, woman, with a veil"}
    assert found == {"chef": chefs | {"a chef, woman, with a veil"}, "nurse": nurses}
    spec = parse_spec(SHOP)
    plan = make_plan(spec, Revisions("a", "b"))
    assert {cell.name: prompts_for(spec, cell) for cell in plan.cells} == {"chef": 11, "nurse": 9}
    assert Spec.model_validate_json(json.dumps(spec.canonical())) == spec


def test_a_class_has_its_own_negative_prompt_and_the_others_that_of_the_model() -> None:
    spec = parse_spec(SHOP, overrides=["model.negative_prompt=ugly"])
    found = {(one.class_name, one.negative_prompt) for one in first_candidates(make_plan(spec, Revisions("a", "b")), 8)}
    assert found == {("chef", "blurred"), ("nurse", "ugly")}


VALUES = st.lists(st.sampled_from("pqrst"), min_size=1, max_size=4, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, VariableRule]:
    """Variables a, b, c and d, of which each may depend on those before it."""
    found: dict[str, VariableRule] = {}
    for name in "abcd":
        before = draw(st.lists(st.sampled_from(sorted(found)), max_size=2, unique=True)) if found else []
        when = {other: frozenset(draw(VALUES)) for other in before}
        options = tuple(
            Offer(text, 1.0, {other: frozenset(draw(VALUES)) for other in before if draw(st.booleans())})
            for text in draw(VALUES)
        )
        found[name] = VariableRule(name, options, when, draw(st.sampled_from([None, "z"])) if when else None)
    return found


def by_hand(rules: dict[str, VariableRule]) -> set[tuple[str, ...]]:
    """Every combination of values in which all conditions hold, found by trying all of them."""
    texts = [
        [*(option.text for option in rule.options), *([rule.otherwise] if rule.otherwise else [])]
        for rule in rules.values()
    ]
    found = set()
    for combination in product(*texts):
        values = dict(zip(rules, combination, strict=True))

        def holds(when: Any, values: Any = values) -> bool:
            return all(values[name] in allowed for name, allowed in when.items())

        def fits(rule: VariableRule, holds: Any = holds, values: Any = values) -> bool:
            offered = [option.text for option in rule.options if holds(rule.when) and holds(option.when)]
            return values[rule.name] in (offered or [rule.otherwise or "-"])

        if all(map(fits, rules.values())):
            found.add(combination)
    return found


@settings(max_examples=80, deadline=None)
@given(rules(), st.integers(0, 10**6))
def test_prompts_are_counted_numbered_and_drawn_as_trying_all_values_says(
    rules: dict[str, VariableRule], seed: int
) -> None:
    space = PromptSpace(Offer("{d} {c} {b} {a}", 1.0, {}), rules, "chef")
    expected = by_hand(rules)

    def combination(values: Any) -> tuple[str, ...]:
        return tuple(values[name] for name in "abcd")

    assert space.count() == len(expected)
    assert {combination(space.numbered(number)) for number in range(space.count())} == expected
    if expected:
        assert combination(space.draw(random.Random(seed))) in expected


def test_several_values_are_drawn_without_repetition() -> None:
    text = HEAD + "classes: {chef: 9}\nprompts: {templates: [%s], variables: {item: {values: [a, b, c, d], pick: 3}}}\n"
    alone = {f"chef {x}, {y} and {z}" for x, y, z in permutations("abcd", 3)}
    assert prompts(text % "'{class} {item}'", 400) == {"chef": alone}
    apart = {f"chef {x} {y} {z}" for x, y, z in permutations("abcd", 3)}
    assert prompts(text % "'{class} {item} {item} {item}'", 400) == {"chef": apart}
    (space,) = spaces_of(parse_spec(text % "'{class} {item}'"), "chef", {})
    assert len({str(space.numbered(number)) for number in range(space.count())}) == space.count() == 24


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"range": [18, 21]}, ["18", "19", "20", "21"]),
        ({"range": [1, 10], "step": 4}, ["1", "5", "9"]),
        ({"range": [1.4, 2], "step": 0.2}, ["1.4", "1.6", "1.8", "2.0"]),
        ({"range": [0, 0.3], "decimals": 1}, ["0.0", "0.1", "0.2", "0.3"]),
        ({"range": [-1, 1], "step": 0.5, "decimals": 2}, ["-1.00", "-0.50", "0.00", "0.50", "1.00"]),
        ({"range": [5, 5]}, ["5"]),
    ],
)
def test_ranges_are_exact(variable: dict[str, object], expected: list[str]) -> None:
    assert range_of(variable) == expected


def test_inflect_is_imported_without_seconds_of_rewriting_itself() -> None:
    import inflect
    import typeguard

    assert with_article("owl") == "an owl"
    assert "check_argument_types" not in inflect.engine.a.__code__.co_names
    assert typeguard.typechecked.__module__ == "typeguard", "others get the real one"


def test_a_suffix_ends_every_prompt_and_an_article_fits_its_noun() -> None:
    text = (
        HEAD
        + "classes: {owl: 4, unicorn: 4}\nprompts: {templates: ['{a:class} and {plural:class}'], suffix: [oil, ink]}\n"
    )
    assert prompts(text) == {
        "owl": {"an owl and owls, oil", "an owl and owls, ink"},
        "unicorn": {"a unicorn and unicorns, oil", "a unicorn and unicorns, ink"},
    }
    assert [with_article(word) for word in ("hour", "8-ball", "18 km", "élan", "X-ray")] == [
        "an hour", "an 8-ball", "an 18 km", "an élan", "an X-ray"
    ]  # fmt: skip
    assert [in_plural(word) for word in ("bus", "lens", "child", "scissors", "man with a hat")] == [
        "buses", "lenses", "children", "scissors", "men with hats"
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(total=st.integers(1, 400), shard_size=st.integers(1, 60), seed=st.integers(0, 99))
def test_every_prompt_comes_once_before_any_comes_again(total: int, shard_size: int, seed: int) -> None:
    spec = parse_spec(
        f"{HEAD}classes: {{chef: 120}}\nseed: {seed}\noutput: {{shard_size: {shard_size}}}\n"
        f"prompts: {{templates: ['{{class}} {{n}}'], variables: {{n: {{range: [1, {total}]}}}}, sampling: combinatorial}}\n"
    )
    plan = make_plan(spec, Revisions("a", "b"))
    shards, each = plan.shard_count, -(-total // plan.shard_count)
    first = [
        number_of_turn(plan, shard, turn, "chef", total) for shard in range(shards) for turn in range(total // shards)
    ]
    assert len(set(first)) == len(first)
    assert set(first) <= set(range(total))
    for shard in (0, shards - 1):
        whole = [number_of_turn(plan, shard, turn, "chef", total) for turn in range(total)]
        assert sorted(whole) == list(range(total)), "a shard alone comes to all of them"
    assert each * shards >= total


def test_a_combinatorial_run_draws_each_prompt_once() -> None:
    text = (
        HEAD
        + "classes: {a: 6, b: 6}\nprompts: {templates: ['{class} {x}', '{class} {x} {y}'], sampling: combinatorial, "
    )
    text += "variables: {x: [p, q], y: [r, s]}}\n"
    drawn = [one.prompt for one in first_candidates(make_plan(parse_spec(text), Revisions("a", "b")), 12)]
    assert len(set(drawn)) == 12


@pytest.mark.parametrize(
    ("file", "content", "variable", "expected"),
    [
        ("v.txt", b"\xef\xbb\xbfred\n\n blue \nred\n", "{file: v.txt}", {"red": 2.0, "blue": 1.0}),
        ("v.csv", b"id,colour\n1,red\n2,\n3,'light, blue'\n".replace(b"'", b'"'), "{file: v.csv, column: colour}", {"red": 1.0, "light, blue": 1.0}),
    ],
)  # fmt: skip
def test_values_come_from_a_file_beside_the_spec_and_stay_when_it_changes(
    tmp_path: Path, file: str, content: bytes, variable: str, expected: dict[str, float]
) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / file).write_bytes(content)
    text = HEAD + f"classes: {{chef: 1}}\nprompts: {{templates: ['{{class}} {{c}}'], variables: {{c: {variable}}}}}\n"
    (folder / "spec.yaml").write_text(text)
    found = read_spec(folder / "spec.yaml").canonical()
    (folder / file).unlink()
    c = found["prompts"]["variables"]["c"]
    assert c["values"] == expected
    assert (c["read_from"]["file"], c["read_from"]["sha256"]) == (file, hashlib.sha256(content).hexdigest())
    assert Spec.model_validate_json(json.dumps(found)).canonical() == found


def test_values_come_from_a_column_of_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"c": ["x", None, "y", "x"], "n": [1.5, 2.0, 3.0, 4.0]}), tmp_path / "v.parquet")
    text = (
        HEAD
        + "classes: {chef: 1}\nprompts: {templates: ['{class} {c}'], variables: {c: {file: v.parquet, column: %s}}}\n"
    )
    (tmp_path / "spec.yaml").write_text(text % "c")
    assert read_spec(tmp_path / "spec.yaml").canonical()["prompts"]["variables"]["c"]["values"] == {"x": 2.0, "y": 1.0}
    (tmp_path / "spec.yaml").write_text(text % "n")
    with pytest.raises(SpecError, match="the column 'n' holds double; expected text or whole numbers"):
        read_spec(tmp_path / "spec.yaml")


BAD = HEAD + "classes: {chef: 10, nurse: 10}\nprompts:\n  templates: %s\n  variables: %s\n%s"
CONDITIONS: dict[str, tuple[str, str, str, str]] = {
    "unknown class": ('["{class} {a}"]', "{a: {values: [x], when: {class: cheff}}}", "", "prompts.variables.a.when.class: there is no class 'cheff', so this can never hold; did you mean 'chef'?"),
    "unknown variable": ('["{class} {a}"]', "{a: {values: [x], when: {klass: chef}}}", "", "prompts.variables.a.when.klass: unknown variable 'klass'"),
    "unknown value": ('["{class} {a} {b}"]', "{b: [p, q], a: {values: [x], when: {b: r}}}", "", "prompts.variables.a.when.b: there is no value of {b} 'r'"),
    "contradiction": ('["{class} {a} {b}", "{class} {b}"]', "{b: {values: {p: {when: {class: chef}}, q: 1}}, a: {values: {y: 1, x: {when: {b: p, class: nurse}}}}}", "", "prompts.variables.a.values.x: 'x' can never be used"),
    "template": ('{"{class} {b}": {when: {b: p, class: nurse}}, "{b} {class}": 1}', "{b: {values: {p: {when: {class: chef}}, q: 1}}}", "", "prompts.templates.{class} {b}: '{class} {b}' can never be used"),
    "chain": ('["{class} {a} {b} {c}"]', "{a: [x, y], b: {values: [p, q], when: {a: x}, otherwise: ''}, c: {values: [m], when: {b: p, a: y}, otherwise: ''}}", "", "prompts.variables.c.when: {c} can never be used"),
    "starved value": ('["{class} {a} {b}"]', "{a: [x, y], b: {values: [p], when: {a: x}}}", "", "prompts.variables.a.1: 'y' can never be used"),
    "starved number": ('["{class} {a} {b}"]', "{a: {range: [1, 2]}, b: {values: [p], when: {a: '1'}}}", "", "prompts.variables.a: '2' can never be used"),
    "number": ('{"{class} {a}": {when: {a: 7}}}', "{a: {range: [1, 9]}}", "", "prompts.templates.{class} {a}.when.a: expected text or 1 or more entries, found 7; put it in quotes"),
    "suffix": ('["{class} {a}"]', "{a: {values: {x: 1, y: {when: {class: nurse}}}}}\n  suffix: {oil: {when: {class: chef, a: y}}, ink: 1}", "", "prompts.suffix.oil: 'oil' can never be used"),
    "class without prompts": ('{"{class} {b}": {when: {class: nurse}}}', "{b: [p]}", "", "classes.chef: it has no prompt"),
    "circle": ('["{class} {b} {a}"]', "{b: {values: [p], when: {a: x}}, a: {values: [x], when: {b: p}}}", "", "prompts.variables.b: it depends on itself"),
    "no values": ('["{class} {a}"]', "{a: {when: {class: chef}}}", "", "prompts.variables.a: it has no values; expected one of values, range, file"),
    "unknown key": ('["{class} {a}"]', "{a: {values: [x], wehn: {class: chef}}}", "", "prompts.variables.a: unknown key 'wehn'; did you mean 'when'?"),
    "range": ('["{class} {a}"]', "{a: {range: [5, 1]}}", "", "prompts.variables.a.range: expected the smaller number first"),
    "range of fractions": ('["{class} {a}"]', "{a: {range: [0, 0.5]}}", "", "prompts.variables.a.range: a range of fractions needs 'step' or 'decimals'"),
    "endless range": ('["{class} {a}"]', "{a: {range: [0, 9999999]}}", "", "prompts.variables.a.range: it has more than 100,000 numbers"),
    "too many picked": ('["{class} {a}"]', "{a: {values: [x], pick: 2}}", "", "prompts.variables.a.pick: expected at most its 1 values, found 2"),
    "places": ('["{class} {a} {a}"]', "{a: {values: [x, y, z], pick: 3}}", "", "prompts.templates.0: {a} is there 2 times"),
    "no file": ('["{class} {a}"]', "{a: {file: nope.txt}}", "", "prompts.variables.a.file: there is no file nope.txt"),
    "column": ('["{class} {a}"]', "{a: {file: nope.csv, step: 2}}", "", "prompts.variables.a.file: there is no file nope.csv"),
    "hidden": ('["{class} {a}"]', "{g: [m, w], a: {values: {x: {when: {g: m}}, y: 1}}}\n  sampling: combinatorial", "", "prompts.sampling: '{class} {a}' does not show {g}"),
    "steered": ('["{class} {a}"]', "{a: {values: {x: 1, y: {when: {class: chef}}}}}", "attributes: {t: {values: {x: [xx], y: [yy]}, variable: a}}\nbalance: [{attribute: t}]", "balance.0.attribute: no prompt of the class 'nurse' can have 'y' as {a}"),
    "blocked suffix": ('["{class}"]', "{}\n  suffix: [bare photo]", "safety: {block: [bare]}", "prompts.templates.0: can make the prompt '… chef, bare photo"),
    "blocked plural": ('["{plural:class}"]', "{}", "safety: {block: [nurses]}", "prompts.templates.0: can make the prompt"),
    "blocked number": ('["{class} {a}"]', "{a: {range: [10, 20]}}", "safety: {block: [nurse 15]}", "prompts.templates.0: can make the prompt"),
    "blocked pick": ('["{class} {a}"]', "{a: {values: [big, gun], pick: 2}}", "safety: {block: [big and gun]}", "prompts.templates.0: can make the prompt"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONDITIONS)
def test_what_can_never_hold_or_is_not_fit_is_refused_with_its_place(case: str) -> None:
    templates, variables, more, expected = CONDITIONS[case]
    with pytest.raises(SpecError) as caught:
        parse_spec(BAD % (templates, variables, more))
    assert any(str(each).partition(": ")[2].startswith(expected) for each in caught.value.problems), caught.value
    assert all(each.line for each in caught.value.problems)


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ("[x, y]", "{when: {class: chef}}", {"values": {"x": 1.0, "y": 1.0}, "when": {"class": ["chef"]}}),
        ("{range: [1, 5], step: 2}", "[x]", {"x": 1.0}),
        ("{range: [1, 5], step: 2}", "{step: 4}", {"range": [1, 5], "step": 4.0}),
        ("{range: [1, 5], step: 2, otherwise: q, when: {class: chef}}", "{values: [x]}", {"values": {"x": 1.0}, "otherwise": "q", "when": {"class": ["chef"]}}),
        ("{x: 1, y: 1}", "{y: 3}", {"x": 1.0, "y": 3.0}),
    ],
)  # fmt: skip
def test_a_spec_that_extends_another_merges_its_variables(
    tmp_path: Path, below: str, above: str, expected: dict[str, object]
) -> None:
    text = (
        HEAD
        + f"classes: {{chef: 1, nurse: 1}}\nprompts: {{templates: ['{{class}} {{c}}', '{{class}}'], variables: {{c: {below}}}}}\n"
    )
    (tmp_path / "base.yaml").write_text(text)
    (tmp_path / "spec.yaml").write_text(f"extends: base.yaml\nprompts:\n  variables:\n    c: {above}\n")
    found = read_spec(tmp_path / "spec.yaml").canonical()["prompts"]["variables"]["c"]
    assert {key: value for key, value in found.items() if value is not None} == expected
