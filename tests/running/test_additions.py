"""Runs that grow: more images, and second tries at missing ones. What is there stays as it is."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import PlanChanged, StorageError
from synthgen.planning import Addition, Plan
from synthgen.running import create_run, open_run, top_up, verify, work
from synthgen.store import FolderStore, open_store
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import Rows, bytes_of, images_of, state_of

SMALL, LARGE = noise_plan(), noise_plan("classes.doctor=40", "classes.farmer=8")


def make(place: str, plan: Plan, floor: float = 0.2) -> Plan:
    """Every shard of the run at `place`, as far as the budget reaches."""
    store = open_store(place)
    work(plan, store, NoiseGenerator(), BrightnessJudge(floor), range(plan.shard_count))
    return open_run(store)


def classes(rows: Rows) -> Counter[str]:
    return Counter(list(SMALL.spec.classes)[row["label"]] for row in rows)


def test_an_extended_run_keeps_its_images_and_makes_those_that_are_more(place: str) -> None:
    make_run(place, SMALL)
    before, plan_file = bytes_of(place, SMALL), open_store(place).read("plan.json")
    with pytest.raises(PlanChanged) as refused:
        create_run(open_store(place), LARGE, SPEC)
    assert "`extend`" in (refused.value.hint or "")
    grown = create_run(open_store(place), LARGE, SPEC, extend=True)
    assert state_of(place, grown).pending == (3,)
    assert make(place, grown) == grown
    assert classes(images_of(place, grown)) == {"doctor": 40, "chef": 12, "farmer": 8}
    assert bytes_of(place, grown)[:3] == before
    assert open_store(place).read("plan.json") == plan_file
    assert verify(grown, open_store(place)) == []
    again = create_run(open_store(place), LARGE, SPEC, extend=True)
    assert (again, state_of(place, again).complete) == (grown, True)


def test_only_more_images_extend_a_run(tmp_path: Path) -> None:
    create_run(FolderStore(tmp_path), LARGE, SPEC)
    for other in (SMALL, noise_plan("classes.doctor=50", "seed=6"), noise_plan("classes.pilot=3")):
        with pytest.raises(PlanChanged) as refused:
            create_run(FolderStore(tmp_path), other, SPEC, extend=True)
        assert "`extend`" not in (refused.value.hint or "")
    assert open_run(FolderStore(tmp_path)) == LARGE


@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_a_top_up_tries_again_what_is_missing_and_nothing_else(place: str) -> None:
    hard = noise_plan("budget.attempts_per_image=2")
    make(place, create_run(open_store(place), hard, SPEC), floor=0.3)
    plan, store = hard, open_store(place)
    for _ in range(12):
        state = state_of(place, plan)
        missing = sum(short.missing for short in state.shortfalls)
        assert missing == SMALL.spec.total - len(images_of(place, plan))
        if not missing:
            break
        more = top_up(store, plan, state)
        assert (
            sum(cell.quota for shard in range(plan.shard_count, more.shard_count) for cell in more.shard(shard).cells)
            == missing
        )
        plan = make(place, more, floor=0.3)
    assert classes(images_of(place, plan)) == {"doctor": 26, "chef": 12, "farmer": 7}
    assert plan.additions
    assert top_up(store, plan, state_of(place, plan)) == plan
    assert verify(plan, store) == []
    assert len({row["id"] for row in images_of(place, plan)}) == 45


def test_what_the_dataset_leaves_out_is_topped_up_in_its_own_cell(tmp_path: Path) -> None:
    make_run(str(tmp_path), SMALL)
    images = images_of(tmp_path, SMALL)
    lost = [images[0], images[-1]]
    plan = top_up(FolderStore(tmp_path), SMALL, state_of(tmp_path, SMALL), [row["id"] for row in lost])
    assert plan.additions[0].quotas == classes(lost)
    assert plan.spec == SMALL.spec, "the run is to hold what it was to hold before"


def test_a_damaged_addition_is_named(tmp_path: Path) -> None:
    create_run(FolderStore(tmp_path), SMALL, SPEC)
    create_run(FolderStore(tmp_path), LARGE, SPEC, extend=True)
    (file,) = (tmp_path / "additions").iterdir()
    for damage in (b"", b'{"quotas": {"pilot": 3}, "extends": true}', file.read_bytes()[:-9]):
        file.write_bytes(damage)
        with pytest.raises(StorageError, match=r"additions/00001\.json is damaged"):
            open_run(FolderStore(tmp_path))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["doctor", "chef", "farmer"]), st.integers(1, 90), min_size=1),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_shards_of_additions_hold_their_quotas_and_leave_the_others_alone(
    more: list[tuple[dict[str, int], bool]],
) -> None:
    plan = SMALL
    for quotas, extends in more:
        before = [plan.shard(index) for index in range(plan.shard_count)]
        grown = plan.extended(Addition(quotas, extends))
        assert [grown.shard(index) for index in range(plan.shard_count)] == before
        new = [grown.shard(index) for index in range(plan.shard_count, grown.shard_count)]
        assert Counter(cell.name for shard in new for cell in shard.cells for _ in range(cell.quota)) == quotas
        plan = grown
    assert plan.fingerprint == SMALL.fingerprint
    assert plan.first == SMALL
    wanted = Counter({cell.name: cell.quota for cell in SMALL.cells})
    for quotas, extends in more:
        wanted.update(quotas if extends else {})
    assert {cell.name: cell.quota for cell in plan.cells} == wanted
    assert {name: kind.count for name, kind in plan.spec.classes.items()} == wanted


def test_a_grown_run_begun_elsewhere_takes_its_additions_along_and_never_into_another_run(tmp_path: Path) -> None:
    create_run(FolderStore(tmp_path / "run"), SMALL, SPEC)
    grown = create_run(FolderStore(tmp_path / "run"), LARGE, SPEC, extend=True)
    create_run(FolderStore(tmp_path / "copy"), grown, SPEC)
    assert open_run(FolderStore(tmp_path / "copy")) == grown
    create_run(FolderStore(tmp_path / "other"), noise_plan("seed=6"), SPEC)
    with pytest.raises(PlanChanged):
        create_run(FolderStore(tmp_path / "other"), grown, SPEC)
    assert open_run(FolderStore(tmp_path / "other")) == noise_plan("seed=6")
