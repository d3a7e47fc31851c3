"""Two processes at one run: whoever may not work beside another is refused by name, or waits."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import StorageError, SynthgenError
from synthgen.leftovers import hold
from synthgen.running import at_work, changing
from synthgen.store import FolderStore
from tests.command import call, said
from tests.running.noise import make_run, noise_plan

PLAN = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=4")
HOLDER = """
import sys
from synthgen.running import at_work, changing, left_alone
from synthgen.store import FolderStore
with {"work": at_work, "finalize": changing, "repair": left_alone}[sys.argv[1]](FolderStore(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@contextmanager
def held(run: Path, command: str) -> Iterator[int]:
    """Another process that holds a run as a command of synthgen does."""
    script = run.parent / "synthgen"
    script.write_text(HOLDER)
    words = [sys.executable, str(script), command, str(run)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.stdin.close()
            process.wait(20)


def everything(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}


def ids_of(run: Path) -> list[str]:
    return sorted(name for file in run.glob("dataset/data/*.parquet") for name in pq.read_table(file)["id"].to_pylist())


@pytest.mark.parametrize("other", ["work", "finalize"])
def test_a_run_that_somebody_works_on_is_not_repaired_or_removed(run: Path, other: str) -> None:
    before = everything(run)
    with held(run, other) as pid:
        for change in (synthgen.repair, synthgen.remove):
            with pytest.raises(StorageError, match=rf"a process works on this run: process {pid} \(synthgen {other}\)"):
                change(run)
        with at_work(FolderStore(run)):
            pass  # any number may work on it
    assert everything(run) == before
    assert synthgen.repair(run).findings == ()


def test_what_changes_a_run_is_refused_while_it_is_repaired(run: Path, tmp_path: Path) -> None:
    image, before = ids_of(run)[0], everything(run)
    changes: list[Callable[[], object]] = [
        lambda: synthgen.finalize(run),
        lambda: synthgen.exclude(run, [image], reviewer="ana"),
        lambda: synthgen.include(run, [image], reviewer="ana"),
        lambda: synthgen.rejudge(run, ["safety.above=0.4"], tmp_path / "stricter"),
        lambda: synthgen.repair(run),
    ]
    with held(run, "repair") as pid:
        for change in changes:
            with pytest.raises(StorageError, match=rf"process {pid} \(synthgen repair\)"):
                change()
        done = call("finalize", run, folder=tmp_path)
    assert done.returncode == 5
    assert f"removed or repaired by process {pid} (synthgen repair)" in said(done.stderr)
    assert everything(run) == before
    assert not (tmp_path / "stricter").exists()


@pytest.mark.parametrize("change", ["finalize", "exclude", "rejudge", "calibrate"])
def test_whoever_writes_what_follows_from_shards_waits_for_another(
    run: Path, tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    image, stricter = ids_of(run)[0], tmp_path / "stricter"
    limits = ["safety.above=0.4"]
    if change == "rejudge":
        synthgen.rejudge(run, limits, stricter)
    calls: dict[str, Callable[[], object]] = {
        "finalize": lambda: synthgen.finalize(run),
        "exclude": lambda: synthgen.exclude(run, [image], reviewer="ana"),
        "rejudge": lambda: synthgen.rejudge(run, limits, stricter),
        "calibrate": lambda: synthgen.keep_share(PLAN.spec, run, 0.5),
    }
    ended: list[str] = []

    def begin() -> None:
        try:
            calls[change]()
        except SynthgenError:  # it is no pilot, which is found out once nobody writes to it
            assert change == "calibrate"
        ended.append(change)

    waiting = threading.Thread(target=begin)
    with held(stricter if change == "rejudge" else run, "finalize") as pid:
        waiting.start()
        waiting.join(1.0)
        assert not ended
    waiting.join(30)
    assert ended
    assert f"process {pid} (synthgen finalize); waiting for it" in caplog.text
    assert synthgen.verify(run) == []


def test_one_call_may_make_another_and_threads_take_turns(run: Path) -> None:
    store, order = FolderStore(run), list[str]()

    def second() -> None:
        with changing(store):
            order.append("second")

    other = threading.Thread(target=second)
    with changing(store), changing(store):
        other.start()
        other.join(0.5)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


def test_decisions_of_processes_at_the_same_time_all_count(run: Path, tmp_path: Path) -> None:
    ids = ids_of(run)
    words = [sys.executable, "-m", "synthgen", "exclude", str(run), "--reviewer", "ana"]
    with (
        subprocess.Popen([*words, ids[0]], cwd=tmp_path, stdout=subprocess.DEVNULL) as one,
        subprocess.Popen([*words, ids[1]], cwd=tmp_path, stdout=subprocess.DEVNULL) as two,
    ):
        assert (one.wait(60), two.wait(60)) == (0, 0)
    assert ids_of(run) == ids[2:]
    assert synthgen.verify(run) == []


def test_a_plan_that_was_made_by_a_killed_process_leaves_no_second_name(run: Path) -> None:
    """The second name is of the file whose lock all commands hold, `finalize` too."""
    left = run / ".plan.json.0123456789abcdef"
    left.hardlink_to(run / "plan.json")
    other = run / ".plan.json.0000456789abcdef"
    other.write_bytes(b"half")
    with other.open() as under_way:
        hold(under_way.fileno())
        synthgen.finalize(run)
    assert (left.exists(), other.exists(), (run / "plan.json").is_file()) == (False, True, True)
