"""What cannot be known is not taken for the good case: locks on NFS, folders and plans that cannot be read."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.dataset.replace import check_place
from synthgen.errors import StorageError
from synthgen.leftovers import alone, shared
from tests.running.noise import make_run, noise_plan


def test_on_nfs_a_lock_of_ones_own_needs_a_file_open_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, whole = tmp_path / "plan.json", fcntl.flock
    plan.write_text("{}")

    def as_nfs(descriptor: int, operation: int) -> None:
        """As flock(2) says of NFS."""
        if operation & fcntl.LOCK_EX and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        whole(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", as_nfs)
    with alone(plan) as free:
        assert free is True
    with shared(plan), alone(plan) as free:
        assert free is False
    with alone(tmp_path) as free:
        assert free is None, "a folder cannot be open for writing"
    assert plan.read_text() == "{}"


def test_a_folder_that_cannot_be_listed_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset/data/theirs").mkdir(parents=True)
    (tmp_path / "dataset/README.md").write_text("x")
    check_place(tmp_path / "dataset", {"README.md"})
    scan = os.scandir

    def broken(path: Any = ".") -> Iterator[Any]:
        if str(path).endswith("theirs"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(StorageError, match="Permission denied"):
        check_place(tmp_path / "dataset", {"README.md"})


def test_a_plan_that_cannot_be_read_is_named_and_its_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run", noise_plan("classes={doctor: 2}"))
    opened = Path.open

    def broken(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "plan.json":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return opened(path, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", broken)
        with pytest.raises(StorageError, match=r"plan\.json: Input/output error"):
            synthgen.remove(tmp_path / "run")
    assert synthgen.verify(tmp_path / "run") == []
