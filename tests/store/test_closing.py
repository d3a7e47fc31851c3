"""Some file systems report only at the close of a file what went wrong with it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
