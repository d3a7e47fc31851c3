"""The client of S3, as synthgen uses it: s3fs, and its errors in words that hold no secret."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypedDict
from urllib.parse import urlsplit

from synthgen.errors import StorageError, UsageError
from synthgen.files import MissingFileError

AT_ONCE = 32
"""How many requests may be under way."""


class S3Object(TypedDict):
    """An entry of a listing."""

    Key: str


class S3Page(TypedDict, total=False):
    """An answer to `list_objects_v2`."""

    Contents: Sequence[S3Object]
    NextContinuationToken: str


class S3File(Protocol):
    """An object that is being read, or an upload in parts."""

    closed: bool

    def read(self, length: int) -> bytes: ...
    def write(self, data: object) -> int: ...
    def seek(self, offset: int, whence: int) -> int: ...
    def tell(self) -> int: ...
    def readable(self) -> bool: ...
    def writable(self) -> bool: ...
    def close(self) -> None: ...
    def discard(self) -> None: ...


class S3Files(Protocol):
    """What is used of s3fs, which has no types."""

    retries: int

    @property
    def s3(self) -> "_Client": ...
    def connect(self) -> object: ...
    def open(self, key: str, mode: str, *, block_size: int) -> S3File: ...
    def cat_file(self, key: str, *, max_concurrency: int) -> bytes: ...
    def cat(
        self, keys: Sequence[str], *, on_error: str, batch_size: int, max_concurrency: int
    ) -> dict[str, bytes | Exception]: ...
    def call_s3(self, method: str, **arguments: str) -> S3Page: ...
    def rm_file(self, key: str) -> None: ...
    def pipe_file(self, key: str, data: bytes, *, mode: str, Metadata: dict[str, str]) -> None: ...  # noqa: N803
    def metadata(self, key: str) -> dict[str, str]: ...


class _Meta(Protocol):
    endpoint_url: str


class _Client(Protocol):
    meta: _Meta


_ACCESS = (
    "Check the keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role): they must be "
    "allowed to list, read, write and delete there."
)
CONDITIONS = (
    "Runs are committed with it. AWS S3 honours it, and so do recent versions of MinIO, Ceph, R2 and others: use one "
    "of them, or a folder."
)
_REGION = "Set AWS_REGION to the region of the bucket."
_NETWORK = (
    "Check the network and AWS_ENDPOINT_URL, and run again: what was committed stays, and the run goes on from it."
)
_HINTS = {
    "NotImplemented": CONDITIONS,
    "501": CONDITIONS,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
}


@contextmanager
def as_s3_error(place: str) -> Iterator[None]:
    """Turn the client's errors into StorageErrors that name `place`.

    Their own words are not repeated: they may contain the endpoint, which may contain a password.
    """
    from aiohttp import ClientError
    from botocore import exceptions as aws

    try:
        yield
    except FileNotFoundError as error:
        if code_of(error) == "NoSuchBucket":
            hint = "Create it, or choose another one."
            raise StorageError(f"{place}: there is no such bucket", hint=hint) from None
        raise MissingFileError(f"{place}: there is no such object") from None
    except PermissionError as error:
        raise StorageError(f"{place}: access denied ({code_of(error)})", hint=_ACCESS) from None
    except (aws.NoCredentialsError, aws.CredentialRetrievalError, aws.PartialCredentialsError, aws.ProfileNotFound):
        raise StorageError(f"{place}: there are no keys to use it with", hint=_ACCESS) from None
    except (aws.HTTPClientError, aws.ConnectionError, ClientError, TimeoutError) as error:
        raise StorageError(f"{place}: no answer ({type(error).__name__})", hint=_NETWORK) from None
    except (aws.BotoCoreError, OSError) as error:
        code = code_of(error)
        raise StorageError(f"{place}: refused ({code or type(error).__name__})", hint=_HINTS.get(code)) from None


def code_of(error: Exception) -> str:
    """Give the code that S3 calls this error by; "" if it gave none."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def connected(address: str) -> S3Files:
    """Make a client for the place at `address`, with keys and endpoint from the environment.

    Raises:
        UsageError: s3fs is not installed.
        StorageError: the endpoint is not valid, or the client cannot be set up.
    """
    try:
        import s3fs
    except ImportError as error:
        raise UsageError(f"{address}: s3fs is not installed", hint='Run `pip install "synthgen[s3]"`.') from error

    files: S3Files = s3fs.S3FileSystem(
        skip_instance_cache=True,
        use_listings_cache=False,
        config_kwargs={"retries": {"mode": "standard"}, "read_timeout": 60, "max_pool_connections": AT_ONCE},
    )
    files.retries = 3  # for what the client does not repeat itself: a body that ends too early
    try:
        with as_s3_error(address):
            files.connect()
        endpoint = urlsplit(files.s3.meta.endpoint_url)
    except ValueError:  # its words contain the endpoint
        raise StorageError("AWS_ENDPOINT_URL is no address", hint="It is like http://localhost:9000.") from None

    if endpoint.username or endpoint.password:
        hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in their place."
        raise StorageError("AWS_ENDPOINT_URL holds a user or a password, which S3 does not take", hint=hint)
    return files
