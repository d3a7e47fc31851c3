"""Some file systems report at odd moments what went wrong: at the close of a file, or at a mere look at a folder."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import synthgen
from synthgen import leftovers
from synthgen.api.results import digest_of_file
from synthgen.errors import StorageError
from synthgen.store import FolderStore
from tests.command import command_line
from tests.running.noise import make_run, noise_plan


def _read(store: FolderStore) -> None:
    with store.open("a") as file:
        file.read()
        os.close(file.fileno())


def _write(store: FolderStore) -> None:
    with store.write("b") as file:
        file.write(b"1")
        file.flush()
        os.close(file.fileno())


@pytest.mark.parametrize("use", [_read, _write])
def test_a_close_that_fails_names_the_file_and_is_no_bug(tmp_path: Path, use: Callable[[FolderStore], None]) -> None:
    store = FolderStore(tmp_path)
    store.create("a", b"1")
    with pytest.raises(StorageError, match=rf"{tmp_path}/[ab]: Bad file descriptor"):
        use(store)


@pytest.mark.parametrize("use", [leftovers.shared, leftovers.alone])
def test_a_close_that_fails_after_a_lock_is_no_error(
    tmp_path: Path, use: Callable[[Path], AbstractContextManager[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    close = os.close

    def closed(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "plan.json").write_bytes(b"1")
    monkeypatch.setattr("synthgen.leftovers.os.close", closed)
    with use(tmp_path / "plan.json") as free:
        assert free
    with use(tmp_path / "plan.json") as free:
        assert free


def test_a_file_of_a_finished_run_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=rf"{tmp_path}: Is a directory"):
        digest_of_file(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run", noise_plan("classes={doctor: 1}"))

    def refused(folder: Path, pattern: str) -> None:
        raise OSError(errno.EIO, "Input/output error", str(folder))

    monkeypatch.setattr("pathlib.Path.glob", refused)
    with pytest.raises(StorageError, match=r"run: Input/output error"):
        synthgen.finalize(tmp_path / "run")


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, 5), (errno.ENOSPC, 5), (errno.EBADF, 1)])
def test_what_the_disk_reports_at_any_look_is_no_bug(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "outputs/run")

    monkeypatch.setattr("synthgen.cli.program.app", look)
    assert command_line(["status", "outputs/run"]) == code
    told = capsys.readouterr().err
    assert ("Traceback" in told) == (code == 1)
    assert "outputs/run" in told
    assert os.strerror(number) in told
