"""Balanced cells: filled by what was measured, reached by steering or by templates that work, never overfilled."""

from collections import Counter
from functools import reduce
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.planning import Plan, Revisions, make_plan
from synthgen.planning.cells import apportion
from synthgen.records import Assessment, Candidate, Failure, Judged, Reason, Rendered, Verdict
from synthgen.running.shard.filling import Filling
from synthgen.spec import parse_spec

SPEC = """
synthgen: 1
name: test
model: {{id: owner/name}}
classes: {{doctor: {count}, nurse: {count}}}
prompts:
  templates: ["a {{class}} with {{skin}} skin", "a {{class}}"]
  variables: {{skin: [light, medium, dark]}}
attributes:
  skin_tone: {{values: {{light: [a], medium: [b], dark: [c]}}{link}}}
  hair: {{values: {{short: [d], long: [e]}}}}
balance: {balance}
budget: {{attempts_per_image: {budget}}}
seed: {seed}
"""


def plan_of(count: int, balance: str, *, link: bool = True, budget: int = 30, seed: int = 0) -> Plan:
    text = SPEC.format(count=count, balance=balance, budget=budget, seed=seed, link=", variable: skin" if link else "")
    return make_plan(parse_spec(text), Revisions("generator", "judge"))


def measure(candidate: Candidate) -> Assessment:
    """A skewed model: of what the prompt does not say it draws light and short nearly always."""
    rng = Random(candidate.seed)
    asked = dict(candidate.variables).get("skin")
    skin = (
        asked if asked and rng.random() < 0.9 else rng.choices(["light", "medium", "dark", "unknown"], [8, 1, 1, 1])[0]
    )
    hair = "short" if rng.random() < 0.8 else "long"
    return Assessment({}, {"skin_tone": skin, "hair": hair}, Reason.LABEL if rng.random() < 0.2 else None)


def fill(plan: Plan, shard: int = 0, batch_size: int = 16) -> tuple[Filling, list[Judged]]:
    filling, judged = Filling(plan, plan.shard(shard)), []
    while not filling.done:
        judged += [
            filling.apply(Rendered(candidate, None, None, 0.0, batch_size), measure(candidate))
            for candidate in filling.propose(batch_size)
        ]
    return filling, judged


@given(
    count=st.integers(6, 60),
    balance=st.sampled_from(
        [
            "[{attribute: skin_tone}]",
            "[{attribute: hair, target: {short: 0.25, long: 0.75}}]",
            "[{attribute: skin_tone}, {attribute: hair}]",
        ]
    ),
    link=st.booleans(),
    one=st.integers(1, 32),
    other=st.integers(1, 32),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=60)
def test_images_fill_the_cells_they_were_measured_to_belong_to(
    count: int, balance: str, link: bool, one: int, other: int, seed: int
) -> None:
    plan = plan_of(count, balance, link=link, seed=seed, budget=5)
    (filling, judged), (_, again) = fill(plan, batch_size=one), fill(plan, batch_size=other)
    cells = {cell.name: cell for cell in plan.shard(0).cells}
    filled = Counter(each.cell for each in judged if each.verdict is Verdict.ACCEPTED)
    assert all(filled[name] <= cell.quota for name, cell in cells.items())
    for each in judged:
        assert each.assessment is not None
        if each.cell is not None:
            assert cells[each.cell].fits(each.rendered.candidate.class_name, each.assessment.attributes)
        # Whatever has no home is rejected for it, and never only surplus.
        homeless = "unknown" in (each.assessment.attributes[name] for name, _ in plan.cells[0].values)
        assert each.verdict is not Verdict.SURPLUS or not homeless
    missing = {short.cell: short.missing for short in filling.shortfalls()}
    assert {name: cell.quota - filled[name] for name, cell in cells.items() if cell.quota > filled[name]} == missing
    accepted = [[(e.rendered.candidate, e.cell) for e in several if e.cell] for several in (judged, again)]
    assert accepted[0] == accepted[1], "the batch size decides nothing"


def test_a_linked_variable_steers_and_needs_far_fewer_attempts() -> None:
    attempts = {}
    for link in (True, False):
        plan = plan_of(60, "[{attribute: skin_tone}]", link=link, budget=100)
        filling, judged = fill(plan)
        assert not filling.shortfalls()
        attempts[link] = len(judged)
        if link:
            assert all("skin" in one.rendered.candidate.prompt for one in judged), "only templates that steer"
    assert attempts[True] < 2 * 120
    assert attempts[True] < attempts[False]


def test_without_a_link_the_templates_that_reach_an_open_cell_are_found() -> None:
    """Dark skin comes from one of the two templates alone, and only when the variable happens to say so."""
    plan = plan_of(60, "[{attribute: skin_tone, target: {dark: 1, light: 0, medium: 0}}]", link=False, budget=100)
    _, judged = fill(plan)
    used = Counter(one.rendered.candidate.template for one in judged[-60:])
    assert used["a {class} with {skin} skin"] > 3 * used["a {class}"]
    assert {one.verdict for one in judged} >= {Verdict.ACCEPTED, Verdict.REJECTED}


def test_a_value_that_the_model_never_makes_starves_no_other_cell() -> None:
    plan = plan_of(20, "[{attribute: hair}]", budget=4)

    def short(candidate: Candidate) -> Assessment:
        return Assessment({}, {"skin_tone": "light", "hair": "short"}, None)

    filling = Filling(plan, plan.shard(0))
    while not filling.done:
        for candidate in filling.propose(8):
            filling.apply(Rendered(candidate, None, None, 0.0, 8), short(candidate))
    assert filling.accepted["doctor, hair=short"] == filling.accepted["nurse, hair=short"] == 10
    assert {each.cell: each.missing for each in filling.shortfalls()} == {
        "doctor, hair=long": 10,
        "nurse, hair=long": 10,
    }
    for each in filling.shortfalls():
        assert (each.hits, each.to_fill, each.attempts - each.spare) == (0, None, 40)
        assert each.misses == {"hair=short": each.attempts}


def test_a_shortfall_tells_what_its_attempts_came_to() -> None:
    plan = plan_of(
        1,
        "[{attribute: skin_tone, target: {dark: 1, light: 0}}, {attribute: hair, target: {short: 1, long: 0}}]",
        budget=4,
    )
    answers = iter(
        [
            Assessment({}, {"skin_tone": "dark", "hair": "unknown"}, None),
            Assessment({}, {"skin_tone": "light", "hair": "unknown"}, None),
            Assessment({}, {"skin_tone": "dark", "hair": "short"}, Reason.LABEL),
            None,
        ]
        * 10
    )
    filling = Filling(plan, plan.shard(0))
    while not filling.done:
        for candidate in filling.propose(2):
            assessment = next(answers) if candidate.class_name == "doctor" else Assessment({}, {}, Reason.CLIP)
            failure = None if assessment else Failure("not_finite", "NaN")
            filling.apply(Rendered(candidate, None, failure, 0.0, 2), assessment)
    doctor, nurse = filling.shortfalls()
    assert doctor.misses == {"hair=unknown": 2, "skin_tone=light": 1, "label": 1, "not_finite": 1}
    assert nurse.misses == {"clip": 4}


@given(
    count=st.integers(0, 10_000),
    weights=st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any), max_size=3),
    turn=st.integers(0, 20),
)
def test_quotas_follow_the_shares_to_within_one_image(count: int, weights: list[list[int]], turn: int) -> None:
    axes = tuple(tuple(weight / sum(axis) for weight in axis) for axis in weights)
    quotas = np.reshape(apportion(count, axes, turn), [len(axis) for axis in axes])
    assert quotas.sum() == count
    exact = count * reduce(np.multiply.outer, axes, np.array(1.0))
    assert (abs(quotas - exact) < 1 + 1e-6).all()
    for number, axis in enumerate(axes):
        others = tuple(other for other in range(len(axes)) if other != number)
        assert (abs(quotas.sum(others) - count * np.array(axis)) < 1 + 1e-6).all(), (
            "of the values of each attribute too"
        )


def test_a_few_images_keep_the_shares_of_each_attribute() -> None:
    quotas = np.reshape(apportion(9, ((0.5, 0.3, 0.2), (1 / 3, 1 / 3, 1 / 3))), (3, 3))
    assert quotas.sum(1).tolist() in ([4, 3, 2], [5, 2, 2], [5, 3, 1])
    assert quotas.sum(0).tolist() == [3, 3, 3]


def test_what_does_not_divide_evenly_goes_to_another_value_in_each_class() -> None:
    cells = plan_of(10, "[{attribute: skin_tone}]").cells
    assert [cell.quota for cell in cells] == [4, 3, 3, 3, 4, 3]
