"""Locations: how users say where a run is kept."""

import os
import re
from typing import TypeAlias, cast

from synthgen.errors import UsageError
from synthgen.files import check_name_is_text
from synthgen.plugins import STORES, Plugin, find_plugin
from synthgen.store.folder_store import FolderStore
from synthgen.store.store import RunStore

Location: TypeAlias = str | os.PathLike[str]
"""A folder, or an address such as s3://bucket/prefix."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_OWN = "s3"
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")

_METHODS = {name for name in vars(RunStore) if not name.startswith("_")}


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
    make = plugin.load()
    store: object = make(address) if callable(make) else None
    if missing := sorted(name for name in _METHODS if not hasattr(store, name)):
        hint = f"Install another version of {plugin.distribution}, or ask its authors."
        raise UsageError(f"the store {plugin} cannot hold a run: it has no {', '.join(missing)}", hint=hint)
    return cast("RunStore", store)
