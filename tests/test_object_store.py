"""Runs in an object store, by the real program, on a real server of S3's protocol."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.run import RunStore, open_store
from tests.command import synthgen

SPEC = """\
synthgen: 1
name: bucket
model: {id: "bundled:workers", steps: 2, guidance: 1, batch_size: 4}
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
    return sorted((row["id"], row["image"]["bytes"] if "image" in row else None) for row in found)


def work(run: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "synthgen", "work", run, "--index", "0", "--of", "1", "--device", "cpu"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_workers_race_in_a_bucket_one_is_killed_and_the_run_is_that_of_a_folder(
    s3: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert synthgen("run", "spec.yaml", "-o", "run", "--devices", "cpu", folder=tmp_path).returncode == 0
    run, whole = f"{s3()}/teams/run", open_store(tmp_path / "run")
    store = open_store(run)

    assert synthgen("plan", "spec.yaml", "-o", run, folder=tmp_path).returncode == 0
    killed, other = work(run, tmp_path), work(run, tmp_path)  # both believe that every shard is theirs
    while len(store.names("done")) < 2:
        assert killed.poll() is None
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert other.wait(timeout=240) == 0
    store.create("shards/00001-0123456789abcdef.parquet", b"of a worker that was killed here")

    seen = json.loads(synthgen("status", run, "--json", folder=tmp_path).stdout)
    assert (seen["done"], seen["pending"], len(seen["orphans"]) > 0) == (8, [], True)
    ended = synthgen("run", "spec.yaml", "-o", run, folder=tmp_path)
    assert (ended.returncode, "all images are there" in ended.stdout) == (0, True), ended.stderr
    for folder in ("dataset/data", "ledger", "shards"):
        assert rows(store, folder) == rows(whole, folder)
    assert synthgen("verify", run, folder=tmp_path).stdout.strip() == f"{run}: good"

    more = ["--set", "classes.chef=15", "--extend"]
    for place in (run, "run"):
        assert synthgen("run", "spec.yaml", "-o", place, "--devices", "cpu", *more, folder=tmp_path).returncode == 0
    assert rows(store, "dataset/data") == rows(whole, "dataset/data")
    stricter = ["--set", "filters.clip.min_score=0.15"]
    for place in (run, "run"):
        assert synthgen("rejudge", place, *stricter, "-o", f"{place}-stricter", folder=tmp_path).returncode in (0, 3)
    here, there = open_store(tmp_path / "run-stricter"), open_store(f"{run}-stricter")
    assert rows(there, "ledger") == rows(here, "ledger") != []
    assert rows(there, "shards") == rows(here, "shards") != []


@pytest.mark.slow
def test_a_damaged_shard_in_a_bucket_is_found_and_opened_again(s3: Callable[[], str], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("doctor: 12, chef: 12", "doctor: 3"))
    run = f"{s3()}/run"
    assert synthgen("run", "spec.yaml", "-o", run, "--devices", "cpu", folder=tmp_path).returncode == 0
    store = open_store(run)
    [name] = store.names("shards")
    data = bytearray(store.read(name))
    data[len(data) // 2] ^= 1
    store.delete(name)
    store.create(name, bytes(data))

    found = synthgen("verify", run, folder=tmp_path)
    assert (found.returncode, name in found.stdout + found.stderr) == (5, True)
    assert synthgen("repair", run, folder=tmp_path).returncode == 0
    assert json.loads(synthgen("status", run, "--json", folder=tmp_path).stdout)["pending"] == [0]


@pytest.mark.parametrize(
    ("place", "environment", "said"),
    [
        ("s3://there-is-none/run", {}, "there is no such bucket"),
        ("BUCKET/run", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "no answer"),
        ("BUCKET/run", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "there are no keys"),
        ("BUCKET/run", {"AWS_ENDPOINT_URL": "http://ann:hush@127.0.0.1:9"}, "holds a user or a password"),
        ("s3://ann:hush@bucket/run", {}, "expected a folder, or s3://bucket/prefix"),
        ("gs://bucket/run", {}, "expected a folder, or s3://bucket/prefix"),
        ("CARELESS/run", {}, "ignores `If-None-Match: "),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_in_a_sentence(
    s3: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    environment: dict[str, str],
    said: str,
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    place = place.replace("BUCKET", s3()).replace("CARELESS", s3("careless"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = synthgen("plan", "spec.yaml", "-o", place, folder=tmp_path)
    assert ended.returncode in (2, 5)
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert "hush" not in ended.stderr + ended.stdout
