"""A file whose sha256 is known as soon as it is written: it need not be read again for it."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final

_AT_ONCE: Final = 2**20
_SYNCED_BYTES: Final = 64 * 2**20
"""The disk is asked to take so many at a time: there is less to wait for at the end."""
_WAITING: Final = 16
"""Pieces of `_AT_ONCE` bytes or more that wait to be hashed, at most: the disk may be faster."""


class HashedFile:
    """A new file that another thread writes, from its beginning to its end, and hashes."""

    def __init__(self, path: Path) -> None:
        """Open the file. `path` must be free.

        Raises:
            OSError: it cannot be opened.
        """
        self._file = path.open("xb")
        self._digest = sha256()
        self._pool = ThreadPoolExecutor(1, "hashed")
        self._pieces: list[bytes] = []
        self._size = self._waits = self._unsynced = 0
        self._waiting: deque[Future[None]] = deque()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Append bytes, which come to the file a little later.

        Raises:
            OSError: the disk refused earlier bytes.
        """
        self._pieces.append(data)
        self._waits += len(data)
        self._size += len(data)
        if self._waits >= _AT_ONCE:
            self._submit()
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: the disk refuses.
        """
        self._submit()
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Write what waits, and close the file, if it is not closed.

        Raises:
            OSError: the disk refuses.
        """
        if self.closed:
            return
        with self._file, self._pool:
            self.flush()

    @property
    def hexdigest(self) -> str:
        """Its sha256, once it is closed."""
        assert self.closed
        return self._digest.hexdigest()

    def __enter__(self) -> "HashedFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self) -> None:
        self._waiting.append(self._pool.submit(self._put, self._pieces))
        self._pieces, self._waits = [], 0
        while len(self._waiting) > _WAITING:
            self._waiting.popleft().result()

    def _put(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._file.write(piece)
            self._digest.update(piece)
            self._unsynced += len(piece)
        if self._unsynced > _SYNCED_BYTES:
            self._unsynced = 0
            os.fsync(self._file.fileno())
