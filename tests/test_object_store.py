"""Runs in an object store, by the real program, on a real server of S3's protocol."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.errors import UsageError
from synthgen.store import RunStore, open_store
from tests.command import call, result

SPEC = """\
synthgen: 1
name: bucket
model: {id: "bundled:workers", steps: 2, guidance: 1, batch_size: 1}
classes: {doctor: 12, chef: 12}
prompts: {templates: ["a {class}", "a portrait of a {class}"]}
filters: {clip: {min_score: -0.5}}
output: {shard_size: 3}
"""


def rows(store: RunStore, folder: str) -> list[tuple[object, ...]]:
    """The ids of all tables in a folder, and the images' bytes."""
    found = []
    for name in store.names(folder):
        if name.endswith(".parquet"):
            with store.open(name) as file:
                found += pq.read_table(file).to_pylist()
    return sorted((row["id"], (row.get("image") or {}).get("bytes")) for row in found)


def work(run: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "synthgen", "work", run, "--index", "0", "--of", "1", "--device", "cpu"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """The run in a folder, which nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "spec.yaml").write_text(SPEC)
    ended = call("run", "spec.yaml", "-o", "run", "--devices", "cpu", folder=folder)
    assert ended.returncode == 0, ended.stderr
    return open_store(folder / "run")


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_two_workers_that_come_to_each_commit_together_make_each_shard_once(
    s3: Callable[..., str], tmp_path: Path, whole: RunStore
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    run = f"{s3('racing')}/run"
    store = open_store(run)
    assert call("plan", "spec.yaml", "-o", run, folder=tmp_path).returncode == 0
    racers = [work(run, tmp_path) for _ in range(2)]
    assert [racer.wait(timeout=280) for racer in racers] == [0, 0]
    assert store.names("done") == [f"done/{shard:05d}.json" for shard in range(8)]
    assert (len(store.names("shards")), len(store.names("ledger"))) == (8, 8)
    assert result(call("status", run, "--json", folder=tmp_path).stdout)["orphans"] == []
    assert call("finalize", run, folder=tmp_path).returncode == 0
    for folder in ("dataset/data", "ledger", "shards"):
        assert rows(store, folder) == rows(whole, folder)


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_a_run_in_a_bucket_that_is_killed_goes_on_where_it_was(
    s3: Callable[[], str], tmp_path: Path, whole: RunStore
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    run = f"{s3()}/run"
    store = open_store(run)
    command = [sys.executable, "-m", "synthgen", "run", "spec.yaml", "-o", run, "--devices"]
    # After so many markers, or when the dataset is being copied: with one worker, and with two.
    for folder, files, devices in (("done", 1, "cpu"), ("done", 4, "cpu:2"), ("done", 6, "cpu"), ("dataset", 1, "cpu")):
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [*command, devices], cwd=tmp_path, stdout=quiet, stderr=quiet, start_new_session=True
        ) as process:
            while len(store.names(folder)) < files:
                assert process.poll() is None
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    ended = call("run", "spec.yaml", "-o", run, "--devices", "cpu", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    for folder in ("dataset/data", "ledger", "shards"):
        assert rows(store, folder) == rows(whole, folder)
    assert call("verify", run, folder=tmp_path).stdout.splitlines()[-1] == f"{run}: no problems found"


@pytest.mark.slow
def test_a_run_in_a_bucket_is_judged_again_and_its_damaged_shard_is_found_and_opened_again(
    s3: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("doctor: 12, chef: 12", "doctor: 3"))
    run = f"{s3()}/run"
    assert call("run", "spec.yaml", "-o", run, "--devices", "cpu", folder=tmp_path).returncode == 0
    store = open_store(run)
    command = ["rejudge", run, "--set", "filters.clip.min_score=-0.4", "-o", f"{run}-stricter"]
    assert call(*command, folder=tmp_path).returncode == 0
    assert rows(open_store(f"{run}-stricter"), "shards") == rows(store, "shards") != []

    [name] = store.names("shards")
    data = bytearray(store.read(name))
    data[len(data) // 2] ^= 1
    store.delete(name)
    store.create(name, bytes(data))

    found = call("verify", run, folder=tmp_path)
    assert (found.returncode, name in found.stdout + found.stderr) == (5, True)
    assert call("repair", run, folder=tmp_path).returncode == 0
    assert result(call("status", run, "--json", folder=tmp_path).stdout)["pending"] == [0]


@pytest.mark.parametrize(
    ("place", "environment", "code", "said"),
    [
        ("s3://there-is-none/run", {}, 5, "there is no such bucket"),
        ("GOOD/run", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 5, "no answer"),
        ("GOOD/run", {"AWS_ENDPOINT_URL": "nonsense"}, 5, "AWS_ENDPOINT_URL is no address"),
        ("GOOD/run", {"AWS_ENDPOINT_URL": "http://ann:hush@127.0.0.1:9"}, 5, "holds a user or a password"),
        ("GOOD/run", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 5, "there are no keys"),
        ("GOOD/run", {"AWS_PROFILE": "nobody"}, 5, "there are no keys"),
        ("LOCKED/run", {}, 5, "access denied (AccessDenied)"),
        ("CARELESS/run", {}, 5, "ignores `If-None-Match: "),
        ("GOOD", {}, 2, "expected a folder, or s3://bucket/prefix"),
        ("s3://ann:hush@bucket/run", {}, 2, "expected a folder, or s3://bucket/prefix"),
        ("gs://bucket/run", {}, 2, "expected a folder, or s3://bucket/prefix"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_in_a_sentence(
    s3: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    environment: dict[str, str],
    code: int,
    said: str,
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    for kind in ("good", "locked", "careless"):
        place = place.replace(kind.upper(), s3(kind))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = call("plan", "spec.yaml", "-o", place, folder=tmp_path)
    assert ended.returncode == code
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert "hush" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("kind", ["busy", "forgetful"])
def test_a_file_is_created_though_the_server_makes_trouble(s3: Callable[..., str], kind: str) -> None:
    store = open_store(f"{s3(kind)}/run")
    assert store.create("plan.json", b"{}")
    assert not store.create("plan.json", b"{}")


def test_without_s3fs_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError) as refused:
        open_store("s3://bucket/run")
    assert 'pip install "synthgen[s3]"' in (refused.value.hint or "")
