"""The beginning of a run and its resumption."""

from pathlib import Path

import pytest

from synthgen.errors import PlanChanged, StorageError, UsageError
from synthgen.running import create_run, open_run
from synthgen.store import FolderStore
from tests.running.noise import SPEC, noise_plan


def test_a_run_keeps_its_plan_and_the_spec_as_it_was_written(tmp_path: Path) -> None:
    store, plan = FolderStore(tmp_path / "a" / "run"), noise_plan()
    assert create_run(store, plan, SPEC) == plan
    assert open_run(store).fingerprint == plan.fingerprint
    assert (tmp_path / "a/run/spec.yaml").read_text() == SPEC


def test_the_same_plan_resumes_even_if_the_spec_reads_otherwise(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    create_run(store, noise_plan(), SPEC)
    create_run(store, noise_plan("output.splits={whole: 1}"), "# another comment\n" + SPEC)
    assert (tmp_path / "spec.yaml").read_text() == SPEC


def test_another_plan_is_refused_and_told_what_differs(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    create_run(store, noise_plan(), SPEC)
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(PlanChanged) as raised:
        create_run(store, noise_plan("seed=6", "model.steps=30"), SPEC)
    assert "seed: 5 -> 6" in raised.value.message
    assert "model.steps: 20 -> 30" in raised.value.message
    assert raised.value.message.count("->") == 2
    assert (tmp_path / "plan.json").read_bytes() == before


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\xff\xfe"])
def test_a_plan_that_is_cut_or_overwritten_is_damaged(tmp_path: Path, damage: object) -> None:
    store = FolderStore(tmp_path)
    create_run(store, noise_plan(), SPEC)
    path = tmp_path / "plan.json"
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StorageError, match=r"plan\.json is damaged"):
        create_run(store, noise_plan(), SPEC)


def test_a_folder_without_a_run_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is not a synthgen run"):
        open_run(FolderStore(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()
