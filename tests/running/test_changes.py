"""What a resumed run may change is kept: whatever is done with the run later has it too."""

import json
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import PlanChanged, StorageError
from synthgen.planning import free_keys
from synthgen.planning.plan import NOT_IN_FINGERPRINT
from synthgen.running import create_run, open_run
from synthgen.store import open_store
from tests.running.noise import SPEC, make_run, noise_plan

SMALL = ("classes={doctor: 5, chef: 4}", "output.shard_size=4", "budget.attempts_per_image=2")
CHANGED = ("output.splits={train: 0.5, exam: 0.5}", "gates=[{attribute: tint, max_tv: 0.4}]", "model.batch_size=3")


def test_finalize_makes_the_dataset_that_the_last_resumption_asked_for(place: str) -> None:
    make_run(place, noise_plan(*SMALL))
    assert [split.name for split in synthgen.finalize(place).summary.splits] == ["train", "test"]
    create_run(open_store(place), noise_plan(*SMALL, *CHANGED), SPEC)
    again = synthgen.finalize(place)
    assert [split.name for split in again.summary.splits] == ["train", "exam"]
    kept = open_run(open_store(place)).spec
    assert (kept.model.batch_size, len(kept.gates)) == (3, 1)
    assert (synthgen.verify(place), synthgen.finalize(place).rebuilt) == ([], False)

    create_run(open_store(place), noise_plan(*SMALL), SPEC)
    assert [split.name for split in synthgen.finalize(place).summary.splits] == ["train", "test"]


def test_a_resumption_that_changes_nothing_or_is_refused_keeps_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    for _ in range(2):
        create_run(store, noise_plan(*SMALL), SPEC)
    with pytest.raises(PlanChanged):
        create_run(store, noise_plan(*SMALL, *CHANGED, "seed=6"), SPEC)
    assert not (tmp_path / "run/changes").exists()
    for _ in range(2):
        create_run(store, noise_plan(*SMALL, *CHANGED), SPEC)
    assert store.names("changes") == ["changes/00001.json"]


def test_a_run_that_grows_keeps_its_changes_and_its_counts(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    create_run(store, noise_plan(*SMALL), SPEC)
    grown = noise_plan("classes={doctor: 6, chef: 4}", *SMALL[1:], *CHANGED)
    assert create_run(store, grown, SPEC, extend=True).spec == open_run(store).spec == grown.spec
    assert open_run(store).fingerprint == noise_plan(*SMALL).fingerprint


@pytest.mark.parametrize("text", ["{", "{}", '{"seed": 6}', '{"gates": 7}', "[1]"])
def test_a_damaged_change_is_named(tmp_path: Path, text: str) -> None:
    store = open_store(tmp_path / "run")
    create_run(store, noise_plan(*SMALL), SPEC)
    create_run(store, noise_plan(*SMALL, *CHANGED), SPEC)
    (tmp_path / "run/changes/00001.json").write_text(text)
    with pytest.raises(StorageError, match=r"changes/00001\.json is damaged") as refused:
        synthgen.status(tmp_path / "run")
    assert "Delete it" in (refused.value.hint or "")
    (tmp_path / "run/changes/00001.json").unlink()
    assert synthgen.status(tmp_path / "run")[0].spec == noise_plan(*SMALL).spec


def test_changes_with_gaps_between_their_numbers_go_on_from_the_last(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    for batch in (1, 2, 3):
        create_run(store, noise_plan(*SMALL, f"model.batch_size={batch}"), SPEC)
    (tmp_path / "run/changes/00001.json").unlink()
    (tmp_path / "run/changes/notes.txt").write_text("not ours")
    create_run(store, noise_plan(*SMALL), SPEC)
    assert "changes/00003.json" in store.names("changes")
    assert open_run(store).spec == noise_plan(*SMALL).spec


def test_every_key_that_may_change_is_kept_and_documented() -> None:
    keys = free_keys(noise_plan().spec)
    assert keys.keys() == NOT_IN_FINGERPRINT.keys() - {"source.dataset", "reference.image"}, "this plan has no pictures"
    assert json.loads(json.dumps(keys)) == keys
    text = (Path(__file__).parents[2] / "docs/specs.md").read_text("utf-8")
    (sentence,) = [part for part in text.split("\n\n") if "before you resume a run; all other keys" in part]
    assert all(f"`{key}`" in sentence for key in NOT_IN_FINGERPRINT)
