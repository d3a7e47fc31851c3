"""What the long calls of the Python face report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.events import ClassProgress, Event, Progress, RunStarted, StepProgress
from synthgen.running import verify
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore

SPEC = {
    "synthgen": 1,
    "name": "reported",
    "model": {"id": "bundled:workers", "steps": 1, "batch_size": 2},
    "classes": {"doctor": 4, "chef": 2},
    "prompts": {"templates": ["a {class}"]},
    "output": {"shard_size": 2},
}


def by_kind(events: list[Event]) -> tuple[list[RunStarted], list[Progress]]:
    return [e for e in events if isinstance(e, RunStarted)], [e for e in events if isinstance(e, Progress)]


def begun_and_stopped(folder: Path) -> None:
    """Commit one shard of three."""
    committed: list[int] = []

    def on_progress(event: Event) -> None:
        if isinstance(event, Progress) and event.committed:
            committed.append(event.shard)

    with pytest.raises(synthgen.Interrupted):
        synthgen.run(
            synthgen.load_spec(SPEC), folder, devices="cpu", on_progress=on_progress, stop=lambda: bool(committed)
        )


def test_a_run_reports_its_whole_once_before_the_first_batch(tmp_path: Path) -> None:
    events: list[Event] = []
    synthgen.run(synthgen.load_spec(SPEC), tmp_path / "run", devices="cpu", on_progress=events.append)
    assert events[0] == RunStarted(
        str(tmp_path / "run"), 3, 0, {"doctor": ClassProgress(0, 4, 0), "chef": ClassProgress(0, 2, 0)}
    )
    started, progress = by_kind(events)
    assert len(started) == 1
    assert sum(c.quota for e in progress if e.committed for c in e.classes.values()) == 6

    synthgen.run(synthgen.load_spec(SPEC), tmp_path / "run", devices="cpu", on_progress=events.append)
    assert len(by_kind(events)[0]) == 1, "nothing was left to make"


@pytest.mark.parametrize("earlier_version", [False, True])
def test_a_resumed_run_reports_what_its_shards_hold(tmp_path: Path, earlier_version: bool) -> None:
    run = tmp_path / "run"
    begun_and_stopped(run)
    planned, state = synthgen.status(run)
    (record,) = state.done.values()
    if earlier_version:  # whose markers did not count by class
        marker = next((run / "done").glob("*.json"))
        content, _ = unseal(marker.read_text())
        del content["by_class"]
        marker.write_text(seal(json.dumps(content, indent=2)))
        assert not next(iter(synthgen.status(run)[1].done.values())).by_class

    events: list[Event] = []
    assert synthgen.work(run, device="cpu", on_progress=events.append).skipped == tuple(state.done)
    (started,), _ = by_kind(events)
    assert (started.shards, started.shards_done) == (3, 1)
    assert sum(c.accepted for c in started.classes.values()) == record.counts["accepted"]
    assert sum(c.attempts for c in started.classes.values()) == sum(record.counts.values())
    assert {name: c.quota for name, c in started.classes.items()} == {"doctor": 4, "chef": 2}
    assert verify(planned, FolderStore(run)) == []


def test_a_run_that_grew_reports_its_new_quotas(tmp_path: Path) -> None:
    synthgen.run(synthgen.load_spec(SPEC), tmp_path / "run", devices="cpu")
    events: list[Event] = []
    larger = synthgen.load_spec(SPEC, ["classes.chef=5"])
    synthgen.run(larger, tmp_path / "run", devices="cpu", extend=True, on_progress=events.append)
    (started,), _ = by_kind(events)
    assert started.shards_done == 3
    assert {name: (c.accepted, c.quota) for name, c in started.classes.items()} == {"doctor": (4, 4), "chef": (2, 5)}
    assert started.shards == 5


def test_a_pilot_reports_its_whole(tmp_path: Path) -> None:
    events: list[Event] = []
    synthgen.pilot(synthgen.load_spec(SPEC), tmp_path / "pilot", 2, devices="cpu", on_progress=events.append)
    (started,), _ = by_kind(events)
    assert {name: c.quota for name, c in started.classes.items()} == {"doctor": 2, "chef": 2}


def test_a_preview_counts_its_attempts(tmp_path: Path) -> None:
    events: list[Event] = []
    synthgen.preview(synthgen.load_spec(SPEC), 3, tmp_path / "sheet.html", "cpu", on_progress=events.append)
    assert events == [StepProgress("making the preview", "attempts", done, 3) for done in range(4)]


@pytest.mark.parametrize("call", [synthgen.verify, synthgen.repair])
def test_reading_again_counts_the_shards(tmp_path: Path, call: Callable[..., object]) -> None:
    synthgen.run(synthgen.load_spec(SPEC), tmp_path / "run", devices="cpu")
    events: list[Event] = []
    call(tmp_path / "run", events.append)
    assert events == [StepProgress("checking", "shards", done, 3) for done in range(4)]
