"""How a shard is filled: the same candidates at any batch size, quotas met, budgets kept."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.planning import Plan, Revisions, make_plan
from synthgen.records import Assessment, Candidate, Failure, Judged, Reason, Rendered, Verdict
from synthgen.running.shard.filling import Filling
from synthgen.spec import Spec

batch_sizes = st.integers(1, 32)


def plan_of(counts: dict[str, int], **spec: object) -> Plan:
    content = {
        "synthgen": 1,
        "name": "test",
        "model": {"id": "bundled:workers"},
        "classes": counts,
        "prompts": {
            "templates": {"a {class}": 1, "a {skin} {class}": 2},
            "variables": {"skin": {"light": 1, "dark": 3}},
        },
        **spec,
    }
    return make_plan(Spec.model_validate(content), Revisions("generator", "judge"))


def assess(candidate: Candidate, yields: dict[str, float]) -> Assessment | None:
    """A judge whose answers depend on the candidate alone; one candidate in fifty fails."""
    rng = Random(candidate.seed)
    if rng.random() < 0.02:
        return None
    good = rng.random() < yields[candidate.class_name]
    return Assessment({}, {}, None if good else Reason.LABEL)


def fill(plan: Plan, index: int, batch_size: int, yields: dict[str, float]) -> tuple[Filling, list[Judged]]:
    filling, judged = Filling(plan, plan.shard(index)), []
    while not filling.done:
        for candidate in filling.propose(batch_size):
            assessment = assess(candidate, yields)
            failure = Failure("broken", "for the test") if assessment is None else None
            judged.append(filling.apply(Rendered(candidate, None, failure, 0.0, batch_size), assessment))
    return filling, judged


@given(one=batch_sizes, other=batch_sizes, seed=st.integers(0, 2**63 - 1))
@settings(max_examples=40)
def test_the_same_candidates_are_tried_and_accepted_at_any_batch_size(one: int, other: int, seed: int) -> None:
    plan = plan_of({"doctor": 40, "nurse": 3, "chef": 9}, seed=seed, budget={"attempts_per_image": 3})
    yields = {"doctor": 0.9, "nurse": 0.3, "chef": 0.0}
    first, second = (fill(plan, 0, size, yields)[1] for size in (one, other))
    tried = [[judged.rendered.candidate for judged in several] for several in (first, second)]
    shorter = min(map(len, tried))
    assert tried[0][:shorter] == tried[1][:shorter]
    accepted = [[(j.rendered.candidate.id, j.cell) for j in several if j.cell] for several in (first, second)]
    assert accepted[0] == accepted[1]


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    size=st.integers(1, 50),
    batch_size=batch_sizes,
)
@settings(max_examples=40)
def test_reachable_quotas_are_met_exactly_whatever_the_shards(counts: list[int], size: int, batch_size: int) -> None:
    plan = plan_of(
        {f"c{i}": count for i, count in enumerate(counts)},
        output={"shard_size": size},
        budget={"attempts_per_image": 100},
    )
    filled = dict.fromkeys((cell.name for cell in plan.cells), 0)
    for index in range(plan.shard_count):
        filling, judged = fill(plan, index, batch_size, dict.fromkeys(filled, 0.7))
        assert not filling.shortfalls()
        for one in judged:
            if one.verdict is Verdict.ACCEPTED:
                assert one.cell is not None
                filled[one.cell] += 1
    assert list(filled.values()) == counts


def test_a_cell_that_cannot_be_filled_spends_its_own_budget_and_no_other() -> None:
    plan = plan_of({"doctor": 20, "unicorn": 20}, budget={"attempts_per_image": 2})
    filling, _ = fill(plan, 0, 8, {"doctor": 0.95, "unicorn": 0.0})
    assert filling.accepted == {"doctor": 20, "unicorn": 0}
    (shortfall,) = filling.shortfalls()
    assert (shortfall.cell, shortfall.missing, shortfall.attempts - shortfall.spare) == ("unicorn", 20, 40)


@given(counts=st.lists(st.integers(1, 5000), min_size=1, max_size=30), size=st.integers(1, 300))
def test_shards_share_out_every_cell_and_have_even_sizes(counts: list[int], size: int) -> None:
    plan = plan_of({f"c{i}": count for i, count in enumerate(counts)}, output={"shard_size": size})
    shards = [plan.shard(index) for index in range(min(plan.shard_count, 200))]
    if len(shards) == plan.shard_count:
        assert sum(shard.quota for shard in shards) == sum(counts)
    assert all(shard.quota <= size + len(counts) for shard in shards)


def test_a_plan_survives_its_json_and_notices_damage() -> None:
    import pytest

    from synthgen.errors import StorageError

    plan = plan_of({"doctor": 3})
    text = plan.to_json()
    again = Plan.from_json(text)
    assert again == plan
    assert again.fingerprint == plan.fingerprint
    for damaged in (text[: len(text) // 2], text.replace('"count": 3', '"count": 4'), "{}", ""):
        with pytest.raises(StorageError):
            Plan.from_json(damaged)


def test_differences_name_the_fields_that_make_other_images() -> None:
    plan = plan_of({"doctor": 3})
    assert plan.differences(plan_of({"doctor": 4})) == ["classes.doctor.count: 3 -> 4"]
    resized = plan_of({"doctor": 3}, model={"id": "bundled:workers", "batch_size": 4})
    assert resized.fingerprint == plan.fingerprint
    assert plan.differences(resized) == []


def test_gates_are_the_audits_and_make_no_other_images() -> None:
    attributes = {"skin": {"values": {"light": ["light skin"], "dark": ["dark skin"]}}}
    plan = plan_of({"doctor": 3}, attributes=attributes)
    gated = plan_of({"doctor": 3}, attributes=attributes, gates=[{"attribute": "skin", "max_tv": 0.1}])
    assert gated.fingerprint == plan.fingerprint
    assert plan.differences(gated) == []


def fill_by_need(plan: Plan, most: int, yields: dict[str, float]) -> list[Judged]:
    """Fill the first shard by batches that are cut to what is expected to be needed."""
    filling, judged = Filling(plan, plan.shard(0)), []
    while not filling.done:
        batch = filling.propose_needed(most)
        assert 1 <= len(batch) <= most
        for candidate in batch:
            assessment = assess(candidate, yields)
            failure = Failure("broken", "for the test") if assessment is None else None
            judged.append(filling.apply(Rendered(candidate, None, failure, 0.0, len(batch)), assessment))
    return judged


@given(
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    rates=st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=5, max_size=5),
    most=batch_sizes,
    whole=batch_sizes,
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=40)
def test_batches_that_are_cut_to_the_need_accept_the_same_images(
    counts: list[int], rates: list[float], most: int, whole: int, seed: int
) -> None:
    plan = plan_of({f"c{i}": count for i, count in enumerate(counts)}, seed=seed, budget={"attempts_per_image": 4})
    yields = {f"c{i}": rate for i, rate in enumerate(rates)}
    cut, uncut = fill_by_need(plan, most, yields), fill(plan, 0, whole, yields)[1]
    accepted = [[(j.rendered.candidate, j.cell) for j in several if j.cell] for several in (cut, uncut)]
    assert accepted[0] == accepted[1]


def test_the_last_batch_is_cut_to_what_is_expected_to_be_missing() -> None:
    plan = plan_of({"doctor": 3, "chef": 3})
    sure = {"doctor": 1.0, "chef": 1.0}
    assert len(fill(plan, 0, 16, sure)[1]) == 16
    assert len(fill_by_need(plan, 16, sure)) == 8, "six images at the yield that is assumed at first, four in five"

    plan = plan_of({"doctor": 100}, seed=3)
    first = Filling(plan, plan.shard(0)).propose_needed(32)
    assert len(first) == 32, "a batch that is needed as a whole is not cut"
