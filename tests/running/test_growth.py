"""Runs whose spec grows: old shards keep their ids, seeds and bytes, and new ones follow the new spec."""

from collections import Counter
from pathlib import Path

import pytest

from synthgen.errors import PlanChanged, StorageError
from synthgen.planning import Plan, growth_of
from synthgen.running import create_run, open_run, read_state, rejudge, repair, top_up, verify, work
from synthgen.running.additions import add
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import bytes_of, images_of, ledger_of, state_of

FIRST = noise_plan()
CLASS = ["classes.pilot=9"]
MOODS = [*CLASS, "classes.doctor=30", "prompts.variables.mood=[happy, sad, tired, calm, proud]", "output.shard_size=5"]


def grown(place: str, *overrides: str, floor: float = 0.2) -> Plan:
    store, wanted = FolderStore(Path(place)), noise_plan(*overrides)
    plan = create_run(store, wanted, f"# {overrides}\n{SPEC}", extend=True)
    work(plan, store, NoiseGenerator(), BrightnessJudge(floor), range(plan.shard_count))
    return plan


def test_two_growths_leave_old_images_alone_and_new_shards_follow_the_new_spec(tmp_path: Path) -> None:
    place, store = str(tmp_path), FolderStore(tmp_path)
    make_run(place, FIRST)
    first, plan_file, spec_file = bytes_of(place, FIRST), store.read("plan.json"), store.read("spec.yaml")
    once = grown(place, *CLASS)
    second = bytes_of(place, once)
    twice = grown(place, *MOODS)

    assert bytes_of(place, twice)[: len(first)] == first
    assert bytes_of(place, twice)[: len(second)] == second
    assert (store.read("plan.json"), store.read("spec.yaml")) == (plan_file, spec_file)
    assert open_run(store) == twice
    images = images_of(place, twice)
    names = list(twice.spec.classes)
    assert names == ["doctor", "chef", "farmer", "pilot"], "a new class is the last label"
    assert Counter(names[row["label"]] for row in images) == {"doctor": 30, "chef": 12, "farmer": 7, "pilot": 9}
    assert len({row["id"] for row in images}) == len(images) == twice.spec.total

    newly = {row["shard"] for row in ledger_of(place, twice) if {"calm", "proud"} & set(row["prompt"].split())}
    assert newly, "new shards draw the new moods"
    assert min(newly) >= once.shard_count, "and the old ones do not"
    assert verify(twice, store) == []
    assert state_of(place, twice).complete


def test_an_old_shard_that_is_made_again_is_made_by_its_own_spec(tmp_path: Path) -> None:
    place, store = str(tmp_path), FolderStore(tmp_path)
    make_run(place, FIRST)
    plan = grown(place, *MOODS)
    before = images_of(place, plan)
    (tmp_path / state_of(place, plan).done[1].images.name).write_bytes(b"damaged")
    assert repair(plan, store).reopened == (1,)
    work(plan, store, NoiseGenerator(), BrightnessJudge(), [1])
    assert sorted(map(str, images_of(place, plan))) == sorted(map(str, before))
    assert verify(plan, store) == []


def test_killed_after_the_addition_a_run_goes_on_with_it(tmp_path: Path) -> None:
    place, store = str(tmp_path), FolderStore(tmp_path)
    make_run(place, FIRST)
    wanted = noise_plan(*MOODS)
    addition = growth_of(FIRST, wanted, SPEC).addition
    assert addition is not None
    add(store, FIRST, addition)
    again = create_run(store, wanted, SPEC)
    assert state_of(place, again).pending == tuple(range(FIRST.shard_count, again.shard_count))
    assert create_run(store, wanted, SPEC, extend=True) == again == open_run(store)
    with pytest.raises(PlanChanged, match=r"(?s)classes.pilot.count: 9 -> .absent.*prompts.variables.mood.calm"):
        create_run(store, FIRST, SPEC)


def test_of_two_that_extend_at_once_the_second_takes_what_the_first_added_or_is_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    make_run(str(tmp_path), FIRST)
    pilot, judge = (growth_of(FIRST, noise_plan(*some), SPEC).addition for some in (CLASS, ["classes.judge=2"]))
    assert pilot is not None
    assert judge is not None
    one = add(store, FIRST, pilot)
    assert add(store, FIRST, judge) == one, "both saw the same run; only one addition has the first place"
    assert create_run(store, noise_plan(*CLASS), SPEC, extend=True) == one
    with pytest.raises(
        PlanChanged, match=r"cannot be extended like this:\n  classes.pilot: 9 -> .absent.: the run has"
    ):
        create_run(store, noise_plan("classes.judge=2"), SPEC, extend=True)
    assert len(store.names("additions")) == 1


def test_a_larger_budget_is_for_the_images_that_are_missing(tmp_path: Path) -> None:
    place, store = str(tmp_path), FolderStore(tmp_path)
    small = noise_plan("budget.attempts_per_image=1")
    create_run(store, small, SPEC)
    work(small, store, NoiseGenerator(), BrightnessJudge(0.4), range(small.shard_count))
    missing = sum(short.missing for short in state_of(place, small).shortfalls)
    assert missing
    plan = create_run(store, noise_plan("budget.attempts_per_image=40"), SPEC, extend=True)
    assert plan.shard_count == small.shard_count, "a budget alone adds no shard"
    plan = top_up(store, plan, read_state(plan, store))
    work(plan, store, NoiseGenerator(), BrightnessJudge(0.4), range(plan.shard_count))
    assert not read_state(plan, store).shortfalls
    assert len(images_of(place, plan)) == plan.spec.total


def test_a_grown_run_is_repeated_part_by_part_and_judged_again_part_by_part(tmp_path: Path) -> None:
    place = str(tmp_path / "run")
    make_run(place, FIRST)
    plan = grown(place, *MOODS)
    again = create_run(FolderStore(tmp_path / "again"), plan, SPEC)
    work(again, FolderStore(tmp_path / "again"), NoiseGenerator(), BrightnessJudge(), range(again.shard_count))
    assert bytes_of(str(tmp_path / "again"), again) == bytes_of(place, plan)

    into = FolderStore(tmp_path / "stricter")
    create_run(into, plan, SPEC)
    rejudge(plan, FolderStore(tmp_path / "run"), plan, into)
    assert len(images_of(str(tmp_path / "stricter"), plan)) == plan.spec.total


def test_a_damaged_spec_of_an_addition_is_refused_by_its_file(tmp_path: Path) -> None:
    make_run(str(tmp_path), FIRST)
    grown(str(tmp_path), *CLASS)
    file = tmp_path / "additions/00001.json"
    whole = file.read_text()
    for damage in (whole.replace('"steps": 20', '"steps": 21'), whole.replace('"name": "noise"', '"name": 3'), ""):
        file.write_text(damage)
        with pytest.raises(StorageError, match=r"additions/00001\.json is damaged"):
            open_run(FolderStore(tmp_path))
