"""`status --watch`: it follows a run until no shard is left, in text and in lines of JSON, and can be stopped."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.errors import Interrupted
from synthgen.running import create_run, open_run, work
from synthgen.running.failures import write_failure
from synthgen.store import open_store
from tests.command import call, envelope
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan

PLAN = noise_plan("classes={doctor: 27, chef: 18}", "output.shard_size=15")


def begin(place: str, batches: int = 3) -> None:
    """Work on a run until so many batches of its first shard are kept."""
    store, left = open_store(place), iter(range(batches + 1))
    create_run(store, PLAN, SPEC)
    with pytest.raises(Interrupted):
        work(open_run(store), store, NoiseGenerator(2), BrightnessJudge(), [0], stop=lambda: next(left, None) is None)


def watch(run: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "synthgen", "status", str(run), "--watch", "--every", "0.1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_state_has_what_journals_hold(place: str) -> None:
    begin(place)
    _, state = synthgen.status(place)
    [shard] = state.under_way.values()
    assert (shard.shard, shard.attempts, sum(shard.counts.values())) == (0, 6, 6)
    assert shard.counts["accepted"] > 0
    assert shard.written > "2026"
    make_run(place, PLAN)
    assert synthgen.status(place)[1].under_way == {}


def test_lines_of_json_follow_a_run_to_its_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    begin(str(run))
    write_failure(open_store(run), 1, ValueError("the first line\nthe second"))
    with watch(run, "--json") as process:
        assert process.stdout is not None
        first = envelope(process.stdout.readline())
        make_run(run, PLAN)
        lines = [envelope(line) for line in process.stdout]
    assert process.returncode == 0
    before: dict[str, Any] = first["result"]
    assert (before["done"], before["under_way"][0]["attempts"], before["images"]) == (0, 6, 45)
    assert before["causes"] == {"1": "ValueError: the first line"}
    assert (lines[-1]["result"]["done"], lines[-1]["result"]["pending"]) == (3, [])
    assert all(line["exit_code"] == 0 for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_75(tmp_path: Path, number: signal.Signals) -> None:
    begin(str(tmp_path / "run"))
    with watch(tmp_path / "run", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        lines = process.stdout.read().splitlines()
    assert process.returncode == 75
    assert json.loads(lines[-1])["errors"][0]["code"] == "interrupted"


def test_a_pipe_gets_short_lines_and_may_be_closed(tmp_path: Path) -> None:
    begin(str(tmp_path / "run"))
    with watch(tmp_path / "run") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "0/3 shards, 0/45 images, 1 under way (+" in line
        assert len(line) <= 80
        process.stdout.close()
        assert process.wait(60) == 0, "nobody reads it any more"


def test_damage_ends_it_with_5_and_nothing_to_watch_with_2(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, PLAN)
    (run / "done/00001.json").write_text("{")
    done = call("status", run, "--watch", folder=tmp_path)
    assert (done.returncode, "1 shard damaged" in done.stderr, "damaged   shard 1" in done.stdout) == (5, True, True)
    assert call("status", run, "--every", "2", "--json", folder=tmp_path).returncode == 2
    assert call("status", tmp_path, "--watch", folder=tmp_path).returncode == 2


def test_a_terminal_gets_it_in_place_within_its_width(tmp_path: Path) -> None:
    begin(str(tmp_path / "run"))
    write_failure(open_store(tmp_path / "run"), 1, ValueError("long " * 40))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "synthgen", "status", str(tmp_path / "run"), "-w", "--every", "0.1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "30"}
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        seen = b""
        while seen.count(b"under way") < 3:
            seen += os.read(ours, 1000)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        os.close(ours)
    text = seen.decode()
    assert "ValueError: long long" in text
    lines = [line.rpartition("\x1b[2K")[2] for line in text.replace("\r", "\n").split("\n")]
    assert max(map(len, lines)) <= 80
    assert "\x1b[1A" in text, "it is redrawn in place"
