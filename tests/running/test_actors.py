"""The Ray executor on a real cluster in this machine: nodes and actors are lost, and the run comes out the same."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from synthgen.errors import DeviceError, DeviceLost, Interrupted, StorageError, UsageError
from synthgen.events import Progress
from synthgen.running import Assignment, Outcome, create_run, open_run, run_ray, verify, work
from synthgen.store import FolderStore
from tests.ray_nodes import Nodes, cluster
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import bytes_of, ledger_of, state_of

PLAN = noise_plan("classes.doctor=40", "output.shard_size=8")
SHARDS = tuple(range(PLAN.shard_count))

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def start(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> Outcome:
    """A worker that says where it is at which shard. Before each batch it rests, as long as there is a file `hold`, and
    then does to itself what a file `N-kill` or `N-stop` says, which it removes if it is empty. With such a file `fault`
    its device breaks."""
    import ray

    store, beside = FolderStore(location), Path(location).parent
    node, current = ray.get_runtime_context().get_node_id(), -1

    def told() -> Iterator[int | Assignment]:
        nonlocal current
        for one in shards:
            assert isinstance(one, Assignment)
            current = one.shard
            (beside / f"{current}-at").write_text(f"{os.getpid()} {node} {torch.get_num_threads()}")
            yield one

    def before_batch() -> None:
        time.sleep(0.2)
        while (beside / "hold").exists():
            time.sleep(0.05)
        for trouble, number in (("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)):
            file = beside / f"{current}-{trouble}"
            if file.exists():
                if not file.read_text():
                    file.unlink()
                os.kill(os.getpid(), number)

        with suppress(FileNotFoundError):
            if not (beside / "fault").read_text():
                (beside / "fault").unlink()
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    generator = NoiseGenerator(before_batch=before_batch)
    return work(open_run(store), store, generator, BrightnessJudge(), told(), on_progress=on_progress, stop=stop)


def at(folder: Path, shard: int) -> tuple[int, str, int]:
    """Process, node and threads of the worker that was last given `shard`."""
    pid, node, threads = (folder / f"{shard}-at").read_text().split()
    return int(pid), node, int(threads)


def start_in_nowhere(location: str, *others: Any) -> Outcome:
    """A worker on a node that does not have the run's folder."""
    return start(f"{location}-nowhere", *others)


def start_in_copy(location: str, *others: Any) -> Outcome:
    """A worker on a node that has a folder of its own under the same path."""
    return start(f"{location}-copy", *others)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray")
    with cluster(OMP_NUM_THREADS="2") as nodes:  # what nodes may have, and actors with one core must not
        yield nodes


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as one process makes it."""
    folder = tmp_path_factory.mktemp("alone")
    make_run(str(folder), PLAN)
    return folder


def on_ray(nodes: Nodes, folder: Path, worker: Any = start, **options: Any) -> Outcome:
    store = FolderStore(folder / "run")
    create_run(store, PLAN, SPEC)
    return run_ray(worker, store, SHARDS, address=nodes.address, loading_deadline=60.0, **options)


def assert_same(run: Path, alone: Path) -> None:
    assert bytes_of(run, PLAN) == bytes_of(alone, PLAN)
    assert [row["id"] for row in ledger_of(run, PLAN)] == [row["id"] for row in ledger_of(alone, PLAN)]
    assert verify(PLAN, FolderStore(run)) == []


def test_a_broken_device_costs_its_actor_and_no_shard(nodes: Nodes, alone: Path, tmp_path: Path) -> None:
    (tmp_path / "fault").touch()
    assert on_ray(nodes, tmp_path).committed == SHARDS
    assert not (tmp_path / "fault").exists()
    assert [path.name[:7] for path in (tmp_path / "run/failed").iterdir()] == ["worker-"]
    assert_same(tmp_path / "run", alone)


def test_devices_that_break_again_and_again_end_the_run_with_the_cause(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "fault").write_text("always")
    with pytest.raises(DeviceLost, match=r"devices broke 6 times; .*: CUDA error: an illegal memory access"):
        on_ray(nodes, tmp_path)
    assert state_of(tmp_path / "run", PLAN).failed == {}


def test_a_node_that_joins_is_used_and_when_it_is_lost_nothing_is(nodes: Nodes, alone: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()  # until the third worker was there, no shard is made
    joined: list[Any] = []
    places: set[str] = set()
    begun: Counter[int] = Counter()

    def on_progress(progress: Progress) -> None:
        process, place, threads = at(tmp_path, progress.shard)
        assert threads == 1
        places.add(place)
        begun[progress.shard] += (
            not progress.committed and sum(kind.attempts for kind in progress.classes.values()) == 0
        )
        if not joined:
            joined.append(nodes.add())
        elif len(places) == 2 and joined[0] is not None:
            nodes.remove(joined[0])
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)  # or it would go on for the moment that it takes to miss its node
            joined[0] = None
            (tmp_path / "hold").unlink()

    outcome = on_ray(nodes, tmp_path, on_progress=on_progress)
    assert (outcome.committed, outcome.failed, len(places), joined) == (SHARDS, (), 2, [None])
    assert begun.total() == len(SHARDS) + 1
    assert_same(tmp_path / "run", alone)


def test_actors_killed_at_random_moments_leave_the_run_as_if_nothing_had_been(
    nodes: Nodes, alone: Path, tmp_path: Path
) -> None:
    killed: set[int] = set()

    def on_progress(progress: Progress) -> None:
        if len(killed) < 4 and progress.shard not in killed and random.random() < 0.4:
            killed.add(progress.shard)
            time.sleep(random.uniform(0, 0.3))
            os.kill(at(tmp_path, progress.shard)[0], signal.SIGKILL)

    outcome = on_ray(nodes, tmp_path, on_progress=on_progress)
    # An actor that dies right after a commit cannot tell of it: the next one finds the shard done, and skips it.
    assert tuple(sorted(outcome.committed + outcome.skipped)) == SHARDS
    assert (outcome.failed, bool(killed)) == ((), True)
    assert_same(tmp_path / "run", alone)


@pytest.mark.slow
def test_an_actor_that_hangs_is_replaced_and_a_shard_that_always_kills_is_set_aside(
    nodes: Nodes, tmp_path: Path
) -> None:
    (tmp_path / "6-stop").touch()
    (tmp_path / "2-kill").write_text("always")
    outcome = on_ray(nodes, tmp_path, batch_deadline=4.0)
    assert (outcome.failed, outcome.committed) == ((2,), tuple(sorted({*SHARDS} - {2})))
    assert state_of(tmp_path / "run", PLAN).failed == {2: 1}
    (failure,) = (tmp_path / "run/failed").iterdir()
    assert "3 workers in turn ended at this shard; the last one: The actor is dead because" in failure.read_text()


def test_a_stop_ends_all_actors_after_their_batch(nodes: Nodes, tmp_path: Path) -> None:
    began: list[float] = []
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        on_ray(nodes, tmp_path, on_progress=lambda _: began.append(time.monotonic()), stop=lambda: bool(began))
    assert time.monotonic() - began[0] < 20
    assert signal.getsignal(signal.SIGTERM) is handler
    assert state_of(tmp_path / "run", PLAN).pending


def test_a_folder_that_nodes_do_not_share_is_explained(nodes: Nodes, tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"a worker on .* cannot begin: .*run-nowhere is not a synthgen run"
    ) as caught:
        on_ray(nodes, tmp_path, start_in_nowhere)
    assert caught.value.hint is not None
    assert "All nodes must see the run's folder" in caught.value.hint
    shutil.copytree(tmp_path / "run", tmp_path / "run-copy")
    with pytest.raises(StorageError, match="lacks shards that workers committed, such as 0"):
        on_ray(nodes, tmp_path, start_in_copy)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-port", "ray://127.0.0.1:10001", "http://127.0.0.1:8265"])
def test_an_address_where_no_cluster_is_ends_at_once(address: str, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    began = time.monotonic()
    with pytest.raises((UsageError, DeviceError), match=r"no Ray cluster answers at|address: expected HOST:PORT"):
        run_ray(start, FolderStore(tmp_path), SHARDS, address=address)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("before", ["", "import ray"])
def test_under_uv_run_nothing_of_the_environment_is_sent(nodes: Nodes, before: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        f"{before}\nfrom synthgen.running.executors.ray_cluster import connected\n"
        f"with connected({nodes.address!r}) as ray:\n    print(ray.get_runtime_context().runtime_env)\n"
    )
    command = ["uv", "run", "--no-project", "--offline", sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "{}\n"), done.stderr


def test_the_command_line_stops_on_a_cluster_is_killed_and_goes_on_there(nodes: Nodes, tmp_path: Path) -> None:
    spec = (
        'synthgen: 1\nname: shared\nmodel: {id: "bundled:workers", steps: 2}\nclasses: {chef: 16, nurse: 16}\n'
        'prompts: {templates: ["a {class}"]}\noutput: {shard_size: 4}\n'
    )
    (tmp_path / "spec.yaml").write_text(spec)
    command = [sys.executable, "-m", "synthgen", "run", "spec.yaml", "-o", "run", "--executor", "ray"]
    command += ["--address", nodes.address]
    for number, code in ((signal.SIGTERM, 75), (signal.SIGKILL, -signal.SIGKILL)):
        with started(command, tmp_path) as process:
            assert process.stderr is not None
            before = committed(tmp_path)
            while committed(tmp_path) == before:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.02)
            process.send_signal(number)
            began = time.monotonic()
            rest = process.stderr.read()
            process.wait()
        assert (process.returncode, time.monotonic() - began < 20, "Traceback" in rest) == (code, True, False), rest
        assert 0 < len(list((tmp_path / "run/done").iterdir())) < 8

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.match(r"outcome   \d+ of \d+ attempts passed the filters \(\d+%\): 32 kept", done.stdout)
    assert all(line.startswith("{") for line in done.stderr.splitlines()), done.stderr

    local = [sys.executable, "-m", "synthgen", "run", "spec.yaml", "-o", "local", "--devices", "cpu"]
    subprocess.run(local, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for folder in ("dataset/data", "ledger"):
        here, there = (rows_of(tmp_path / name / folder) for name in ("run", "local"))
        assert here == there != []


def committed(folder: Path) -> int:
    return len(list((folder / "run/done").glob("*.json")))


@contextmanager
def started(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block: a test that fails in it must not wait for it."""
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def rows_of(folder: Path) -> list[tuple[object, ...]]:
    """The ids of all tables in a folder, and the images' bytes."""
    rows = [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted((row["id"], (row.get("image") or {}).get("bytes")) for row in rows)
