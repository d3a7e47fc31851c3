"""The contract of a store: whatever it is made of, a run may rely on this."""

import hashlib
import multiprocessing
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import StorageError
from synthgen.store import FolderStore, MissingFileError, RunStore, open_store

RACERS, RACES = 2, 40


@pytest.fixture
def store(place: str) -> RunStore:
    return open_store(place)


def test_what_was_created_can_be_read(store: RunStore) -> None:
    assert store.create("done/00001.json", b"{}")
    assert store.read("done/00001.json") == b"{}"
    assert store.names("done") == ["done/00001.json"]


def test_files_are_listed_at_any_depth(store: RunStore) -> None:
    names = ["dataset/README.md", "dataset/a/1.png", "dataset/a/b/c/2.png", "dataset2/3.png", "plan.json"]
    for name in reversed(names):
        assert store.create(name, b"{}")
    assert store.names_below("dataset") == names[:3]
    assert store.names("dataset") == names[:1]
    assert store.names_below("dataset/a/b") == names[2:3]
    assert store.names_below("nothing") == []


def test_what_vanishes_while_it_is_listed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, walk = FolderStore(tmp_path), os.walk
    for name in ("dataset/a/1.png", "dataset/a/2.png", "dataset/b/3.png"):
        store.create(name, b"")

    def meanwhile(*arguments: Any, **options: Any) -> Iterator[Any]:
        for number, entry in enumerate(walk(*arguments, **options)):
            if number == 1:
                store.delete("dataset/a/2.png")
                shutil.rmtree(tmp_path / "dataset/b")
            yield entry

    monkeypatch.setattr(os, "walk", meanwhile)
    assert store.names_below("dataset") == ["dataset/a/1.png"]


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


def create_many(location: str, racer: int, barrier: Barrier, won: "SimpleQueue[tuple[int, list[int]]]") -> None:
    store, mine = open_store(location), []
    store.names("done")  # the connection is made before the race
    for race in range(RACES):
        barrier.wait(60)
        if store.create(f"done/{race:05d}.json", bytes([racer]) * 5000):
            mine.append(race)
    won.put((racer, mine))


def test_of_processes_that_create_at_once_one_wins_each_time(store: RunStore) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, won = context.Barrier(RACERS), context.SimpleQueue()
    racers = [
        context.Process(target=create_many, args=(store.location, racer, barrier, won)) for racer in range(RACERS)
    ]
    for process in racers:
        process.start()
    winners = dict(won.get() for _ in racers)
    for process in racers:
        process.join()
    assert sorted(race for mine in winners.values() for race in mine) == list(range(RACES))
    for racer, mine in winners.items():
        assert {store.read(f"done/{race:05d}.json") for race in mine} <= {bytes([racer]) * 5000}
    assert len(store.names("done")) == RACES


def test_what_was_written_in_pieces_can_be_read_and_described(store: RunStore) -> None:
    with store.write("shards/a.parquet") as file:
        file.write(b"one ")
        file.write(b"two")
    described = store.describe("shards/a.parquet")
    assert (described.size, described.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    with store.open("shards/a.parquet") as back:
        back.seek(4)
        assert back.read() == b"two"
        assert back.seek(-3, 2) == 4
        assert back.read(1) == b"t"


def test_a_large_file_comes_back_whole(store: RunStore) -> None:
    data = secrets.token_bytes(9_500_001)  # more than an object store takes in one part
    with store.write("shards/a.parquet") as file:
        for start in range(0, len(data), 1_000_000):
            file.write(data[start : start + 1_000_000])
    with store.open("shards/a.parquet") as back:
        back.seek(8_000_000)
        assert back.read(2_000_000) == data[8_000_000:]
    assert store.describe("shards/a.parquet").sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("pieces", [1, 10])
def test_a_file_whose_writing_fails_is_removed(store: RunStore, pieces: int) -> None:
    with pytest.raises(KeyError), store.write("shards/a.parquet") as file:  # noqa: PT012
        for _ in range(pieces):
            file.write(bytes(1_000_000))
        raise KeyError("half-way")
    assert store.names("shards") == []


def test_names_are_sorted_and_of_one_folder(store: RunStore) -> None:
    for name in ("b/2", "b/10", "a", "b/c/1"):
        store.create(name, b"")
    assert store.names("b") == ["b/10", "b/2"]
    assert store.names("") == ["a"]
    assert store.names("nowhere") == []


def test_many_are_read_in_order_and_what_cannot_be_says_why(store: RunStore) -> None:
    names = [f"done/{number:05d}.json" for number in range(40)]
    for name in names[:-1]:
        store.create(name, name.encode())
    *found, missing = store.read_many(names)
    assert found == [name.encode() for name in names[:-1]]
    assert isinstance(missing, MissingFileError)
    assert "done/00039.json" in missing.message


def test_deleting_twice_is_no_error(store: RunStore) -> None:
    store.create("a", b"")
    store.delete("a")
    store.delete("a")
    assert store.names("") == []


@pytest.mark.parametrize("method", ["read", "open", "describe"])
def test_what_is_not_there_is_missing(store: RunStore, method: str) -> None:
    with pytest.raises(MissingFileError, match=r"done/00009\.json"):
        getattr(store, method)("done/00009.json")


def test_no_name_leads_out_of_the_run(store: RunStore) -> None:
    for name in ("../plan.json", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/./b", "a\0b", "a\n"):
        calls: list[Callable[[], object]] = [
            partial(store.read, name),
            partial(store.create, name, b""),
            store.write(name).__enter__,
            partial(store.delete, name),
        ]
        for call in calls:
            with pytest.raises(StorageError, match="not the name of a file of a run"):
                call()
