"""What goes wrong while a set is read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from synthgen.errors import StorageError


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Raises:
    StorageError: the system, or Arrow, cannot read it.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise StorageError(f"{what} cannot be read: {reason}", hint="Is it whole, and where it should be?") from error
