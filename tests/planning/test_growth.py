"""What a run takes from a changed spec, and what it refuses. Pure."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.planning import Addition, Plan, Revisions, growth_of, make_plan
from synthgen.planning.growth import FREE, LOOKED_AT, REFUSED
from synthgen.spec import Spec, parse_spec

SPEC = """\
synthgen: 1
name: grow
model: {id: owner/name, steps: 20}
classes: {doctor: 6, chef: {count: 5, definition: a cook}}
prompts:
  templates: ["a {mood} {class}", "a {class}"]
  variables: {mood: [happy, sad]}
attributes:
  tint: {values: {red: ["a red picture"], blue: ["a blue picture"]}}
balance: [{attribute: tint}]
filters: {quality: {}, label: {min_posterior: 0.4}, duplicates: {}}
budget: {attempts_per_image: 4}
output: {shard_size: 4}
"""
TAKEN = {
    "a class more": ["classes.nurse=3"],
    "more images": ["classes.doctor=9"],
    "a value of a variable": ["prompts.variables.mood=[happy, sad, tired]"],
    "a template": ['prompts.templates=["a {mood} {class}", "a {class}", "one {class}"]'],
    "templates of a class": ['classes.doctor={count: 6, templates: ["a doctor"]}'],
    "a budget": ["budget.attempts_per_image=9"],
    "a shard size": ["output.shard_size=3"],
    "a looser filter": ["filters.label.min_posterior=0.3"],
    "no quality filter": ["filters.quality=null"],
    "blocked words": ["safety.block=[gun]"],
}
REFUSED_CHANGES = {
    "model.steps: 20 -> 30: existing images were made by": ["model.steps=30"],
    "model.size: null -> 32: existing images were made by": ["model.size=32"],
    "judge.id: ": ["judge.id=ViT-B-32/openai"],
    "attributes.tint.values.red: ": ["attributes.tint.values.red=[a very red picture]"],
    "attributes.hair.values.long: (absent) -> ": ["attributes.hair={values: {long: [x], short: [y]}}"],
    "balance: ": ["balance=[]"],
    "seed: 0 -> 1: ": ["seed=1"],
    'classes.chef.definition: "a cook" -> "a baker": existing images were judged by': [
        "classes.chef.definition=a baker"
    ],
    "classes.doctor.count: 6 -> 5: the run has more images": ["classes.doctor=5"],
    "filters.duplicates.max_bits: 8 -> 9: existing images were judged by": ["filters.duplicates.max_bits=9"],
    "filters.label.none_of_these: ": ["filters.label.none_of_these=[a blur]"],
    "safety.reject: ": ["safety.reject=[a gun]"],
    "label_posterior of doctor: at least 0.4 -> at least 0.5: existing images may fail": [
        "filters.label.min_posterior=0.5"
    ],
    "clip_score of doctor: no limit -> at least 0.2: existing images may fail": ["filters.clip={}"],
}


def plan_of(*overrides: str, text: str = SPEC) -> Plan:
    return make_plan(parse_spec(text, overrides=overrides), Revisions("generator", "judge"))


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN)
def test_what_leaves_existing_images_valid_is_taken_by_new_shards_alone(changes: list[str]) -> None:
    there, wanted = plan_of(), plan_of(*changes, "classes.chef.count=7")
    growth = growth_of(there, wanted, "the text")
    assert growth.addition is not None
    grown = there.extended(growth.addition)
    assert grown.spec == wanted.spec
    assert not grown.differences(wanted)
    assert grown.fingerprint == there.fingerprint, "what was made before stays valid"
    assert [grown.shard(index) for index in range(there.shard_count)] == [
        there.shard(index) for index in range(there.shard_count)
    ]
    assert grown.part_of(there.shard_count - 1).spec == (there.spec if growth.addition.spec else grown.spec)
    assert grown.part_of(grown.shard_count - 1).spec == wanted.spec
    assert Plan.from_json(grown.to_json()) == there, "plan.json stays as it was"
    wanted_cells = Counter({cell.name: cell.quota for cell in grown.cells})
    assert sum(wanted_cells.values()) == wanted.spec.total
    assert growth_of(grown, wanted).addition is None, "asked for twice, it is added once"


@pytest.mark.parametrize(("line", "changes"), REFUSED_CHANGES.items(), ids=REFUSED_CHANGES)
def test_what_would_make_existing_images_invalid_is_refused_by_name(line: str, changes: list[str]) -> None:
    growth = growth_of(plan_of(), plan_of(*changes, "classes.chef.count=7"))
    assert growth.addition is None
    assert any(f"{one.change}: {one.why}".startswith(line) for one in growth.refusals), growth.refusals
    assert all(one.why and one.instead.endswith(".") for one in growth.refusals)


def test_a_new_class_comes_last_and_no_class_goes() -> None:
    first = plan_of(text=SPEC.replace("classes: {", "classes: {nurse: 3, "))
    (refusal,) = growth_of(plan_of(), first).refusals
    assert refusal.change == "the new class 'nurse' comes before classes of the run"
    assert refusal.instead == "Put new classes after those of the run."
    doctor, chef = "doctor: 6", "chef: {count: 5, definition: a cook}"
    turned = plan_of(text=SPEC.replace(f"{doctor}, {chef}", f"{chef}, {doctor}"))
    assert [one.change for one in growth_of(plan_of(), turned).refusals] == ["the order of the classes"]
    gone = growth_of(plan_of("classes.nurse=3"), plan_of())
    assert [one.change for one in gone.refusals] == ["classes.nurse: 3 -> (absent)"]


def test_a_class_more_makes_the_judge_choose_anew_where_a_filter_rejects_by_its_choice() -> None:
    assert growth_of(plan_of(), plan_of("classes.nurse=3")).asks_again
    assert not growth_of(plan_of(), plan_of("classes.doctor=9")).asks_again
    off = ["filters.label=null"]
    assert not growth_of(plan_of(*off), plan_of(*off, "classes.nurse=3")).asks_again


def test_every_part_of_a_spec_is_free_refused_or_looked_at() -> None:
    assert {*FREE, *REFUSED, *LOOKED_AT} >= set(Spec.model_fields), "say what a new section means for existing images"
    assert not {*FREE} & {*REFUSED}


def test_an_addition_whose_spec_is_not_the_run_s_is_damaged() -> None:
    there = plan_of()
    for spec in (plan_of("classes.doctor=7").spec, plan_of("classes.nurse=3").spec):
        with pytest.raises(ValueError, match="does not fit"):
            there.extended(Addition({}, True, spec))
    with pytest.raises(KeyError):
        there.extended(Addition({"nurse": 3}, True))


@given(steps=st.lists(st.sampled_from(["more", "class", "mood", "size", "top-up"]), max_size=5))
def test_however_a_run_grows_its_shards_stay_and_its_parts_are_found(steps: list[str]) -> None:
    plan = plan_of()
    for number, step in enumerate(steps):
        kept = [plan.shard(index) for index in range(plan.shard_count)]
        if step == "top-up":
            plan = plan.extended(Addition({"doctor, tint=red": 2}, extends=False))
        else:
            content = plan.spec.canonical()
            if step == "class":
                content["classes"] |= {f"c{number}": {"count": 2}}
            elif step == "mood":
                content["prompts"]["variables"]["mood"] |= {f"m{number}": 1.0}
            elif step == "size":
                content["output"]["shard_size"] += 1
            content["classes"]["doctor"]["count"] += 3
            addition = growth_of(plan, make_plan(Spec.model_validate(content), plan.revisions)).addition
            assert addition is not None
            plan = plan.extended(addition)
        shards = [(plan.shard(index), plan.part_of(index)) for index in range(plan.shard_count)]
        assert [shard for shard, _ in shards[: len(kept)]] == kept
        assert all(part.shard(shard.index) == shard for shard, part in shards)
        assert sum(cell.quota for cell in plan.cells) == plan.spec.total
    assert plan.first == plan_of()
