"""Joining the same sets again, and after a kill."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import synthgen
from synthgen.dataset.hub.contents import read_contents
from synthgen.errors import Interrupted, StorageError, UsageError
from synthgen.store.faults import VARIABLE
from tests.dataset.joining.sets import picture


def test_the_same_again_is_left_as_it_is_and_another_set_replaces_it(
    real: Path, synthetic: Path, tmp_path: Path
) -> None:
    out = tmp_path / "joined"
    first = synthgen.join(real, synthetic, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = synthgen.join(real, synthetic, out)
    assert (first.rebuilt, again.rebuilt) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert again.real == first.real

    (real / "train/chef/1.png").write_bytes(picture(200))  # as long as before, and as old as you like
    assert synthgen.join(real, synthetic, out).rebuilt
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="synthgen did not make it"):
        synthgen.join(real, synthetic, tmp_path / "mine")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"synthgen did not write notes\.txt there"):
        synthgen.join(real, synthetic, out, leave_out=["seed"])
    assert (out / "notes.txt").read_text() == "mine"
    (tmp_path / "run/dataset").mkdir(parents=True)
    (tmp_path / "run/spec.resolved.yaml").touch()
    with pytest.raises(UsageError, match="in the folder of a run"):
        synthgen.join(real, synthetic, tmp_path / "run/dataset")
    (tmp_path / ".new.newest").write_text("mine")
    with pytest.raises(Interrupted):
        synthgen.join(real, synthetic, tmp_path / "new", stop=lambda: True)
    assert (tmp_path / ".new.newest").read_text() == "mine"
    (tmp_path / ".new.newest").unlink()
    assert sorted(path.name for path in tmp_path.iterdir() if "new" in path.name) == []


@pytest.mark.slow
@pytest.mark.parametrize("point", ["dataset-half-written", "dataset-written", "dataset-in-place"])
def test_killed_it_leaves_the_old_set_or_the_new_one_and_the_next_call_finishes(
    real: Path, synthetic: Path, tmp_path: Path, point: str
) -> None:
    out = tmp_path / "joined"
    synthgen.join(real, synthetic, out)
    old = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    shutil.copytree(real / "train/chef", real / "train/doctor", dirs_exist_ok=True)
    command = [sys.executable, "-m", "synthgen", "join", str(real), str(synthetic), "-o", str(out), "-q"]
    killed = subprocess.run(command, env={**os.environ, VARIABLE: point}, timeout=60, check=False)
    assert killed.returncode == -9
    seen = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert (seen == old) == (point != "dataset-in-place")
    joined = synthgen.join(real, synthetic, out)
    assert joined.summary.rows == 41
    assert read_contents(out).left == ()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
