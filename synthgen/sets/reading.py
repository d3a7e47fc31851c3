"""Errors while a set is read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from synthgen.errors import StorageError


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Turn errors of the system and of Arrow in the block into a `StorageError`.

    Raises:
        StorageError: `what` cannot be read.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise StorageError(
            f"{what} cannot be read: {reason}", hint="Check that it is complete and in its place."
        ) from error
