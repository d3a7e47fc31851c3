"""Storage that refuses: a clean stop that says where and what to do, and committed shards stay."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synthgen.errors import StorageError
from synthgen.planning import Plan
from synthgen.running import create_run, verify, work
from synthgen.store import FolderStore
from tests.command import call
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.processes import run_with_small_files
from tests.running.tables import bytes_of, state_of


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def work_one_shard(folder: Path, plan: Plan) -> None:
    store = FolderStore(folder)
    create_run(store, plan, SPEC)
    work(plan, store, NoiseGenerator(), BrightnessJudge(), [0])


def fill(disk: Path) -> Path:
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_bsize))
    return disk / "filler"


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(small_disk: Path, tmp_path: Path) -> None:
    plan = noise_plan()
    make_run(str(tmp_path / "roomy"), plan)
    run = small_disk / "run"
    work_one_shard(run, plan)
    filler = fill(small_disk)
    with pytest.raises(StorageError, match=r"/run/.*No space left") as raised:
        make_run(str(run), plan)
    assert raised.value.hint is not None
    assert "Make room" in raised.value.hint
    state = state_of(run, plan)
    assert (list(state.done), state.orphans) == ([0], ())
    assert verify(plan, FolderStore(run)) == []
    filler.unlink()
    make_run(str(run), plan)
    assert bytes_of(run, plan) == bytes_of(tmp_path / "roomy", plan)


def test_a_disk_that_is_full_from_the_start_gets_no_plan(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(StorageError, match="No space left"):
        create_run(FolderStore(small_disk / "run"), noise_plan(), SPEC)
    assert [path for path in small_disk.rglob("*") if path.is_file()] == [small_disk / "filler"]


def test_a_file_that_may_not_grow_stops_the_run_while_it_is_written(tmp_path: Path) -> None:
    plan = noise_plan("classes.doctor=230", "output.shard_size=250")
    error = run_with_small_files(str(tmp_path), plan, 40_000)
    assert error is not None
    assert "File too large" in error.message
    assert "ulimit" in str(error.hint)
    state = state_of(tmp_path, plan)
    assert (state.done, state.orphans) == ({}, ())


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[tuple[Path, Callable[[bool], None]]]:
    """A folder, and what makes it read-only or not: by its mount for root, whom no mode stops."""
    folder = tmp_path / "folder"
    folder.mkdir()
    if os.geteuid():

        def forbid(closed: bool) -> None:
            for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
                path.chmod(0o555 if closed else 0o755)

        yield folder, forbid
        return
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")

    def close(closed: bool) -> None:
        subprocess.run(["mount", "-o", f"remount,{'ro' if closed else 'rw'}", str(folder)], check=True)

    yield folder, close
    subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_folder_stops_the_run_and_what_is_there_stays(
    read_only: tuple[Path, Callable[[bool], None]],
) -> None:
    folder, close = read_only
    plan, run = noise_plan(), folder / "run"
    work_one_shard(run, plan)
    close(True)
    with pytest.raises(StorageError, match=r"/run/.*(Read-only|Permission)") as raised:
        make_run(str(run), plan)
    assert raised.value.hint is not None
    assert list(state_of(run, plan).done) == [0]
    with pytest.raises(StorageError, match=r"Read-only|Permission"):
        create_run(FolderStore(folder / "another"), plan, SPEC)
    close(False)
    make_run(str(run), plan)
    assert state_of(run, plan).complete


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("I am a file")
    with pytest.raises(StorageError, match="/run") as raised:
        create_run(FolderStore(tmp_path / "run"), noise_plan(), SPEC)
    assert raised.value.hint is not None


@pytest.mark.slow
def test_too_little_room_is_told_before_the_start(small_disk: Path) -> None:
    spec = small_disk.parent / "spec.yaml"
    spec.write_text(
        'synthgen: 1\nname: roomy\nmodel: {id: "bundled:workers", steps: 1}\nclasses: {chef: 500}\n'
        'prompts: {templates: ["a {class}"]}\nfilters: {label: null}\n'
    )
    done = call("run", spec, "-o", small_disk / "run", folder=small_disk.parent)
    assert done.returncode == 5
    started, warning, *_, last = map(json.loads, done.stderr.splitlines())
    assert (started["event"], started["done"], warning["event"], last["event"]) == ("progress", 0, "warning", "error")
    assert "MB are needed and " in warning["message"]
    assert "Make room there and run again" in last["hint"]
