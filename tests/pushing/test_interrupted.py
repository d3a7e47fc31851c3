"""Pushes that a hub, somebody else or a kill interrupts."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

import synthgen
from synthgen.dataset.hub import sending
from synthgen.dataset.hub.difference import parts
from synthgen.errors import StorageError
from tests.command import command_line
from tests.hub import Hub, serve
from tests.pushing.repositories import NAME, OWNER, files_of, in_repository

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads


@pytest.mark.parametrize("status", [503, 429])
def test_a_hub_that_fails_is_no_fault_of_the_user(
    hub: Hub, written: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.datasets.before = lambda method, path: status if path.endswith("whoami-v2") else None
    assert command_line(["push", str(written), NAME, "-q"]) == 5
    assert "what has arrived is not sent again" in capsys.readouterr().err


def test_a_hub_that_is_not_there_is_no_fault_of_the_user(
    hub: Hub, written: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert command_line(["push", str(written), NAME, "-q"]) == 5
    assert "Is the network up, and the Hub?" in capsys.readouterr().err
    assert command_line(["push", str(written), NAME, "-q", "--dry-run"]) == 5
    hint = capsys.readouterr().err
    assert "Is the network up, and the Hub? Run the same command again." in hint
    assert "arrived" not in hint, "nothing was to be sent"


def test_somebody_who_commits_meanwhile_keeps_what_was_committed(hub: Hub, written: Path) -> None:
    def meanwhile(method: str, path: str) -> None:
        if path.endswith("/commit/main"):
            repo = hub.datasets.repos[NAME]
            repo.commit("main", {**repo.head(), "mine.txt": b"mine"}, "mine")

    hub.datasets.before = meanwhile
    with pytest.raises(StorageError, match="somebody else changed owner/portraits meanwhile"):
        synthgen.push(written, NAME)
    assert in_repository(hub) == {"mine.txt": b"mine"}


def test_a_commit_whose_answer_is_lost_counts(hub: Hub, written: Path) -> None:
    answer = hub.datasets.answer

    def lost(method: str, target: str, headers: dict[str, str], body: bytes) -> object:
        done = answer(method, target, headers, body)
        return (504, b"{}", {}) if "/commit/" in target else done

    hub.datasets.answer = lost  # type: ignore[method-assign,assignment]
    assert synthgen.push(written, NAME).commits == 1
    assert in_repository(hub) == files_of(written)


def test_what_is_seen_between_two_commits_is_a_part_of_the_new_dataset(
    hub: Hub, written: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthgen.push(written, NAME)
    wanted = files_of(other)
    monkeypatch.setattr(sending, "parts", partial(parts, most=1))
    hub.datasets.before = lambda method, path: 500 if path.endswith("/commit/main") and was_begun() else None

    def was_begun() -> bool:
        return len(hub.datasets.repos[NAME].commits) > 3

    with pytest.raises(StorageError, match="500"):
        synthgen.push(other, NAME, replace=True)
    seen = in_repository(hub)
    assert seen
    assert seen.items() <= wanted.items()
    assert "synthgen.json" not in seen
    hub.datasets.before = lambda method, path: None
    assert synthgen.push(other, NAME).commits == len(wanted) - len(seen)
    assert in_repository(hub) == wanted


POINTS: dict[str, Callable[[str, str], bool]] = {
    "created": lambda method, path: path == "/api/repos/create",
    "uploading": lambda method, path: path.startswith("/upload/"),
    "committing": lambda method, path: path.endswith("/commit/main"),
    "looking": lambda method, path: "/tree/" in path,
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_it_has_published_all_or_nothing_and_the_next_call_finishes(
    written: Path, tmp_path: Path, point: str
) -> None:
    with serve(tmp_path / "models") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": OWNER}
        command = [sys.executable, "-m", "synthgen", "push", str(written), NAME, "-q"]

        def kill(method: str, path: str) -> None:
            if POINTS[point](method, path):
                hub.datasets.before = lambda method, path: None
                # When it has answered, and not before: what is asked for is done.
                Thread(target=os.kill, args=(process.pid, signal.SIGKILL)).start()

        hub.datasets.before = kill
        with subprocess.Popen(command, env={**os.environ, **environment}) as process:
            assert process.wait(60) == -signal.SIGKILL
        assert NAME not in hub.datasets.repos or in_repository(hub) in ({}, files_of(written))
        arrived = set(hub.datasets.objects)
        again = subprocess.run(command, env={**os.environ, **environment}, timeout=60, check=False)
        assert again.returncode == 0
        assert in_repository(hub) == files_of(written)
        assert len(hub.datasets.uploads) == len({*hub.datasets.uploads}), arrived  # nothing went twice
