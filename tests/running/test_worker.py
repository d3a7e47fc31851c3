"""The worker: from a plan to committed shards."""

import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from synthgen.errors import DeviceError, Interrupted
from synthgen.events import Progress
from synthgen.records import Candidate, Rendered
from synthgen.running import create_run, verify, work
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import bytes_of, images_of, ledger_of, read, state_of, without


def test_every_quota_is_met_with_the_images_that_the_seeds_give(tmp_path: Path) -> None:
    plan = noise_plan()
    assert make_run(str(tmp_path), plan).committed == (0, 1, 2)
    images = images_of(tmp_path, plan)
    assert Counter(row["label"] for row in images) == {0: 26, 1: 12, 2: 7}
    for row in images[:5]:
        rng = np.random.default_rng(row["seed"])
        expected = rng.integers(0, rng.integers(40, 250), (3, 48, 40), dtype=np.uint8)
        stored = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))).transpose(2, 0, 1)
        assert np.array_equal(stored, expected)
    assert verify(plan, FolderStore(tmp_path)) == []


def test_every_kind_of_verdict_is_in_the_ledger_with_its_reason(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path), plan)
    ledger = ledger_of(tmp_path, plan)
    state = state_of(tmp_path, plan)
    assert Counter(row["verdict"] for row in ledger) == state.counts
    assert min(state.counts.values()) > 0
    assert Counter(row["reason"] for row in ledger if row["reason"]) == state.reasons
    failed = next(row for row in ledger if row["verdict"] == "failed")
    assert (failed["reason"], failed["message"]) == ("not_finite", "NaN in the latents")
    assert failed["score_brightness"] is failed["attribute_tint"] is failed["thumbnail"] is None
    rejected = next(row for row in ledger if row["reason"] == "label")
    assert rejected["score_brightness"] < 0.2
    assert math.isnan(rejected["score_unmeasured"])
    assert rejected["attribute_tint"] in {"red", "blue"}
    assert rejected["cell_filled"] is None
    assert max(Image.open(io.BytesIO(rejected["thumbnail"])).size) == 48


def test_hugging_face_datasets_opens_a_shard_as_it_is(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path / "run"), plan)
    files = [str(path) for path in sorted((tmp_path / "run/shards").iterdir())]
    made = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert made.features["label"].names == ["doctor", "chef", "farmer"]
    assert made[0]["image"].size == (40, 48)
    assert json.loads(made[0]["variables"]).keys() <= {"mood"}


@pytest.mark.parametrize("keep", ["scores", "thumbnails", "images"])
def test_rejects_are_kept_as_the_spec_says(tmp_path: Path, keep: str) -> None:
    plan = noise_plan(f"output.rejects.keep={keep}")
    make_run(str(tmp_path), plan)
    rows = [row for row in ledger_of(tmp_path, plan) if row["verdict"] != "failed"]
    accepted = [row for row in rows if row["verdict"] == "accepted"]
    rejects = [row for row in rows if row["verdict"] != "accepted"]
    assert all(row["thumbnail"] for row in accepted)
    assert all(bool(row["thumbnail"]) == (keep != "scores") for row in rejects)
    assert ("image" in rows[0]) == (keep == "images")
    if keep == "images":
        assert all(row["image"]["bytes"].startswith(b"\x89PNG") for row in rejects)
        assert all(row["image"] is None for row in accepted)


def test_a_shard_file_has_small_row_groups_and_a_page_index(tmp_path: Path) -> None:
    plan = noise_plan("classes.doctor=230", "output.shard_size=250")
    make_run(str(tmp_path), plan, batch_size=32)
    metadata = pq.read_metadata(next((tmp_path / "shards").iterdir()))
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [100, 100, 49]
    assert all(group.column(0).has_offset_index for group in groups)
    assert {group.column(0).compression for group in groups} == {"ZSTD"}


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**63 - 1),
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    shard_size=st.integers(1, 30),
    attempts=st.integers(1, 4),
    batch_size=st.integers(1, 32),
)
def test_every_attempt_has_exactly_one_ledger_row(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    counts: list[int],
    shard_size: int,
    attempts: int,
    batch_size: int,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    names = ("doctor", "chef", "farmer")
    overrides = [f"classes.{name}={count}" for name, count in zip(names, counts, strict=True)]
    plan = noise_plan(
        *overrides, f"seed={seed}", f"output.shard_size={shard_size}", f"budget.attempts_per_image={attempts}"
    )
    rendered: list[str] = []

    class Recording(NoiseGenerator):
        def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
            rendered.extend(candidate.id for candidate in candidates)
            return super().render(candidates)

    store = FolderStore(folder)
    create_run(store, plan, SPEC)
    work(plan, store, Recording(batch_size), BrightnessJudge(), range(plan.shard_count))
    assert [row["id"] for row in ledger_of(folder, plan)] == rendered
    assert len(set(rendered)) == len(rendered)
    state = state_of(folder, plan)
    accepted = state.counts["accepted"]
    assert accepted == len(images_of(folder, plan))
    assert accepted + sum(short.missing for short in state.shortfalls) == sum(counts)
    assert verify(plan, store) == []


def test_batches_of_4_and_16_accept_the_same_ids_and_write_the_same_bytes(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path / "4"), plan, batch_size=4)
    make_run(str(tmp_path / "16"), plan, batch_size=16)
    assert bytes_of(tmp_path / "4", plan) == bytes_of(tmp_path / "16", plan)
    small, large = (state_of(tmp_path / name, plan).done for name in ("4", "16"))
    for shard in small:
        few = without(read(tmp_path / "4", small[shard].ledger.name), "batch_size")
        many = without(read(tmp_path / "16", large[shard].ledger.name), "batch_size")
        # The last batch is filled with spare attempts, so the larger one may have some more of them.
        assert str(few[: len(many)]) == str(many[: len(few)])
        assert {row["verdict"] for row in many[len(few) :]} <= {"surplus", "rejected", "failed"}


def test_what_cannot_be_filled_is_a_recorded_shortfall(tmp_path: Path) -> None:
    plan = noise_plan("budget.attempts_per_image=1")
    make_run(str(tmp_path), plan)
    state = state_of(tmp_path, plan)
    assert state.complete
    assert {short.cell for short in state.shortfalls} == {"doctor", "chef", "farmer"}
    assert state.counts["accepted"] + sum(short.missing for short in state.shortfalls) == 45


def test_a_finished_run_is_not_worked_on_again_and_loads_no_model(tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path), plan)
    generator = NoiseGenerator()
    outcome = work(plan, FolderStore(tmp_path), generator, BrightnessJudge(), range(3))
    assert outcome.skipped == (0, 1, 2)
    assert generator.loads == 0


def test_a_stopped_run_keeps_the_shard_under_way_and_resumes(tmp_path: Path) -> None:
    plan, store = noise_plan(), FolderStore(tmp_path / "stopped")
    make_run(str(tmp_path / "whole"), plan)
    create_run(store, plan, SPEC)
    seen: list[Progress] = []

    def stop() -> bool:
        return bool(seen) and seen[-1].shard == 1

    with pytest.raises(Interrupted):
        work(plan, store, NoiseGenerator(), BrightnessJudge(), range(3), on_progress=seen.append, stop=stop)
    state = state_of(tmp_path / "stopped", plan)
    assert (list(state.done), state.pending, state.orphans) == ([0], (1, 2), ())
    make_run(str(tmp_path / "stopped"), plan)
    assert bytes_of(tmp_path / "stopped", plan) == bytes_of(tmp_path / "whole", plan)


def test_progress_grows_and_ends_with_the_commit(tmp_path: Path) -> None:
    plan, store = noise_plan(), FolderStore(tmp_path)
    seen: list[Progress] = []
    work(plan, store, NoiseGenerator(), BrightnessJudge(), [0], on_progress=seen.append)
    attempts = [sum(each.attempts for each in progress.classes.values()) for progress in seen]
    assert attempts == sorted(attempts)
    assert [progress.committed for progress in seen] == [False] * (len(seen) - 1) + [True]
    assert all(each.accepted == each.quota for each in seen[-1].classes.values())
    assert seen[-1].images_per_second > 0


def raise_at(batch: int, error: Exception) -> NoiseGenerator:
    batches = iter(range(1000))

    def maybe() -> None:
        if next(batches) == batch:
            raise error

    return NoiseGenerator(before_batch=maybe)


def test_an_unforeseen_error_ends_its_shard_alone(tmp_path: Path) -> None:
    plan, store = noise_plan(), FolderStore(tmp_path)
    outcome = work(plan, store, raise_at(2, ZeroDivisionError("deep")), BrightnessJudge(), range(3))
    assert (outcome.committed, outcome.failed) == ((1, 2), (0,))
    state = state_of(tmp_path, plan)
    assert (state.failed, state.pending, state.orphans) == ({0: 1}, (0,), ())
    content = json.loads(next((tmp_path / "failed").iterdir()).read_text())
    assert content["error"] == "ZeroDivisionError: deep"
    assert "in maybe" in content["traceback"]
    assert content["environment"]["synthgen"]
    make_run(str(tmp_path), plan)
    assert state_of(tmp_path, plan).failed == {}


def test_a_lost_device_ends_the_work_and_is_recorded(tmp_path: Path) -> None:
    plan, store = noise_plan(), FolderStore(tmp_path)
    with pytest.raises(DeviceError):
        work(plan, store, raise_at(2, DeviceError("cuda:0 is gone")), BrightnessJudge(), range(3))
    state = state_of(tmp_path, plan)
    assert (state.failed, state.pending, state.orphans) == ({}, (0, 1, 2), ())
    assert state.ended == "DeviceError: cuda:0 is gone"


def test_an_unreadable_picture_of_the_user_is_not_blamed_on_the_storage(tmp_path: Path) -> None:
    plan, store = noise_plan(), FolderStore(tmp_path)
    outcome = work(plan, store, raise_at(1, PermissionError("input.png")), BrightnessJudge(), [0])
    assert outcome.failed == (0,)
