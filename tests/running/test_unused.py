"""A run that holds nothing yet takes a corrected spec; one that holds anything does not."""

from pathlib import Path

import pytest

from synthgen.errors import PlanChanged
from synthgen.running import create_run, is_unused, open_run, read_state
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore
from tests.running.noise import SPEC, make_run, noise_plan

FIRST, CORRECTED = noise_plan(), noise_plan("judge.id=ViT-B-32/openai", "model.steps=9")


def test_a_run_without_an_attempt_begins_anew_from_the_corrected_spec(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    create_run(store, FIRST, SPEC)
    write_failure(store, None, RuntimeError("the judge cannot be loaded"))
    assert is_unused(store)
    plan = create_run(store, CORRECTED, f"# corrected\n{SPEC}", adopt=True)
    assert plan == open_run(store) == CORRECTED
    assert (tmp_path / "spec.yaml").read_text().startswith("# corrected")
    assert "steps: 9" in (tmp_path / "spec.resolved.yaml").read_text()
    assert read_state(plan, store).ended is None, "why the other spec failed is no longer told"


def test_a_run_of_another_name_or_with_an_attempt_is_left_alone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    create_run(store, FIRST, SPEC)
    with pytest.raises(PlanChanged) as refused:
        create_run(store, noise_plan("name=other"), SPEC, adopt=True)
    assert "This run holds no image: you can also delete it." in (refused.value.hint or "")
    make_run(str(tmp_path), FIRST)
    with pytest.raises(PlanChanged) as refused:
        create_run(store, CORRECTED, SPEC, adopt=True)
    assert "no image" not in (refused.value.hint or "")
    assert open_run(store) == FIRST


@pytest.mark.parametrize("folder", ["journal", "shards", "ledger", "done", "additions"])
def test_whatever_was_made_or_added_counts(tmp_path: Path, folder: str) -> None:
    store = FolderStore(tmp_path)
    create_run(store, FIRST, SPEC)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "00000-0123456789abcdef.parquet").write_bytes(b"")
    assert not is_unused(store)
