"""Some file systems report only at the close of a file what went wrong with it."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from synthgen import leftovers
from synthgen.api.results import digest_of_file
from synthgen.errors import StorageError
from synthgen.store import FolderStore


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
