"""The state of a run, from its files alone; and `verify`, which reads them all."""

import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.errors import StorageError
from synthgen.records import File
from synthgen.running import create_run, verify, work
from synthgen.running.shard.marker import read_marker
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import state_of

PLAN = noise_plan()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    make_run(str(folder), PLAN)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def the_file(folder: Path, kind: str, shard: int) -> Path:
    return next((folder / kind).glob(f"{shard:05d}-*"))


def change_marker(run: Path, **changes: object) -> None:
    """As whoever writes markers would, and not as bits flip: with the sha256 that fits."""
    path = run / "done/00001.json"
    content, _ = unseal(path.read_text())
    path.write_text(seal(json.dumps(content | changes, indent=2)))


def test_a_run_that_has_just_begun_is_all_pending(tmp_path: Path) -> None:
    create_run(FolderStore(tmp_path), PLAN, SPEC)
    state = state_of(tmp_path, PLAN)
    assert (state.pending, state.done, state.complete, state.counts) == ((0, 1, 2), {}, False, {})


def test_a_marker_says_what_made_the_shard(run: Path) -> None:
    state = state_of(run, PLAN)
    assert state.complete
    assert state.done[2].provenance["generator.model"] == "noise"
    assert state.done[2].provenance["judge.floor"] == "0.2"
    assert state.seconds > 0


def test_unnamed_and_temporary_files_are_orphans(run: Path) -> None:
    (run / "shards/00001-00000000deadbeef.parquet").touch()
    (run / "done/.00002.json.00000000deadbeef").touch()
    (run / ".plan.json.00000000deadbeef").touch()
    state = state_of(run, PLAN)
    assert state.complete
    assert len(state.orphans) == 3
    for orphan in state.orphans:
        FolderStore(run).delete(orphan)
    assert state_of(run, PLAN).orphans == ()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "done/00001.json").write_text('{"shard": 1'), "is damaged"),
        (lambda run: change_marker(run, counts="many"), "is damaged"),
        (lambda run: change_marker(run, fingerprint="0" * 64), "another plan"),
        (lambda run: change_marker(run, shard=2), "another plan or shard"),
        (
            lambda run: change_marker(run, ledger={"name": "../../x", "size": 1, "sha256": ""}),
            "not this shard's",
        ),
        (lambda run: the_file(run, "ledger", 1).unlink(), "is missing"),
    ],
    ids=["cut", "of a wrong type", "of another plan", "of another shard", "leading out", "without its file"],
)
def test_a_marker_that_cannot_be_trusted_is_damaged(run: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(run)
    state = state_of(run, PLAN)
    assert (list(state.done), state.pending, list(state.damaged)) == ([0, 2], (), [1])
    assert message in state.damaged[1]
    assert [finding.place for finding in verify(PLAN, FolderStore(run))] == ["done/00001.json"]


def test_a_worker_refuses_a_damaged_marker_and_says_what_to_do(run: Path) -> None:
    change_marker(run, fingerprint="0" * 64)
    store = FolderStore(run)
    with pytest.raises(StorageError, match=r"done/00001\.json") as raised:
        work(PLAN, store, NoiseGenerator(), BrightnessJudge(), range(3))
    assert "Delete this marker" in str(raised.value.hint)
    (run / "done/00001.json").unlink()
    assert work(PLAN, store, NoiseGenerator(), BrightnessJudge(), range(3)).committed == (1,)


@pytest.mark.slow
def test_ten_thousand_shards_are_counted_in_linear_time(run: Path, tmp_path: Path) -> None:
    plan = noise_plan("classes.doctor=9981", "output.shard_size=1")
    assert plan.shard_count == 10_000
    marker = unseal((run / "done/00001.json").read_text())[0] | {"fingerprint": plan.fingerprint}
    for kind in ("shards", "ledger", "done"):
        (tmp_path / "large" / kind).mkdir(parents=True)
    for shard in range(9_999):
        for kind, key in (("shards", "images"), ("ledger", "ledger")):
            name = f"{kind}/{shard:05d}-{shard:016x}.parquet"
            (tmp_path / "large" / name).touch()
            marker[key] = {"name": name, "size": 0, "sha256": ""}
        (tmp_path / f"large/done/{shard:05d}.json").write_text(seal(json.dumps(marker | {"shard": shard}, indent=2)))
    began = time.process_time()
    state = state_of(tmp_path / "large", plan)
    assert (len(state.done), state.pending, state.orphans) == (9_999, (9_999,), ())
    assert state.counts["accepted"] == 9_999 * marker["counts"]["accepted"]
    assert time.process_time() - began < 10  # about 2 s on two slow cores; anything quadratic takes minutes


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = "import sys, synthgen.running; print({'torch', 'datasets', 'pandas', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["shards", "ledger"])
def test_verify_finds_a_flipped_byte(run: Path, kind: str) -> None:
    flip_a_byte(the_file(run, kind, 2))
    (finding,) = verify(PLAN, FolderStore(run))
    assert finding.place.startswith(f"{kind}/00002-")
    assert "sha256" in finding.message


def test_verify_finds_a_truncated_file(run: Path) -> None:
    path = the_file(run, "shards", 0)
    path.write_bytes(path.read_bytes()[:-100])
    (finding,) = verify(PLAN, FolderStore(run))
    assert "bytes" in finding.message


HUGE = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0, 0xFB0E215)
    + b"\0\0\0\x10IDAT"
)
"""A header that says 60,000 x 60,000 pixels, and next to nothing after it."""


def rewrite(run: Path, kind: str, key: str, change: Callable[[list[dict[str, object]]], None]) -> None:
    """Change the rows of shard 1, and its marker with them, so that every hash is right."""
    path = the_file(run, kind, 1)
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    described: File = FolderStore(run).describe(f"{kind}/{path.name}")
    change_marker(run, **{key: {"name": described.name, "size": described.size, "sha256": described.sha256}})
    assert read_marker(FolderStore(run), 1, PLAN.fingerprint) is not None


@pytest.mark.parametrize(
    ("kind", "key", "change", "message"),
    [
        ("shards", "images", lambda rows: rows.pop(), "14 images"),
        (
            "shards",
            "images",
            lambda rows: rows[3].update(image={"bytes": b"\x89PNG", "path": "x"}),
            "decoded",
        ),
        ("shards", "images", lambda rows: rows[3].update(image={"bytes": HUGE, "path": "x"}), "decoded"),
        ("shards", "images", lambda rows: rows[3].update(image=None), "is missing"),
        (
            "shards",
            "images",
            lambda rows: rows[3].update(id=rows[2]["id"]),
            "not the 15 that the ledger accepted",
        ),
        ("shards", "images", lambda rows: rows[0].update(label=2), "labels are"),
        ("ledger", "ledger", lambda rows: rows.append(rows[0]), "numbered"),
        ("ledger", "ledger", lambda rows: rows[0].update(id="00002-000000"), "1 ids do not match"),
        ("ledger", "ledger", lambda rows: rows[0].update(verdict="lost"), "verdicts are"),
        ("ledger", "ledger", lambda rows: [row.update(cell_filled=None) for row in rows], "holds 0 of"),
    ],
    ids=[
        "an image less",
        "an image cut",
        "an image too large to decode",
        "no image",
        "an id twice",
        "a label",
        "a row twice",
        "an id",
        "a verdict",
        "cells",
    ],
)
def test_verify_finds_tables_that_disagree(
    run: Path, kind: str, key: str, change: Callable[[list[dict[str, object]]], None], message: str
) -> None:
    rewrite(run, kind, key, change)
    findings = verify(PLAN, FolderStore(run))
    assert any(message in finding.message for finding in findings), findings
    assert all("/00001-" in finding.place for finding in findings)
