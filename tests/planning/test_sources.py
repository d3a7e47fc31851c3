"""Which pictures attempts begin from: dealt to shards by a permutation, in turn, and within their limits. Pure."""

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import SpecError
from synthgen.planning import Addition, Plan, Revisions, Sources, growth_of, lacking_sources, make_plan
from synthgen.planning.candidates import first_candidates
from synthgen.planning.dealing import deals_of
from synthgen.records import SourceRow
from synthgen.spec import parse_spec

SPEC = """\
synthgen: 1
name: varied
model: {id: owner/name}
task: image-to-image
source: {dataset: ./photos}
classes: {doctor: 20, chef: 12}
prompts: {templates: ["a {class}"]}
attributes:
  tint: {values: {red: ["a red picture"], blue: ["a blue picture"]}}
balance: [{attribute: tint}]
output: {shard_size: 7}
"""


def rows(doctors: int = 8, chefs: int = 6, salt: str = "") -> list[SourceRow]:
    named = [(f"doctor/{one}.png", "doctor") for one in range(doctors)]
    named += [(f"chef/{one}.png", "chef") for one in range(chefs)]
    return [SourceRow(name, of, sha256(f"{salt}{name}".encode()).hexdigest(), name) for name, of in named]


def sourced(*overrides: str, of: list[SourceRow] | None = None) -> Plan:
    spec = parse_spec(SPEC, overrides=overrides)
    return make_plan(spec, Revisions("made", "judged"), Sources.of(of or rows()))


def slots(plan: Plan, class_name: str) -> Counter[int]:
    """How many accepted images all shards together may have of each picture of a class, by its place."""
    found: Counter[int] = Counter()
    for shard in range(plan.shard_count):
        deal = deals_of(plan, shard, [class_name])[class_name]
        assert deal.slots is not None
        quota = sum(cell.quota for cell in plan.shard(shard).cells if cell.class_name == class_name)
        assert deal.slots >= quota
        limits = {place: deal.limit(place) or 0 for place in range(deal.pictures)}
        assert sum(limits.values()) == deal.slots
        assert Counter(deal.place(turn) for turn in range(deal.slots)) == +Counter(limits)
        found.update(limits)
    return found


@given(st.integers(1, 9), st.integers(1, 9), st.integers(4, 40), st.integers(2, 11), st.integers(0, 12))
def test_no_two_shards_have_the_same_slot_and_every_limit_is_kept(
    pictures: int, limit: int, images: int, size: int, more: int
) -> None:
    of = rows(pictures, 6)
    overrides = (f"source.per_source={limit}", f"classes={{doctor: {images}, chef: 4}}", f"output.shard_size={size}")
    plan = sourced(*overrides, of=of)
    assert bool(lacking_sources(plan)) == (images > pictures * limit or 6 * limit < 4)
    if lacking_sources(plan):
        return
    assert max(slots(plan, "doctor").values()) <= limit

    grown = plan.extended(Addition({"doctor, tint=red": more}, extends=True)) if more else plan
    if not lacking_sources(grown):
        assert max(slots(grown, "doctor").values()) <= limit


def test_without_a_limit_pictures_come_in_turn_and_each_as_often_as_any_other() -> None:
    plan = sourced()
    seen: Counter[int] = Counter()
    for shard in range(plan.shard_count):
        deal = deals_of(plan, shard, ["doctor"])["doctor"]
        quota = sum(cell.quota for cell in plan.shard(shard).cells if cell.class_name == "doctor")
        seen.update(deal.place(turn) for turn in range(quota))
    assert sorted(seen.values()) == [2, 2, 2, 2, 3, 3, 3, 3]
    names = [one.source for one in first_candidates(plan, 16) if one.class_name == "doctor"]
    assert len(set(names)) == 8
    assert names != sorted(names, key=str)


def test_a_plan_records_the_digest_of_its_pictures_and_not_their_names_or_place() -> None:
    plan, moved = sourced(), sourced("source.dataset=./elsewhere")
    assert "doctor/1.png" not in plan.to_json()
    assert moved.fingerprint == plan.fingerprint
    again = Plan.from_json(plan.to_json())
    assert (again, again.fingerprint) == (plan, plan.fingerprint)
    assert sourced(of=rows(salt="a")).fingerprint != plan.fingerprint


def test_a_plan_without_pictures_has_no_word_of_them() -> None:
    spec = parse_spec(SPEC.replace("task: image-to-image\nsource: {dataset: ./photos}\n", ""))
    plan = make_plan(spec, Revisions("made", "judged"))
    assert "source" not in plan.to_json()
    assert first_candidates(plan, 1)[0].source is None


def test_pictures_that_changed_are_named_and_a_run_does_not_take_them() -> None:
    plan, fewer = sourced(), sourced(of=rows(doctors=7))
    assert plan.differences(fewer)[0] == "source: the picture 'doctor/7.png' is no longer in the set"
    other = [row._replace(digest="f" * 64) if row.id == "chef/2.png" else row for row in rows()]
    (line,) = plan.differences(sourced(of=other))
    assert line.startswith("source: the picture 'chef/2.png' is another one now: ")
    (refusal,) = growth_of(plan, sourced("classes.doctor=22", of=other)).refusals
    assert (refusal.change, refusal.why) == (line, "existing images were made from the old pictures")
    assert plan.differences(sourced(of=rows(salt="a")))[-1] == "source: 9 more pictures differ"


def test_a_limit_that_allows_too_few_images_is_told_with_the_numbers() -> None:
    assert lacking_sources(sourced("source.per_source=2")) == [
        "source.per_source: 8 pictures of 'doctor', 2 from each, allow 16 images, and 20 are asked for"
    ]
    there, wanted = (sourced("source.per_source=3", f"classes.doctor={images}") for images in (20, 24))
    (refusal,) = growth_of(there, wanted).refusals
    assert refusal.change.endswith("allow 2 images more, and 4 are asked for")
    assert growth_of(there, sourced("source.per_source=3", "classes.doctor=22")).addition is not None


@pytest.mark.parametrize("content", [None, {}, {"sha256": "x", "counts": {}}, {"sha256": "0" * 64, "counts": {"a": 0}}])
def test_what_a_plan_says_of_its_pictures_is_checked(content: object) -> None:
    with pytest.raises(ValueError, match="sources"):
        Sources.from_json(content)


TO = (
    "prompts.templates=['a {tint} {class}']",
    "prompts.variables={tint: [red, blue]}",
    "attributes.tint.variable=tint",
    "balance=[]",
)


def test_a_change_of_an_attribute_keeps_the_class_and_every_prompt_asks_for_it() -> None:
    plan, without = sourced(*TO, "to={tint: blue}"), sourced(*TO)
    assert [(cell.name, cell.quota) for cell in plan.cells] == [("doctor, tint=blue", 20), ("chef, tint=blue", 12)]
    drawn = first_candidates(plan, 12)
    assert {one.prompt for one in drawn} == {"a blue doctor", "a blue chef"}
    assert all((one.source or "").startswith(one.class_name) and one.source_label is None for one in drawn)
    assert "to" not in without.spec.canonical()
    refusals = growth_of(without, plan).refusals
    assert refusals[-1].why == "existing images were changed to the old value"


def test_a_change_of_class_takes_the_pictures_of_all_others_and_keeps_their_limits_apart() -> None:
    plan = sourced("to={class: chef}", of=rows(doctors=8, chefs=0))
    drawn = first_candidates(plan, 24)
    assert {(one.class_name, one.source_label) for one in drawn} == {("chef", "doctor"), ("doctor", "doctor")}
    assert len({one.source for one in drawn if one.class_name == "chef"}) == 8
    limited = sourced("to={class: chef}", "source.per_source=3", of=rows(doctors=8, chefs=0))
    assert lacking_sources(limited) == []
    assert all(sum(slots(limited, name).values()) <= 24 for name in ("doctor", "chef"))


WRONG_CHANGES = {
    "there is no class 'cook'": ("to={class: cook}",),
    "expected 'class' or an attribute, found 'tnt'; did you mean 'tint'?": ("to={tnt: blue}",),
    "the attribute has no value 'green'; expected one of red, blue": (*TO, "to={tint: green}"),
    "'tint' is in balance, too": (*TO[:3], "to={tint: blue}"),
    "no variable steers it": (*TO[:2], "balance=[]", "to={tint: blue}"),
    "no template of the class 'chef' has {tint}": (
        *TO,
        "classes.chef={count: 4, templates: [a cook]}",
        "to={tint: blue}",
    ),
}


@pytest.mark.parametrize(("message", "overrides"), WRONG_CHANGES.items(), ids=WRONG_CHANGES)
def test_a_change_that_nothing_asks_for_is_refused(message: str, overrides: tuple[str, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(SPEC, overrides=overrides)
    assert message in str(caught.value)


def test_a_change_without_pictures_is_refused() -> None:
    with pytest.raises(SpecError, match="it changes pictures"):
        parse_spec(SPEC.replace("task: image-to-image\nsource: {dataset: ./photos}\n", "to: {class: chef}\n"))
