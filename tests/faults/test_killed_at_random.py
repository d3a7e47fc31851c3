"""Processes that end at random moments, in each way to make a run: nothing is lost, doubled or left over."""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.kills import Came, disturb, ways
from tests.faults.sweep import Bench

KILLS, STOPS = ["SIGKILL"], ["SIGTERM", "SIGINT"]
BATCH = 4


@pytest.fixture
def disturbed(
    calm: Bench, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[str, str, Sequence[str], int], Came]:
    """Disturbs runs in a way, in a folder or a bucket, by these signals and so often."""
    (tmp_path / "spec.yaml").write_text((calm.folder / "spec.yaml").read_text())

    def made(way: str, place: str, kinds: Sequence[str], count: int) -> Came:
        location, environment = "run", dict[str, str]()
        if place == "bucket":
            location = f"{request.getfixturevalue('s3')()}/some/run"
            environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return disturb(
            calm.server,
            tmp_path,
            ways(location)[way],
            location,
            calm.whole,
            count=count,
            kinds=kinds,
            rng=random.Random(),
            environment=environment,
        )

    return made


Disturb = Callable[[str, str, Sequence[str], int], Came]
IN_EACH_WAY = pytest.mark.parametrize(
    ("way", "place", "share"),
    [
        ("one worker", "folder", 0.3),
        ("two workers", "folder", 0.3),
        ("two tasks", "folder", 0.3),
        ("two tasks", "bucket", 0.1),
    ],
)
"""With the share of all kills: in a bucket one takes four times as long."""


def check_kills(came: Came) -> None:
    assert came.wrong == []
    assert came.twice <= BATCH * came.signals, "with a part of the journal for each batch, a kill loses one batch"


def check_stops(came: Came) -> None:
    assert came.wrong == []
    assert came.twice == 0, "what was rendered before a stop is not rendered again"


@pytest.mark.slow
@IN_EACH_WAY
def test_runs_that_are_killed_come_out_the_same(disturbed: Disturb, way: str, place: str, share: float) -> None:
    check_kills(disturbed(way, place, KILLS, round(60 * share)))


@pytest.mark.slow
@IN_EACH_WAY
def test_runs_that_are_stopped_lose_nothing_that_was_made(
    disturbed: Disturb, way: str, place: str, share: float
) -> None:
    check_stops(disturbed(way, place, STOPS, round(40 * share)))


@pytest.mark.sweep
@pytest.mark.timeout(0)
@IN_EACH_WAY
def test_runs_that_are_killed_a_thousand_times_come_out_the_same(
    disturbed: Disturb, way: str, place: str, share: float
) -> None:
    check_kills(disturbed(way, place, KILLS, round(1000 * share)))
    check_stops(disturbed(way, place, STOPS, round(400 * share)))
