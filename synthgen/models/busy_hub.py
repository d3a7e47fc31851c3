"""A hub that many tasks ask at once: when it says that it is busy, each asks again, a few times and apart."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TRIES = 4
"""How often a busy hub is asked."""
_BUSY, _LONGEST_WAIT = (429, 500, 502, 503, 504), 60.0
"""The status codes that say that it is, and the most seconds that it may ask to wait."""


def answered(ask: Callable[[], T]) -> T:
    """Ask the hub, and ask again while it says that it is busy.

    Raises:
        HfHubHTTPError: it refuses, or was busy every time.
        LocalEntryNotFoundError: the same, of a download.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    for tries in range(TRIES - 1):
        try:
            return ask()
        except (HfHubHTTPError, LocalEntryNotFoundError) as error:
            refused = error if isinstance(error, HfHubHTTPError) else error.__cause__
            if not isinstance(refused, HfHubHTTPError) or refused.response.status_code not in _BUSY:
                raise
            said = refused.response.headers.get("Retry-After", "")
            wait(tries, float(said) if said.isdecimal() else 0.0)
    return ask()


def wait(tries: int, least: float = 0.0) -> None:
    """Sleep longer after every try, apart from others that ask at the same moment.

    Args:
        tries: how often the hub was asked again before.
        least: seconds; at most a minute of them counts.
    """
    time.sleep(max(2.0**tries, min(least, _LONGEST_WAIT)) * random.uniform(1, 2))
