"""`output.shard_size: auto`: minutes of work, chosen once."""

from pathlib import Path

import pytest

import synthgen
from synthgen.api.measured import Speed, keep_speed, size_of, this_machine
from synthgen.api.shard_size import chosen
from synthgen.spec import mean_steps

SPEC = {
    "synthgen": 1,
    "name": "sized",
    "model": {"id": "bundled:workers", "batch_size": 4},
    "classes": {"doctor": 400, "chef": 400},
    "prompts": {"templates": ["a {class}"]},
}
AUTO = {**SPEC, "output": {"shard_size": "auto"}}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SYNTHGEN_FORECASTS", "1")


def measure(seconds: float, machine: str | None = None) -> None:
    planned = synthgen.plan(SPEC)
    keep_speed(
        Speed(
            "bundled:workers", planned.revisions.generator, size_of(planned), mean_steps(planned.spec.model), "4",
            "float32", "cpu", this_machine() if machine is None else machine, 1, 100, 100 * seconds,
        )
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "images"), [(0.001, 1024), (0.8, 512), (1.0, 256), (10.0, 32), (500.0, 16)])
def test_a_shard_is_some_minutes_of_work_as_measured_here_and_bounded(seconds: float, images: int) -> None:
    measure(seconds)
    planned = synthgen.plan(AUTO)
    assert planned.spec.output.shard_size == images
    assert f"{images} images, about" in chosen(planned).reason
    assert synthgen.plan(SPEC).spec.output.shard_size == 256, "only where the spec asks for it"


def test_what_was_not_measured_on_this_machine_gives_the_default() -> None:
    assert synthgen.plan(AUTO).spec.output.shard_size == 256
    measure(10.0, machine="another")
    planned = synthgen.plan(AUTO)
    assert planned.spec.output.shard_size == 256
    assert "no run or preview was measured on this machine yet" in chosen(planned).reason


def test_a_run_keeps_its_number_whatever_is_measured_later(tmp_path: Path) -> None:
    run = tmp_path / "run"
    begun = synthgen.begin(AUTO, run)
    (run / "journal").mkdir()
    (run / "journal/00000-0123456789abcdef.parquet").write_bytes(b"")  # somebody works on it
    measure(10.0)
    assert synthgen.begin(AUTO, run) == begun
    assert "shard_size: 256" in (run / "spec.resolved.yaml").read_text()
    more = {**AUTO, "classes": {"doctor": 400, "chef": 401}}
    assert synthgen.begin(more, run, extend=True).spec.output.shard_size == 256
    assert synthgen.plan(AUTO).spec.output.shard_size == 32


def test_shards_of_hours_are_named() -> None:
    from synthgen.api.planning import shard_notes

    measure(200.0)
    (note,) = shard_notes(synthgen.plan(SPEC))
    assert note.startswith("a shard takes about ")
    assert "'auto'" in note
