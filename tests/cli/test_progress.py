"""Progress of a whole run, from what its shards report, and what it looks like off a terminal."""

import io
import json
import re
import threading

import pytest
from rich.cells import cell_len
from rich.console import Console

from synthgen.cli.display import Bars, JsonLines, Sentences, pass_rate, sentence
from synthgen.cli.progress import Snapshot, Whole, slowest
from synthgen.events import ClassProgress, Progress, RunStarted, StepProgress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shard(index: int, accepted: int, quota: int, attempts: int, *, committed: bool = False) -> Progress:
    return Progress(index, {"chef": ClassProgress(accepted, quota, attempts)}, 1.0, committed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resumed(clock: Clock) -> Whole:
    """A run of 100 images, of which earlier calls committed 40."""
    whole = Whole(clock)
    whole.hear(RunStarted("outputs/x", 10, 4, {"chef": ClassProgress(40, 100, 80)}))
    return whole


def test_what_earlier_calls_committed_counts_as_done_and_not_as_speed(resumed: Whole, clock: Clock) -> None:
    assert resumed.hear(RunStarted("outputs/x", 10, 4, {"chef": ClassProgress(40, 100, 80)})).is_loading
    first = resumed.hear(shard(4, 0, 10, 0))
    assert (first.done, first.total, first.rate, first.seconds_left) == (40, 100, None, None)
    clock.now += 10
    later = resumed.hear(shard(4, 5, 10, 8))
    assert (later.done, later.rate, later.seconds_left) == (45, 0.5, 110.0)
    assert later.classes["chef"] == ClassProgress(45, 100, 88)


def test_shards_of_several_workers_add_up_and_none_counts_twice(resumed: Whole) -> None:
    for event in (
        shard(4, 0, 10, 0),
        shard(5, 0, 10, 0),
        shard(4, 6, 10, 8),
        shard(5, 3, 10, 8),
        shard(4, 10, 10, 16),
        shard(4, 10, 10, 16, committed=True),
    ):
        found = resumed.hear(event)
    assert (found.done, found.classes["chef"].attempts) == (40 + 10 + 3, 80 + 16 + 8)


def test_a_shard_that_begins_again_after_its_worker_died_takes_its_images_back(resumed: Whole) -> None:
    resumed.hear(shard(4, 7, 10, 8))
    assert resumed.hear(shard(4, 0, 10, 0)).done == 40


def test_a_step_is_measured_from_its_own_beginning(resumed: Whole, clock: Clock) -> None:
    resumed.hear(shard(4, 5, 10, 8))
    clock.now += 100
    resumed.hear(StepProgress("embedding faces", "images", 10, 40))
    clock.now += 5
    found = resumed.hear(StepProgress("embedding faces", "images", 20, 40))
    assert (found.rate, found.seconds_left) == (2.0, 10.0)
    assert sentence(found) == "embedding faces: 20 of 40 images, 2 images/s, 10 s left"


def test_the_slowest_classes_are_those_with_the_most_work_left() -> None:
    classes = {
        "full": ClassProgress(10, 10, 12),
        "easy": ClassProgress(5, 10, 5),
        "hard": ClassProgress(5, 10, 100),
        "never": ClassProgress(0, 10, 100),
        "untried": ClassProgress(0, 10, 0),
    }
    assert slowest(classes, 2) == ["never", "hard"]
    assert pass_rate(classes["hard"]) == "5% of 100 attempts accepted"
    assert pass_rate(classes["never"]) == "0 of 100 attempts accepted"


def test_json_lines_come_every_few_seconds_with_the_first_and_the_last(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with JsonLines("outputs/x", clock=clock) as lines:
        for done in range(100):
            lines.show(Snapshot("", "images", done, 99, 2.0, (99 - done) / 2))
            clock.now += 0.125
        lines.say("warning", "the disk is\nnearly full")
    printed = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    progress = [line for line in printed if line["event"] == "progress"]
    assert [line["done"] for line in progress] == [0, 24, 48, 72, 96, 99]
    assert list(progress[0]) == ["time", "event", "run", "unit", "done", "total", "rate", "seconds_left"]
    assert [line["message"] for line in printed if line["event"] == "warning"] == ["the disk is\nnearly full"]


def test_short_steps_do_not_bring_lines_closer_together(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines("outputs/x", clock=clock) as lines:
        for step in range(20):
            for done in range(4):
                lines.show(Snapshot(f"step {step}", "images", done, 3, None, None))
                clock.now += 0.125
    printed = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [(line["step"], line["done"]) for line in printed]
    assert told == [("step 0", 0), ("step 6", 0), ("step 12", 0), ("step 18", 0), ("step 19", 3)]


def test_a_step_that_says_nothing_after_its_beginning_is_shown_when_it_is_due(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = threading.Event()

    class Soon(Sentences):
        def __init__(self) -> None:
            super().__init__()
            self._every = 0.05

        def _print(self, snapshot: Snapshot) -> None:
            super()._print(snapshot)
            if snapshot.step == "loading":
                printed.set()

    with Soon() as lines:
        lines.show(Snapshot("reading", "images", 0, 3, None, None))
        lines.show(Snapshot("reading", "images", 3, 3, None, None))
        lines.show(Snapshot("loading", "models", 0, 1, None, None))
        assert printed.wait(20)
        assert capsys.readouterr().err.splitlines() == ["reading: 0 of 3 images", "loading: 0 of 1 models"]
    assert capsys.readouterr().err == ""


def test_a_bar_keeps_the_words_beside_a_long_path(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    screen = Console(file=drawn, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr("synthgen.cli.display.console", lambda *, stderr: screen)
    with Bars("joining /home/me/a long folder/work/sets/joined"):
        pass
    assert "joining …" in drawn.getvalue()
    assert "sets/joined" in drawn.getvalue()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_bar_of_a_long_name_keeps_its_count_and_the_time_left_on_one_line(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = io.StringIO()
    screen = Console(file=drawn, force_terminal=True, width=columns, color_system=None)
    monkeypatch.setattr("synthgen.cli.display.console", lambda *, stderr: screen)
    with Bars(f"reading {'a long folder/' * 20}") as bars:
        bars.show(Snapshot(f"measuring {'肌の色 ' * 20}", "images", 30_000, 600_000, 6.5, 90_000.0))
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.getvalue()).replace("\r", "\n").splitlines()
    assert all(cell_len(line) <= columns for line in lines)
    (line,) = {each.strip() for each in lines if "measuring" in each and "…" in each}
    assert "30000/600000" in line
    assert line.endswith("left")
