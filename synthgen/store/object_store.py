"""`ObjectStore`: a run below an address such as s3://bucket/prefix."""

import io
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from typing import TYPE_CHECKING, BinaryIO

from synthgen.errors import StorageError
from synthgen.records import File
from synthgen.store.s3 import AT_ONCE, CONDITIONS, S3File, as_s3_error, code_of, connected
from synthgen.store.store import check_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BLOCK = 8 << 20
"""Bytes of one read, and of one part of an upload; S3 takes ten thousand parts."""
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
_TOKEN = "synthgen-token"


class ObjectStore:
    """A run in a bucket of S3, or of a store that speaks its protocol.

    Endpoint, keys and region come from the environment and the files that all AWS tools read. `create` uses a
    conditional PUT, which a store must honour to hold a run; this is tested once, before the first. `write` uploads in
    parts, none of which is visible before all are there.
    """

    folder = None

    def __init__(self, address: str) -> None:
        """Set up the client.

        Raises:
            UsageError: s3fs is not installed.
            StorageError: the endpoint is invalid, or the client cannot be set up.
        """
        self.location = address
        self._root = address.removeprefix("s3://")
        self._bucket = self._root.partition("/")[0]
        self._files = connected(address)
        self._is_proven = False

    def create(self, name: str, data: bytes) -> bool:
        key = self._key(name)
        with as_s3_error(self._place(name)):
            self._prove()
            return self._create(key, data)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        key, place = self._key(name), self._place(name)
        with as_s3_error(place):
            upload = self._files.open(key, "wb", block_size=_BLOCK)
        file = io.BufferedWriter(_S3RawFile(upload, place), buffer_size=1 << 20)
        with ExitStack() as undo:
            undo.callback(self._discard, file, upload, key)
            yield file
            file.close()
            with as_s3_error(place):
                upload.close()
            undo.pop_all()

    def read(self, name: str) -> bytes:
        key = self._key(name)
        with as_s3_error(self._place(name)):
            return self._files.cat_file(key, max_concurrency=1)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        for start in range(0, len(names), AT_ONCE * 8):
            part = names[start : start + AT_ONCE * 8]
            keys = [self._key(name) for name in part]
            with as_s3_error(self.location):
                found = self._files.cat(keys, on_error="return", batch_size=AT_ONCE, max_concurrency=1)
            for name, key in zip(part, keys, strict=True):
                try:
                    with as_s3_error(self._place(name)):
                        data = found[key]
                        if isinstance(data, Exception):
                            raise data
                except StorageError as error:
                    yield error
                else:
                    yield data

    def open(self, name: str) -> io.BufferedReader:
        key, place = self._key(name), self._place(name)
        with as_s3_error(place):
            file = self._files.open(key, "rb", block_size=_BLOCK)
        return io.BufferedReader(_S3RawFile(file, place), buffer_size=1 << 20)

    def names(self, folder: str) -> list[str]:
        return self._listed(folder, Delimiter="/")

    def names_below(self, folder: str) -> list[str]:
        return self._listed(folder)

    def _listed(self, folder: str, **options: str) -> list[str]:
        prefix = f"{self._key(folder) if folder else self._root}/".partition("/")[2]
        found: list[str] = []
        with as_s3_error(self._place(folder)):
            after: str | None = None
            while True:
                more = {"ContinuationToken": after} if after else {}
                page = self._files.call_s3("list_objects_v2", Bucket=self._bucket, Prefix=prefix, **options, **more)
                found += [item["Key"].removeprefix(prefix) for item in page.get("Contents", ())]
                if (after := page.get("NextContinuationToken")) is None:
                    break
        # Consoles make an empty object of a prefix itself, to show it as a folder.
        return sorted(f"{folder}/{name}" if folder else name for name in found if name and not name.endswith("/"))

    def delete(self, name: str) -> None:
        key = self._key(name)
        with as_s3_error(self._place(name)):
            self._files.rm_file(key)

    def describe(self, name: str) -> File:
        with self.open(name) as file:
            digest = file_digest(file, "sha256").hexdigest()
            return File(name, file.tell(), digest)

    def check_writable(self) -> None:
        with as_s3_error(self.location):
            self._prove()

    def free_bytes(self) -> None:
        return None

    def _key(self, name: str) -> str:
        check_name(name, self.location)
        return f"{self._root}/{name}"

    def _place(self, name: str) -> str:
        return f"{self.location}/{name}" if name else self.location

    def _prove(self) -> None:
        """Test, once, that the store does not overwrite what it should only create.

        Raises:
            StorageError: it does: two workers could commit one shard.
        """
        if self._is_proven:
            return
        probe = f"{self._root}/.probe-{secrets.token_hex(8)}"
        try:
            again = self._create(probe, b"") and self._create(probe, b"")
        finally:
            with suppress(OSError):
                self._files.rm_file(probe)
        if again:
            raise StorageError(f"{self.location}: this store ignores `If-None-Match: *`", hint=CONDITIONS)
        self._is_proven = True

    def _create(self, key: str, data: bytes) -> bool:
        token, waits = secrets.token_hex(16), list(_WAITS)
        while True:
            try:
                self._files.pipe_file(key, data, mode="create", Metadata={_TOKEN: token})
            except OSError as error:
                if isinstance(error, FileExistsError) or code_of(error) in ("PreconditionFailed", "412"):
                    # A request that was repeated because its answer was lost finds the name taken by ourselves.
                    return self._token(key) == token
                # If another request is creating the same name at this moment, S3 asks for another try.
                if not waits or code_of(error) not in ("ConditionalRequestConflict", "OperationAborted", "409"):
                    raise
                time.sleep(waits.pop(0))
            else:
                return True

    def _token(self, key: str) -> str | None:
        try:
            metadata = self._files.metadata(key)
        except FileNotFoundError:
            return None
        return metadata.get(_TOKEN)

    def _discard(self, file: BinaryIO, upload: S3File, key: str) -> None:
        upload.closed = True  # or it would be committed when it is garbage-collected
        with suppress(StorageError, ValueError):
            file.close()
        with suppress(StorageError), as_s3_error(key):
            upload.discard()
        with suppress(StorageError), as_s3_error(key):
            self._files.rm_file(key)


class _S3RawFile(io.RawIOBase):
    """A file of s3fs whose errors are StorageErrors, even when a library uses it. Closing it uploads nothing."""

    def __init__(self, file: S3File, place: str) -> None:
        super().__init__()
        self._file, self._place = file, place

    def readable(self) -> bool:
        return bool(self._file.readable())

    def writable(self) -> bool:
        return bool(self._file.writable())

    def seekable(self) -> bool:
        return self.readable()

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        with as_s3_error(self._place):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def write(self, data: "ReadableBuffer") -> int:
        with as_s3_error(self._place):
            return int(self._file.write(data))
