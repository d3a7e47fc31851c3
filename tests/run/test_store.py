"""The contract of a store: whatever it is made of, a run may rely on this."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synthgen.errors import StorageError
from synthgen.run import FolderStore, MissingFileError, RunStore

IMPLEMENTATIONS: dict[str, Callable[[Path], RunStore]] = {"folder": lambda path: FolderStore(path / "run")}


@pytest.fixture(params=list(IMPLEMENTATIONS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RunStore:
    return IMPLEMENTATIONS[request.param](tmp_path)


def test_what_was_created_can_be_read(store: RunStore) -> None:
    assert store.create("done/00001.json", b"{}")
    assert store.read("done/00001.json") == b"{}"
    assert store.names("done") == ["done/00001.json"]


def test_only_the_first_creation_counts(store: RunStore) -> None:
    assert store.create("plan.json", b"first")
    assert not store.create("plan.json", b"second")
    assert store.read("plan.json") == b"first"
    assert store.names("") == ["plan.json"]


def test_of_many_who_create_at_once_one_wins(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda i: store.create("done/00001.json", bytes([i]) * 5000), range(24)))
    assert won.count(True) == 1
    assert store.read("done/00001.json") == bytes([won.index(True)]) * 5000
    assert store.names("done") == ["done/00001.json"]


def test_what_was_written_in_pieces_can_be_read_and_described(store: RunStore) -> None:
    with store.write("shards/a.parquet") as file:
        file.write(b"one ")
        file.write(b"two")
    described = store.describe("shards/a.parquet")
    assert (described.size, described.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    with store.open("shards/a.parquet") as back:
        back.seek(4)
        assert back.read() == b"two"


def test_a_file_whose_writing_fails_is_removed(store: RunStore) -> None:
    with pytest.raises(KeyError), store.write("shards/a.parquet") as file:  # noqa: PT012
        file.write(b"half")
        raise KeyError("half-way")
    assert store.names("shards") == []


def test_names_are_sorted_and_of_one_folder(store: RunStore) -> None:
    for name in ("b/2", "b/10", "a", "b/c/1"):
        store.create(name, b"")
    assert store.names("b") == ["b/10", "b/2"]
    assert store.names("") == ["a"]
    assert store.names("nowhere") == []


def test_deleting_twice_is_no_error(store: RunStore) -> None:
    store.create("a", b"")
    store.delete("a")
    store.delete("a")
    assert store.names("") == []


@pytest.mark.parametrize("method", ["read", "open", "describe"])
def test_what_is_not_there_is_missing(store: RunStore, method: str) -> None:
    with pytest.raises(MissingFileError, match=r"done/00009\.json"):
        getattr(store, method)("done/00009.json")


@pytest.mark.parametrize("name", ["../plan.json", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/./b", "a\0b", "a\n"])
def test_no_name_leads_out_of_the_run(store: RunStore, name: str) -> None:
    with pytest.raises(StorageError, match="no name of a file in a run"):
        store.read(name)
    with pytest.raises(StorageError, match="no name of a file in a run"):
        store.create(name, b"")
