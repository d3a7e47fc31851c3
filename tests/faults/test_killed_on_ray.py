"""Drivers and actors of a Ray cluster that are killed at random moments: nothing is lost, doubled or left over."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ray_kills import NODES, Came, disturb, undisturbed
from tests.faults.sweep import Bench
from tests.ray_nodes import Nodes, cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray")
    with cluster(**NODES) as started:
        yield started


def killed(calm: Bench, nodes: Nodes, folder: Path, count: int) -> Came:
    whole = undisturbed(calm.server, folder)
    return disturb(calm.server, nodes, folder, whole, count=count, rng=random.Random())


def test_runs_on_ray_that_are_killed_come_out_the_same(calm: Bench, nodes: Nodes, tmp_path: Path) -> None:
    came = killed(calm, nodes, tmp_path, 4)
    assert came.wrong == []


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_runs_on_ray_that_are_killed_again_and_again_come_out_the_same(
    calm: Bench, nodes: Nodes, tmp_path: Path
) -> None:
    came = killed(calm, nodes, tmp_path, 60)
    assert came.wrong == []
    assert (came.drivers > 0, came.working > 0) == (True, True), "both are killed, and actors at their work"
