"""Embeddings that were computed before, keyed by the embedded content and the judge that made them."""

import math
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error, check_room, draft, refuse_links, sweep
from synthgen.images import CONVERSION, Change
from synthgen.stats.search import Vectors

_SCALE = b"logit_scale"
_HINT = "Choose another folder for embeddings with `cache`."
_AT_ONCE = 4096
"""Embeddings in a file, as a rule: the most that a killed process loses."""


def image_key(data: bytes) -> bytes:
    return sha256(data).digest()


def text_key(text: str) -> bytes:
    return sha256(b"text:" + text.encode()).digest()


class EmbeddingCache:
    """Embeddings of one judge, in Parquet files that appear whole and never change.

    Args:
        folder: shared by all judges; each has a subfolder of its own. None keeps embeddings in memory only.
        judge, revision: what the embeddings depend on, besides the embedded content and the conversion of pictures.

    Raises:
        UsageError: the cache is not a folder.
        StorageError: it cannot be read, or is reached by a symbolic link in `folder`.
    """

    def __init__(self, folder: Path | None, judge: str, revision: str) -> None:
        self.logit_scale: float | None = None
        self._rows: dict[bytes, int] = {}
        self._changes: dict[bytes, int] = {}
        self._parts: list[Vectors] = []
        self._new: list[tuple[Sequence[bytes], Vectors]] = []
        self._count = 0
        self.folder = None if folder is None else _folder_of(folder, judge, revision)
        if self.folder is not None:
            self._load(self.folder)

    def _load(self, folder: Path) -> None:
        with as_storage_error(folder):
            there = sorted(path for path in folder.glob("*.parquet") if not path.is_symlink())
        for path in there:
            keys, vectors, changes, self.logit_scale = _read(path)
            self._check_width(vectors, path)
            self._keep(keys, vectors, changes)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def get(self, keys: Sequence[bytes]) -> Vectors:
        """Return the embeddings [n, width] in the order of `keys`, all of which must be in the cache."""
        if not keys:
            return np.zeros((0, self._parts[0].shape[1] if self._parts else 0), dtype=np.float32)
        whole = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        self._parts = [whole]
        return whole[[self._rows[key] for key in keys]]

    def changes(self, key: bytes) -> Change:
        """Return what the conversion changed in the picture that was embedded."""
        return Change(self._changes.get(key, 0))

    def add(
        self, keys: Sequence[bytes], vectors: Vectors, logit_scale: float, changes: Sequence[Change] | None = None
    ) -> None:
        """Remember these embeddings. They are written to disk when there are many, or by `flush`.

        Args:
            changes: for pictures, what their conversion changed.

        Raises:
            StorageError: the cache cannot be written.
        """
        if not self._new:
            self._check()
        self._check_width(vectors, self.folder)
        self.logit_scale = logit_scale
        self._keep(keys, vectors, changes or [Change.NONE] * len(keys))
        self._new.append((keys, vectors))
        if sum(len(keys) for keys, _ in self._new) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the embeddings that are not on disk yet.

        Raises:
            StorageError: the cache cannot be written.
        """
        if self._new and self.folder is not None and self.logit_scale is not None:
            keys = [key for some, _ in self._new for key in some]
            vectors = np.concatenate([vectors for _, vectors in self._new])
            changes = [self._changes.get(key, 0) for key in keys]
            _write(self.folder / f"{secrets.token_hex(8)}.parquet", keys, vectors, changes, self.logit_scale)
        self._new = []

    def _check(self) -> None:
        """Fail on the first images if embeddings cannot be stored, and not after thousands of them."""
        if self.folder is None:
            return
        try:
            check_room(self.folder)
        except StorageError as error:
            raise StorageError(error.message, hint=_HINT) from error

    def _check_width(self, vectors: Vectors, place: Path | None) -> None:
        if self._parts and vectors.shape[1] != self._parts[0].shape[1]:
            widths = f"{vectors.shape[1]} numbers here, and {self._parts[0].shape[1]} elsewhere"
            hint = f"Delete {self.folder}: its embeddings are made again."
            raise StorageError(f"{place} is damaged: an embedding of one judge has {widths}", hint=hint)

    def _keep(self, keys: Sequence[bytes], vectors: Vectors, changes: Sequence[int]) -> None:
        for place, key in enumerate(keys, start=self._count):
            self._rows.setdefault(key, place)
        self._changes.update((key, change) for key, change in zip(keys, changes, strict=True) if change)
        self._parts.append(vectors)
        self._count += len(keys)


def _folder_of(folder: Path, judge: str, revision: str) -> Path:
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise UsageError(f"{place} is a file and not a folder", argument="cache", hint=_HINT)
    name = re.sub(r"[^\w.-]+", "-", judge).strip("-.")[-60:]
    own = folder / f"{name}-{sha256(repr((judge, revision, CONVERSION)).encode()).hexdigest()[:16]}"
    refuse_links(folder, own)
    return own


def _write(path: Path, keys: Sequence[bytes], vectors: Vectors, changes: Sequence[int], scale: float) -> None:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    columns = [
        pa.array(keys, pa.binary(32)),
        pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        pa.array(changes, pa.uint8()),
    ]
    metadata = {_SCALE: repr(scale).encode()}
    table = pa.table(columns, names=["key", "vector", "changes"]).replace_schema_metadata(metadata)
    with draft(path) as new:
        pq.write_table(table, new, compression="none", use_dictionary=False)
        new.replace()
    sweep(path.parent)


def _read(path: Path) -> tuple[list[bytes], Vectors, list[int], float]:
    try:
        table = pq.read_table(path)
        column = table["vector"].combine_chunks()
        vectors = column.flatten().to_numpy().reshape(len(column), -1).astype(np.float32, copy=False)
        changes = table["changes"].to_pylist()
        scale = float((table.schema.metadata or {})[_SCALE])
        if not (math.isfinite(scale) and np.isfinite(vectors).all()):
            raise ValueError("it holds numbers that are not finite")
        return table["key"].to_pylist(), vectors, changes, scale
    except (OSError, pa.ArrowException, AttributeError, KeyError, ValueError, TypeError) as error:
        raise StorageError(f"{path} is damaged: {error}", hint="Delete it: its embeddings are made again.") from error
