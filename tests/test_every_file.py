"""Each file of a finished run, found by looking: removed, emptied or with one byte flipped, `verify` names it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.running import create_run
from synthgen.running.failures import write_failure
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.running.noise import SPEC, noise_plan
from tests.test_damages import GROWN, NOT_DERIVED, SMALL, SPLIT, files_of, found, made

GONE_UNSEEN = "failed/"
"""Failures of shards that are done: nothing follows from them, and `repair` deletes them itself. See docs/runs.md."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of file that a finished one can have."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    store = FolderStore(folder)
    create_run(store, noise_plan(*SMALL), SPEC)
    write_failure(store, 0, ValueError("no memory"))
    write_failure(store, None, ValueError("no device"))
    create_run(store, noise_plan(*GROWN), SPEC, extend=True)
    create_run(store, noise_plan(*GROWN, SPLIT[0]), SPEC)
    made(folder)
    ids = [name for file in folder.glob("dataset/data/*.parquet") for name in pq.read_table(file)["id"].to_pylist()]
    for image in sorted(ids)[:2]:
        synthgen.exclude(folder, [image], reviewer="ana")
    assert synthgen.verify(folder) == []
    return folder


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def lines_of(run: Path) -> str:
    try:
        return "\n".join(found(run))
    except SynthgenError as error:
        return error.message


@pytest.mark.parametrize("damage", [removed, emptied, flipped])
def test_verify_names_every_file(finished: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    run, whole = Path(shutil.copytree(finished, tmp_path / "run")), files_of(finished)
    kinds = {name.partition("/")[0] for name in whole}
    assert kinds == {
        *("plan.json", "spec.yaml", "spec.resolved.yaml", "results.json", "report.html", "dataset", "shards", "ledger"),
        *("done", "failed", "additions", "changes", "decisions"),
    }
    unnamed = []
    for name, data in whole.items():
        damage(run / name)
        if name not in lines_of(run):
            unnamed.append(name)
        (run / name).write_bytes(data)
    assert [name for name in unnamed if damage is not removed or not name.startswith(GONE_UNSEEN)] == []
    assert synthgen.verify(run) == []


def test_what_can_be_derived_comes_back(finished: Path, tmp_path: Path) -> None:
    whole, wrong = files_of(finished), []
    derived = [name for name in whole if "/" not in name or name.startswith(("dataset/", "done/", "changes/00001"))]
    for name in derived:
        if name in NOT_DERIVED:
            continue
        run = Path(shutil.copytree(finished, tmp_path / "run"))
        (run / name).unlink()
        synthgen.repair(run)
        made(run)
        after = files_of(run)
        # The record names the changes that there are, and a shard that is made again has new names.
        same = name.startswith(("done/", "changes/")) or name == "results.json" or after.get(name) == whole[name]
        dataset = [each for each in whole if each.startswith("dataset/data")]
        if not same or synthgen.verify(run) or any(after.get(each) != whole[each] for each in dataset):
            wrong.append(name)
        shutil.rmtree(run)
    assert wrong == []


def test_a_record_names_no_other_files(finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    content, _ = unseal((run / "results.json").read_text())
    wrong: tuple[tuple[str, object], ...] = (
        *(("records", value) for value in (["../../x"], ["plan.json"], 3)),
        *(("shards", value) for value in (-1, 0.5, "1")),
    )
    for key, value in wrong:
        (run / "results.json").write_text(seal(json.dumps(content | {key: value}, indent=1)))
        assert "results.json is damaged" in lines_of(run)
