"""`ObjectStore`: a run below an address such as s3://bucket/prefix."""

import io
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from synthgen.errors import StorageError, UsageError
from synthgen.files import MissingFileError
from synthgen.records import File
from synthgen.store.store import check_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BLOCK = 8 << 20
"""Bytes of one read, and of one part of an upload; S3 takes ten thousand parts."""
_AT_ONCE = 32
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
        self._files = _connected(address)
        self._is_proven = False

    def create(self, name: str, data: bytes) -> bool:
        key = self._key(name)
        with _blaming(self._place(name)):
            self._prove()
            return self._create(key, data)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        key, place = self._key(name), self._place(name)
        with _blaming(place):
            upload = self._files.open(key, "wb", block_size=_BLOCK)
        file = io.BufferedWriter(_BlamingFile(upload, place), buffer_size=1 << 20)
        with ExitStack() as undo:
            undo.callback(self._discard, file, upload, key)
            yield file
            file.close()
            with _blaming(place):
                upload.close()
            undo.pop_all()

    def read(self, name: str) -> bytes:
        key = self._key(name)
        with _blaming(self._place(name)):
            data: bytes = self._files.cat_file(key, max_concurrency=1)
            return data

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | StorageError]:
        for start in range(0, len(names), _AT_ONCE * 8):
            part = names[start : start + _AT_ONCE * 8]
            keys = [self._key(name) for name in part]
            with _blaming(self.location):
                found = self._files.cat(keys, on_error="return", batch_size=_AT_ONCE, max_concurrency=1)
            for name, key in zip(part, keys, strict=True):
                try:
                    with _blaming(self._place(name)):
                        if isinstance(found[key], Exception):
                            raise found[key]
                except StorageError as error:
                    yield error
                else:
                    yield found[key]

    def open(self, name: str) -> io.BufferedReader:
        key, place = self._key(name), self._place(name)
        with _blaming(place):
            file = self._files.open(key, "rb", block_size=_BLOCK)
        return io.BufferedReader(_BlamingFile(file, place), buffer_size=1 << 20)

    def names(self, folder: str) -> list[str]:
        return self._listed(folder, Delimiter="/")

    def names_below(self, folder: str) -> list[str]:
        return self._listed(folder)

    def _listed(self, folder: str, **options: str) -> list[str]:
        prefix = f"{self._key(folder) if folder else self._root}/".partition("/")[2]
        found: list[str] = []
        with _blaming(self._place(folder)):
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
        with _blaming(self._place(name)):
            self._files.rm_file(key)

    def describe(self, name: str) -> File:
        with self.open(name) as file:
            digest = file_digest(file, "sha256").hexdigest()
            return File(name, file.tell(), digest)

    def check_writable(self) -> None:
        with _blaming(self.location):
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
            raise StorageError(f"{self.location}: this store ignores `If-None-Match: *`", hint=_CONDITIONS)
        self._is_proven = True

    def _create(self, key: str, data: bytes) -> bool:
        token, waits = secrets.token_hex(16), list(_WAITS)
        while True:
            try:
                self._files.pipe_file(key, data, mode="create", Metadata={_TOKEN: token})
            except OSError as error:
                if isinstance(error, FileExistsError) or _code(error) in ("PreconditionFailed", "412"):
                    # A request that was repeated because its answer was lost finds the name taken by ourselves.
                    return self._token(key) == token
                # If another request is creating the same name at this moment, S3 asks to try once more.
                if not waits or _code(error) not in ("ConditionalRequestConflict", "OperationAborted", "409"):
                    raise
                time.sleep(waits.pop(0))
            else:
                return True

    def _token(self, key: str) -> str | None:
        try:
            metadata: dict[str, str] = self._files.metadata(key)
        except FileNotFoundError:
            return None
        return metadata.get(_TOKEN)

    def _discard(self, file: BinaryIO, upload: Any, key: str) -> None:
        upload.closed = True  # or it would be committed when it is garbage-collected
        with suppress(StorageError, ValueError):
            file.close()
        with suppress(StorageError), _blaming(key):
            upload.discard()
        with suppress(StorageError), _blaming(key):
            self._files.rm_file(key)


class _BlamingFile(io.RawIOBase):
    """A file of s3fs whose errors are StorageErrors, even when a library uses it. Closing it uploads nothing."""

    def __init__(self, file: Any, place: str) -> None:
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
        with _blaming(self._place):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def write(self, data: "ReadableBuffer") -> int:
        with _blaming(self._place):
            return int(self._file.write(data))


_ACCESS = (
    "Check the keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role): they must be "
    "allowed to list, read, write and delete there."
)
_CONDITIONS = (
    "Runs are committed with it. AWS S3 honours it, and so do recent versions of MinIO, Ceph, R2 and others: use one "
    "of them, or a folder."
)
_REGION = "Set AWS_REGION to the region of the bucket."
_NETWORK = (
    "Check the network and AWS_ENDPOINT_URL, and run again: what was committed stays, and the run goes on from it."
)
_HINTS = {
    "NotImplemented": _CONDITIONS,
    "501": _CONDITIONS,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
}


@contextmanager
def _blaming(place: str) -> Iterator[None]:
    """Turn the client's errors into StorageErrors that name `place`.

    Their own words are not repeated: they may contain the endpoint, which may contain a password.
    """
    from aiohttp import ClientError
    from botocore import exceptions as aws

    try:
        yield
    except FileNotFoundError as error:
        if _code(error) == "NoSuchBucket":
            hint = "Create it, or choose another one with -o."
            raise StorageError(f"{place}: there is no such bucket", hint=hint) from None
        raise MissingFileError(f"{place}: there is no such object") from None
    except PermissionError as error:
        raise StorageError(f"{place}: access denied ({_code(error)})", hint=_ACCESS) from None
    except (aws.NoCredentialsError, aws.CredentialRetrievalError, aws.PartialCredentialsError, aws.ProfileNotFound):
        raise StorageError(f"{place}: there are no keys to use it with", hint=_ACCESS) from None
    except (aws.HTTPClientError, aws.ConnectionError, ClientError, TimeoutError) as error:
        raise StorageError(f"{place}: no answer ({type(error).__name__})", hint=_NETWORK) from None
    except (aws.BotoCoreError, OSError) as error:
        code = _code(error)
        raise StorageError(f"{place}: refused ({code or type(error).__name__})", hint=_HINTS.get(code)) from None


def _code(error: Exception) -> str:
    """What S3 calls this error; "" if it gave no code."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _connected(address: str) -> Any:
    try:
        import s3fs
    except ImportError as error:
        raise UsageError(f"{address}: s3fs is not installed", hint='Run `pip install "synthgen[s3]"`.') from error

    files = s3fs.S3FileSystem(
        skip_instance_cache=True,
        use_listings_cache=False,
        config_kwargs={"retries": {"mode": "standard"}, "read_timeout": 60, "max_pool_connections": _AT_ONCE},
    )
    files.retries = 3  # for what the client does not repeat itself: a body that ends too early
    try:
        with _blaming(address):
            files.connect()
        endpoint = urlsplit(files.s3.meta.endpoint_url)
    except ValueError:  # its words contain the endpoint
        raise StorageError("AWS_ENDPOINT_URL is no address", hint="It is like http://localhost:9000.") from None

    if endpoint.username or endpoint.password:
        hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in their place."
        raise StorageError("AWS_ENDPOINT_URL holds a user or a password, which S3 does not take", hint=hint)
    return files
