"""The contract of a `RunStore`: whatever it is made of, a run relies on this."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from synthgen.errors import StorageError, SynthgenError
from synthgen.store import MissingFileError, RunStore
from synthgen.testing.checking import require

MARKER = "done/00001.json"
TABLE = "shards/a.parquet"
OUTSIDE = ("../plan.json", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/./b", "a\0b", "a\n")


def check_store(make: Callable[[], RunStore]) -> None:
    """Run every check of the contract.

    Args:
        make: gives a store over a new, empty place.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in STORE_CHECKS:
        check(make())


def only_the_first_creation_counts(store: RunStore) -> None:
    """`create` tells whether it made the file, and a file that exists stays as it is."""
    require(store.create(MARKER, b"first"), "create must be true for a name that is free")
    require(not store.create(MARKER, b"second"), "create must be false for a name that is taken")
    require(store.read(MARKER) == b"first", "a second creation must leave the file as it is")
    require(store.names("done") == [MARKER], f"names must list the one file, found {store.names('done')}")


def of_many_who_create_at_once_one_wins(store: RunStore) -> None:
    """A commit is a creation: exactly one of several workers must learn that it won."""
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: store.create(MARKER, bytes([number]) * 5000), range(24)))
    require(won.count(True) == 1, f"of 24 who create at once one must win, {won.count(True)} did")
    require(store.read(MARKER) == bytes([won.index(True)]) * 5000, "the file must be the winner's, and whole")


def what_was_written_can_be_read_and_described(store: RunStore) -> None:
    """`write` takes pieces; `open` seeks; `describe` gives size and sha256 of what can be read back."""
    with store.write(TABLE) as file:
        file.write(b"one ")
        file.write(b"two")
    described = store.describe(TABLE)
    expected = (TABLE, 7, hashlib.sha256(b"one two").hexdigest())
    found = (described.name, described.size, described.sha256)
    require(found == expected, f"describe must give {expected}, found {found}")
    with store.open(TABLE) as back:
        back.seek(4)
        require(back.read() == b"two", "open must seek from the start")
        require(back.seek(-3, 2) == 4, "open must seek from the end, as readers of Parquet do")
        require(back.read(1) == b"t", "open must read as many bytes as it is asked for")


def a_file_whose_writing_fails_is_removed(store: RunStore) -> None:
    """If the block of `write` raises, nothing is left under the name."""
    with suppress(KeyError), store.write(TABLE) as file:
        file.write(bytes(1_000_000))
        raise KeyError("half-way")
    require(store.names("shards") == [], f"nothing must be left, found {store.names('shards')}")


def names_are_sorted_and_of_one_folder(store: RunStore) -> None:
    """`names` lists the files directly in a folder."""
    for name in ("b/2", "b/10", "a", "b/c/1"):
        store.create(name, b"")
    for folder, expected in (("b", ["b/10", "b/2"]), ("", ["a"]), ("nowhere", [])):
        found = store.names(folder)
        require(found == expected, f"names({folder!r}) must be {expected}, found {found}")


def names_below_are_sorted_and_of_any_depth(store: RunStore) -> None:
    """`names_below` lists the files of a folder and of its sub-folders, and of no other that begins with its name."""
    for name in ("b/2", "b/10", "a", "b/c/d/1", "bb/3"):
        store.create(name, b"")
    for folder, expected in (("b", ["b/10", "b/2", "b/c/d/1"]), ("b/c", ["b/c/d/1"]), ("nowhere", [])):
        found = store.names_below(folder)
        require(found == expected, f"names_below({folder!r}) must be {expected}, found {found}")


def many_are_read_in_order(store: RunStore) -> None:
    """`read_many` gives each file's content in the order asked for, and an error for one that is missing."""
    names = [f"done/{number:05d}.json" for number in range(20)]
    for name in names[:-1]:
        store.create(name, name.encode())
    *contents, missing = store.read_many(names)
    require(contents == [name.encode() for name in names[:-1]], "read_many must keep the order")
    require(isinstance(missing, MissingFileError), f"a missing file must be a MissingFileError, found {missing!r}")


def what_is_missing_is_said_to_be(store: RunStore) -> None:
    """Reading what does not exist raises `MissingFileError`; deleting it is no error."""
    methods: tuple[Callable[[str], object], ...] = (store.read, store.open, store.describe)
    for method in methods:
        require(_raises(MissingFileError, partial(method, "done/00009.json")), f"{method} must raise")
    store.create("a", b"")
    store.delete("a")
    store.delete("a")
    require(store.names("") == [], "delete must delete")


def no_name_leads_out_of_the_run(store: RunStore) -> None:
    """Names come from files that others may have written: what leads outside is a `StorageError`."""
    for name in OUTSIDE:
        calls: tuple[Callable[[], object], ...] = (
            partial(store.read, name),
            partial(store.create, name, b""),
            partial(_begin, store, name),
            partial(store.delete, name),
        )
        require(all(_raises(StorageError, call) for call in calls), f"the name {name!r} must be refused")


STORE_CHECKS: tuple[Callable[[RunStore], None], ...] = (
    only_the_first_creation_counts,
    of_many_who_create_at_once_one_wins,
    what_was_written_can_be_read_and_described,
    a_file_whose_writing_fails_is_removed,
    names_are_sorted_and_of_one_folder,
    names_below_are_sorted_and_of_any_depth,
    many_are_read_in_order,
    what_is_missing_is_said_to_be,
    no_name_leads_out_of_the_run,
)


def _begin(store: RunStore, name: str) -> None:
    with store.write(name):
        pass


def _raises(kind: type[Exception], call: Callable[[], object]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


def check_addresses(make: Callable[[str], RunStore], scheme: str) -> None:
    """Check that no address of `scheme` leads a store out of the place where it keeps its runs.

    Args:
        make: gives the store at an address.

    Raises:
        AssertionError: an address that climbs, or that is no name, is taken instead of refused by a `SynthgenError`.
    """
    for rest in ("..", "../x", "a/../../x", "/etc", "//etc", "", "."):
        address = f"{scheme}:/{rest}"
        require(_raises(SynthgenError, partial(make, address)), f"the address {address!r} must be refused")
