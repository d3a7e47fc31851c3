"""Images that a set names by address: fetched only if the user says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from synthgen.images import LeftOut

_ALLOWED: ContextVar[bool] = ContextVar("synthgen_allow_remote", default=False)
_SCHEMES = ("http://", "https://")
_CONNECT, _SILENT, _WHOLE = 10.0, 30.0, 120.0
"""Seconds until a server must answer, between two parts of an answer, and for a whole image."""
_REDIRECTS, _PART = 5, 2**16
_UNREACHED = "whose address cannot be fetched"


@contextmanager
def allowing_remote(allowed: bool) -> Iterator[None]:
    """Let the sets that are opened in the block fetch images by their address, if allowed."""
    token = _ALLOWED.set(allowed)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def is_remote_allowed() -> bool:
    """Whether a set that is opened now may fetch images."""
    return _ALLOWED.get()


def is_address(name: str) -> bool:
    """Whether a set may name an image so, and have it fetched: by HTTP or HTTPS, and by nothing else."""
    return name.lower().startswith(_SCHEMES)


def fetch(address: str, most: int, too_large: LeftOut) -> bytes | LeftOut:
    """Fetch an image, without cookies or credentials, or say why that cannot be done.

    Args:
        most: bytes that it may have.
        too_large: the answer for a larger one.
    """
    import requests

    try:
        with requests.Session() as session:
            session.trust_env, session.max_redirects = False, _REDIRECTS
            with session.get(address, stream=True, timeout=(_CONNECT, _SILENT)) as answer:
                if answer.status_code != requests.codes.ok:
                    return LeftOut(_UNREACHED, f"the server answered {answer.status_code}")
                return _body(answer.iter_content(_PART), most, too_large)
    except (requests.RequestException, ValueError, OSError) as error:
        return LeftOut(_UNREACHED, type(error).__name__)


def _body(parts: Iterator[bytes], most: int, too_large: LeftOut) -> bytes | LeftOut:
    found, began = bytearray(), time.monotonic()
    for part in parts:
        found += part
        if len(found) > most:
            return too_large
        if time.monotonic() - began > _WHOLE:
            return LeftOut(_UNREACHED, f"it takes longer than {_WHOLE:.0f} s")
    return bytes(found)
