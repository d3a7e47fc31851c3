"""Many tasks of one run: what each reads at its start, a shard that fails on every machine, and a store that hangs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import ModelError, StorageError
from synthgen.running import SAME_FAILURES, read_given_up, read_part
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore
from tests.command import call, envelope, result, said
from tests.running.noise import make_run, noise_plan

SPEC = """
synthgen: 1
name: fleet
model: {id: "bundled:workers", steps: 1}
classes: {doctor: 4}
prompts: {templates: ["a {class}"]}
output: {shard_size: 2}
"""
WRONG = TypeError("unexpected keyword argument 'size'\nand more")
HANGS = """
import os, sys
from synthgen.store.folder_store import FolderStore
FolderStore.read = lambda store, name: os.read(os.pipe()[0], 1)
from synthgen.cli import main
sys.argv = ["synthgen", *{arguments!r}]
main()
"""


class CountingStore(FolderStore):
    """Counts the files that are read, and the listings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads = self.listings = 0

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        self.reads += len(names)
        return super().read_many(names)

    def names(self, folder: str) -> list[str]:
        self.listings += 1
        return super().names(folder)


def test_what_a_task_reads_at_its_start_grows_with_its_own_shards_only(tmp_path: Path) -> None:
    plan = noise_plan("classes.doctor=200", "output.shard_size=1")
    assert plan.shard_count == 219
    store = CountingStore(tmp_path)
    part = read_part(plan, store, range(7, plan.shard_count, 100))
    assert (part.shard_count, part.pending) == (3, (7, 107, 207))
    assert read_given_up(store, part.pending) == {}
    assert (store.reads, store.listings) == (3, 1)


def test_a_part_of_a_run_has_only_its_own_shards(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(tmp_path, plan)
    part = read_part(plan, FolderStore(tmp_path), [1])
    assert (list(part.done), part.pending, part.complete) == ([1], (), True)


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC, "utf-8")
    synthgen.begin(tmp_path / "spec.yaml", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.slow
def test_a_shard_that_failed_alike_three_times_is_left_alone_told_and_tried_again_after_a_repair(planned: Path) -> None:
    store = FolderStore(planned)
    for _ in range(SAME_FAILURES):
        write_failure(store, 1, WRONG)
    with pytest.raises(ModelError, match="not tried again after 3 failures: shard 1: TypeError: unexpected") as refused:
        synthgen.work(planned, device="cpu")
    assert refused.value.exit_code == 2
    assert list(synthgen.status(planned)[1].done) == [0], "the others are made"
    again = call("work", planned, "--index", 0, "--of", 1, "--json", folder=planned.parent)
    assert (again.returncode, envelope(again.stdout)["errors"][0]["code"]) == (2, "model")

    repaired = call("repair", planned, "--json", folder=planned.parent)
    assert len(result(repaired.stdout)["forgotten"]) == SAME_FAILURES
    assert synthgen.work(planned, device="cpu").committed == (1,)


@pytest.mark.parametrize(
    "causes",
    [[WRONG, WRONG], [WRONG, WRONG, ValueError("another")], [WRONG, WRONG, WRONG, OSError("another")]],
    ids=["twice", "another at last", "another at last after three"],
)
def test_a_shard_is_tried_again_while_its_failures_are_few_or_differ(planned: Path, causes: list[Exception]) -> None:
    store = FolderStore(planned)
    for cause in causes:
        write_failure(store, 1, cause)
    assert read_given_up(store, (0, 1)) == {}


def test_failures_with_another_software_do_not_count(planned: Path) -> None:
    store = FolderStore(planned)
    for _ in range(SAME_FAILURES):
        write_failure(store, 1, WRONG)
    assert read_given_up(store, (1,)) == {1: "TypeError: unexpected keyword argument 'size'"}
    (first, *_) = sorted((planned / "failed").iterdir())
    content = json.loads(first.read_text("utf-8"))
    content["environment"]["library.torch"] = "2.0.0"
    first.write_text(json.dumps(content), "utf-8")
    assert read_given_up(store, (1,)) == {}


def test_a_task_whose_store_never_answers_is_ended_with_the_place_where_it_waits(planned: Path) -> None:
    arguments = ["work", str(planned), "--index", "0", "--of", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", HANGS.format(arguments=arguments)],
        env=os.environ | {"SYNTHGEN_SILENCE_SECONDS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5
    (error,) = envelope(done.stdout)["errors"]
    assert "no sign of life for 1 s, in open_run (synthgen/running/opening.py:" in error["message"]
    assert "run again to resume" in error["hint"]


@pytest.mark.parametrize("seconds", ["-1", "inf", "ten"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(
    planned: Path, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHGEN_SILENCE_SECONDS", seconds)
    refused = call("work", planned, "--index", 0, "--of", 1, folder=planned.parent)
    assert (refused.returncode, "SYNTHGEN_SILENCE_SECONDS: expected seconds" in said(refused.stderr)) == (2, True)
