"""Locations: how users say where a run is kept."""

import os
import re
from pathlib import Path
from typing import TypeAlias, cast

from synthgen.errors import SynthgenError, UsageError, cause_of
from synthgen.local_names import check_name_is_text
from synthgen.plugins import STORES, Plugin, find_plugin
from synthgen.redaction import without_secrets
from synthgen.store.folder_store import FolderStore
from synthgen.store.store import RunStore

Location: TypeAlias = str | os.PathLike[str]
"""A folder, or an address such as s3://bucket/prefix."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_OWN = "s3"
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")

_METHODS = {name for name in vars(RunStore) if not name.startswith("_")}
_VALUES = {"location", "folder"}


def open_store(location: Location) -> RunStore:
    """Open the store at `location`.

    Addresses of other schemes than s3:// belong to plug-ins: an entry point of the group `synthgen.stores` has the name
    of the scheme, such as `gs`, and is called with the address. It gives a `RunStore`.

    Raises:
        UsageError: it is another kind of address, the library or plug-in for such an address is not installed or cannot
            be used, or its name is not valid UTF-8, which Parquet's library requires.
        StorageError: the object store cannot be used.
    """
    place = os.fspath(location)
    check_name_is_text(place)
    found = _ADDRESS.match(place)
    if found is None:
        return FolderStore(place)
    scheme = found[0].partition(":")[0]
    if (store := find_plugin(STORES, scheme, own=(_OWN,))) is not None:
        return _opened(store, place)
    address = place.rstrip("/")
    if not _S3.fullmatch(address):
        # Such an address may hold a key and its secret: only its beginning is shown.
        raise UsageError(
            f"expected a folder, or s3://bucket/prefix of letters, digits, '.', '-', '_' and '/'; found {found[0]}...",
            hint="Stores that speak S3 are part of synthgen; a plug-in may add others. Do not put keys in an address: "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    from synthgen.store.object_store import ObjectStore

    return ObjectStore(address)


def _opened(plugin: Plugin, address: str) -> RunStore:
    """Call a plug-in, which is somebody else's code. Errors do not repeat the address: it may hold a key."""
    make = plugin.load()
    if not callable(make):
        raise _unusable(plugin, f"{plugin.value} is not a class or a function")
    try:
        store: object = make(address)
        missing = sorted(name for name in _METHODS - _VALUES if not callable(getattr(store, name, None)))
        missing += sorted(name for name in _VALUES if not hasattr(store, name))
        location, folder = getattr(store, "location", None), getattr(store, "folder", None)
    except SynthgenError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come
        kind = type(error).__name__
        what = cause_of(error).replace(address, "...") if _is_plain(address) else kind
        raise _unusable(plugin, f"it cannot be opened: {without_secrets(what)}") from None

    if missing:
        raise _unusable(plugin, f"it has no {', '.join(missing)}")
    if not isinstance(location, str):
        raise _unusable(plugin, f"its `location` must be a text, and is of the type {type(location).__name__}")
    if not (folder is None or isinstance(folder, Path)):
        raise _unusable(plugin, f"its `folder` must be a Path or None, and is of the type {type(folder).__name__}")
    return cast("RunStore", store)


def _is_plain(address: str) -> bool:
    """Whether an address has no place for a key: no user, no query, no fragment."""
    return not any(sign in address for sign in "@?#;=")


def _unusable(plugin: Plugin, what: str) -> UsageError:
    hint = f"Install another version of {plugin.distribution}, or ask its authors."
    return UsageError(f"the store {plugin} cannot hold a run: {what}", hint=hint)
