"""Locations: how users say where a run is kept."""

import os
import re
from typing import TypeAlias

from synthgen.errors import UsageError
from synthgen.files import check_name_is_text
from synthgen.store.folder_store import FolderStore
from synthgen.store.store import RunStore

Location: TypeAlias = str | os.PathLike[str]
"""A folder, or an address such as s3://bucket/prefix."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


def open_store(location: Location) -> RunStore:
    """Open the store at `location`.

    Raises:
        UsageError: it is another kind of address, the library for such an address is not installed, or its name is not
            valid UTF-8, which Parquet's library requires.
        StorageError: the object store cannot be used.
    """
    place = os.fspath(location)
    check_name_is_text(place)
    found = _ADDRESS.match(place)
    if found is None:
        return FolderStore(place)
    address = place.rstrip("/")
    if not _S3.fullmatch(address):
        # Such an address may hold a key and its secret: only its beginning is shown.
        raise UsageError(
            f"expected a folder, or s3://bucket/prefix of letters, digits, '.', '-', '_' and '/'; found {found[0]}...",
            hint="Of object stores, those that speak S3 are known. Do not put keys in an address: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    from synthgen.store.object_store import ObjectStore

    return ObjectStore(address)
