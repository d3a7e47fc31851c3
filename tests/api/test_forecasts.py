"""Forecasts learn from previews and runs, and say what they rest on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen import bundled
from synthgen.api.measured import Passes, Speed, keep_passes, keep_speed, read_passes, read_speeds, this_machine
from synthgen.errors import UsageError
from synthgen.families import own_size
from synthgen.models import ModelSource
from synthgen.planning import Plan

SPEC: dict[str, Any] = {
    "synthgen": 1,
    "name": "learnt",
    "model": {"id": "bundled:workers", "steps": 2, "batch_size": 4},
    "classes": {"doctor": 4, "chef": 4},
    "prompts": {"templates": ["a {class}"]},
    "filters": {"label": {"min_posterior": 0.01}},
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/synthgen/forecasts"


def measured(planned: Plan, **changes: Any) -> Speed:
    facts: dict[str, Any] = {
        "model": planned.spec.model.id, "revision": planned.revisions.generator, "size": "own", "steps": 2,
        "batch_size": "4", "dtype": "float32", "device": "cpu", "machine": this_machine(), "runs": 1, "images": 100,
        "seconds": 50.0,
    }  # fmt: skip
    return Speed(**facts | changes)


def test_what_nobody_measured_is_assumed_or_unknown() -> None:
    found = synthgen.forecast(synthgen.plan(SPEC))
    assert (found.attempts, found.attempts_range, found.tried) == (10, None, 0), "8 at 80 %; batches are cut"
    assert found.basis["attempts"].startswith("assumes a pass rate of 80%")
    assert found.seconds is None
    assert found.basis["seconds"].startswith("unknown")
    assert (found.size, found.budget) == ((64, 64), 8 * synthgen.load_spec(SPEC).budget.attempts_per_image)


def test_a_preview_of_a_folder_s_model_teaches_its_time(tmp_path: Path, cache: Path) -> None:
    shutil.copytree(bundled.GENERATOR, tmp_path / "model")
    own = {**SPEC, "model": {**SPEC["model"], "id": str(tmp_path / "model")}, "judge": {"id": "bundled:judge"}}
    assert synthgen.forecast(synthgen.plan(own)).seconds is None
    tally = synthgen.preview(own, 6, tmp_path / "sheet.html", "cpu")
    found = synthgen.forecast(synthgen.plan(own))
    assert found.seconds is not None
    assert 0 < found.seconds < 120
    where = "measured in one earlier run or preview on this machine (cpu), 6 images; a rough figure"
    assert found.basis["seconds"] == where
    assert found.tried == tally.attempted == 6
    assert found.size == (64, 64)
    assert str(tmp_path) not in "".join(file.read_text() for file in cache.iterdir())

    twice = synthgen.plan({**own, "model": {**own["model"], "steps": 4}})
    assert synthgen.forecast(twice).seconds == pytest.approx(2 * found.seconds / found.attempts * 10)
    assert "at 2 steps, scaled to 4" in synthgen.forecast(twice).basis["seconds"]
    assert "another" not in found.basis["seconds"]


def test_finished_shards_teach_and_an_interrupted_run_too(tmp_path: Path) -> None:
    spec = synthgen.load_spec(SPEC, ["output.shard_size=4"])
    committed: list[int] = []

    def on_progress(event: object) -> None:
        if isinstance(event, synthgen.Progress) and event.committed:
            committed.append(event.shard)

    with pytest.raises(synthgen.Interrupted):
        synthgen.run(spec, tmp_path / "run", devices="cpu", on_progress=on_progress, stop=lambda: bool(committed))
    (first,) = read_speeds(synthgen.plan(spec))
    _, state = synthgen.status(tmp_path / "run")
    assert (first.runs, first.images, first.batch_size) == (1, sum(state.counts.values()), "4")
    assert first.seconds == pytest.approx(state.seconds)

    result = synthgen.run(spec, tmp_path / "run", devices="cpu")
    (both,) = read_speeds(synthgen.plan(spec))
    assert (both.runs, both.images) == (2, result.tally.attempted)
    found = synthgen.forecast(synthgen.plan(spec))
    good = result.tally.accepted + result.tally.others.get("surplus", 0)
    assert (found.passed, found.tried) == (good, result.tally.attempted)
    assert found.basis["attempts"].startswith(
        f"measured in 2 earlier runs or previews: {good} of {found.tried} attempts"
    )
    assert found.attempts_range is not None
    assert found.attempts_range[0] <= found.attempts <= found.attempts_range[1]

    synthgen.run(spec, tmp_path / "run", devices="cpu")
    assert read_speeds(synthgen.plan(spec)) == [both], "nothing was made, and nothing is learnt"
    other = synthgen.plan({**SPEC, "filters": {"label": {"min_posterior": 0.9}}})
    assert synthgen.forecast(other).tried == 0, "another filter passes others"
    more = synthgen.plan({**SPEC, "classes": {"doctor": 40, "chef": 4}, "seed": 9, "name": "more"})
    assert synthgen.forecast(more).tried == found.tried


def test_no_forecast_is_above_the_budget(cache: Path) -> None:
    planned = synthgen.plan({**SPEC, "budget": {"attempts_per_image": 3}})
    keep_passes(planned, {"doctor": (100, 0), "chef": (100, 90)})
    found = synthgen.forecast(planned)
    assert found.attempts == 17, "12 for doctors, 5 for chefs"
    assert found.attempts_range is not None
    assert found.attempts_range[1] <= found.budget == 24
    keep_passes(planned, {"doctor": (100, 0), "chef": (1000, 0)})
    assert synthgen.forecast(planned).attempts <= 24


def test_a_figure_of_four_images_says_so_and_its_range_is_wide() -> None:
    planned = synthgen.plan({**SPEC, "classes": {"doctor": 100}})
    keep_passes(planned, {"doctor": (4, 4)})
    found = synthgen.forecast(planned)
    assert found.basis["attempts"].endswith("4 of 4 attempts passed the filters; a rough figure")
    assert found.attempts_range is not None
    assert found.attempts_range[0] == 100
    assert found.attempts_range[1] > 180


def test_the_nearest_measurement_counts() -> None:
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned, machine="elsewhere", device="NVIDIA H200", seconds=1.0))
    far = synthgen.forecast(planned)
    assert far.seconds == pytest.approx(far.attempts * 0.01)
    assert "on another machine (NVIDIA H200), 100 images" in far.basis["seconds"]
    keep_speed(measured(planned, steps=4, seconds=100.0))
    assert synthgen.forecast(planned).seconds == pytest.approx(far.attempts * 0.5), "this machine, scaled"
    keep_speed(measured(planned, batch_size="16", seconds=40.0))
    keep_speed(measured(planned, seconds=30.0))
    assert synthgen.forecast(planned).seconds == pytest.approx(far.attempts * 0.3), "this batch size"
    half = synthgen.plan({**SPEC, "model": {**SPEC["model"], "dtype": "float16"}})
    assert synthgen.forecast(half).seconds is None
    larger = synthgen.plan({**SPEC, "model": {**SPEC["model"], "size": 32}})
    assert synthgen.forecast(larger).seconds is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b"null", b'{"format": 2}', b'{"format": 1, "value": {}}', b"[" * 100_000]
)
def test_damaged_notes_do_not_count_and_are_replaced(cache: Path, content: bytes) -> None:
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned))
    keep_passes(planned, {"doctor": (10, 5)})
    for file in cache.iterdir():
        file.write_bytes(content)
    found = synthgen.forecast(planned)
    assert (found.seconds, found.tried) == (None, 0)
    keep_speed(measured(planned))
    keep_passes(planned, {"doctor": (10, 5)})
    assert [speed.images for speed in read_speeds(planned)] == [100]
    assert (read_passes(planned) or Passes("", 1, {})).of() == (10, 5)


@pytest.mark.parametrize(
    ("key", "value"), [("seconds", 1e400), ("seconds", -1), ("images", 0), ("steps", "2"), ("device", None)]
)
def test_impossible_numbers_do_not_count(cache: Path, key: str, value: object) -> None:
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned))
    (file,) = cache.iterdir()
    content = json.loads(file.read_text())
    content["value"][key] = value
    file.write_text(json.dumps(content))
    assert synthgen.forecast(planned).seconds is None or key == "steps"


def test_the_cache_stays_small_and_does_not_name_the_machine(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import platform

    planned = synthgen.plan(SPEC)
    monkeypatch.setattr("synthgen.api.measured._MOST_FILES", 5)
    for steps in range(1, 20):
        keep_speed(measured(planned, steps=steps))
    assert len(list(cache.iterdir())) == 5
    assert all(file.stat().st_size < 1000 for file in cache.iterdir())
    assert platform.node() not in "".join(file.read_text() for file in cache.iterdir())
    assert cache.stat().st_mode & 0o077 == 0


def test_it_can_be_switched_off(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned))
    monkeypatch.setenv("SYNTHGEN_FORECASTS", "0")
    assert synthgen.forecast(planned).seconds is None
    keep_speed(measured(planned, steps=9))
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned))
    keep_passes(planned, {"doctor": (10, 5)})
    assert synthgen.forecast(planned).seconds is None


def test_processes_that_write_at_once_leave_a_whole_file(cache: Path) -> None:
    code = (
        "import synthgen\nfrom synthgen.api.measured import keep_passes\n"
        f"planned = synthgen.plan({SPEC!r})\n"
        "for _ in range(20): keep_passes(planned, {'doctor': (10, 5)})"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ)) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    passes = read_passes(synthgen.plan(SPEC))
    assert passes is not None
    assert passes.runs == 40, "none is lost"
    assert passes.of("doctor") == (10 * passes.runs, 5 * passes.runs)
    assert len(list(cache.iterdir())) == 1


def test_a_model_s_own_size_is_read_from_its_configuration(tmp_path: Path) -> None:
    assert own_size(ModelSource(str(bundled.GENERATOR), "content:x")) == (64, 64)
    for name, content in {
        "model_index.json": {
            "_class_name": "PixArtAlphaPipeline",
            "transformer": ["diffusers", "T"],
            "vae": ["diffusers", "V"],
        },
        "transformer/config.json": {"sample_size": [32, 64]},
        "vae/config.json": {"encoder_block_out_channels": [1] * 6},
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    source = ModelSource(str(tmp_path), "content:x")
    assert own_size(source) == (2048, 1024)
    (tmp_path / "transformer/config.json").write_text("{}")
    assert own_size(source) is None
    assert own_size(ModelSource("owner/nowhere", "0" * 40)) is None


def test_without_a_size_the_disk_is_unknown() -> None:
    from synthgen.planning import Revisions, make_plan

    hub = {**SPEC, "model": {"id": "owner/nowhere"}}
    planned = make_plan(synthgen.load_spec(hub), Revisions("0" * 40, "judge"))
    found = synthgen.forecast(planned)
    assert (found.bytes, found.size) == (None, None)
    assert found.basis["bytes"].startswith("unknown")
    assert repr(found) == "<Forecast about 10 attempts, time unknown, disk unknown>"


def test_the_sizes_of_splits_are_foretold_and_empty_ones_named() -> None:
    splits = {"train": 0.8, "validation": 0.1, "test": 0.1}
    asked = {**SPEC, "classes": {"doctor": 6}, "output": {"splits": splits}}
    with pytest.raises(UsageError, match=r"output\.splits\.test: .*: 6 images are too few for a share of 0\.1"):
        synthgen.plan(asked)
    found = synthgen.forecast(synthgen.plan({**SPEC, "classes": {"doctor": 4}}))
    assert found.splits == {"doctor": {"train": 4, "test": 0}}
    assert found.warnings == ("the split 'test' will be empty: 4 images are too few for a share of 0.1",)
    some = synthgen.forecast(synthgen.plan({**SPEC, "classes": {"doctor": 5, "chef": 5}}))
    assert sum(counts["test"] for counts in some.splits.values()) == 1
    assert some.warnings == ("the split 'test' will lack 1 of 2 classes, such as 'doctor': too few images of them",)
    assert synthgen.forecast(synthgen.plan({**SPEC, "classes": {"doctor": 50}})).warnings == ()


ADDS = """
import sys
from synthgen.api.measured import Speed, keep_speed
while not sys.stdin.readline():
    pass
for _ in range(30):
    keep_speed(Speed("owner/model", "r", "own", 2, "4", "float32", "cpu", "here", 1, 10, 5.0))
"""


def test_processes_that_measure_at_once_lose_no_note(cache: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", ADDS], stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)
        assert worker.returncode == 0
    (note,) = cache.glob("speed-*.json")
    found = json.loads(note.read_text())["value"]
    assert (found["runs"], found["images"], found["seconds"]) == (60, 600, 300.0)


def test_a_cache_that_cannot_be_locked_is_still_written(cache: Path) -> None:
    cache.with_name("forecasts.lock").mkdir(parents=True)
    planned = synthgen.plan(SPEC)
    keep_speed(measured(planned))
    keep_passes(planned, {"doctor": (8, 4)})
    assert read_speeds(planned)
    assert read_passes(planned)
