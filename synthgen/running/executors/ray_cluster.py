"""A Ray cluster: found, or started on this machine. Ray is imported only here, and only when it is needed."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from synthgen.errors import DeviceError, UsageError, stopped

Ray = Any
"""The module `ray`: `Any`, since Ray is optional, and what mypy finds must not depend on whether it is installed."""

_ENVIRONMENT = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else under `uv run` each node copies and syncs the working folder
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # else Ray prints messages about lost workers to stdout
    "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "100000000",  # for a cluster started here: nothing large passes
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # else it retries for twelve minutes if what answers is not Ray
}
_FORMS = "HOST:PORT, auto or local"
_SILENCE = 10.0


@contextmanager
def connected(address: str | None) -> Iterator[Ray]:
    """Connect Ray to the cluster at `address`. A connection that the program already has is used and kept.

    Args:
        address: `HOST:PORT`; `auto`: the one that runs on this machine; `local`: a new one, which ends with the block.
            None: what RAY_ADDRESS says, else the one that `ray start` started here, else a new one.

    Raises:
        UsageError: Ray is not installed, or the address has none of these forms.
        DeviceError: no cluster answers at the address within a minute.
        Interrupted: SIGTERM came while Ray started.
    """
    ray = _import()
    if ray.is_initialized():
        yield ray
        return
    _reach(address)
    try:
        with _own_signals():
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        hint = '`ray status` on its nodes shows its state. `address="local"` starts one on this machine.'
        raise DeviceError(f"no Ray cluster to work on: {error}", hint=hint) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def check_reachable(address: str | None) -> None:
    """Check that Ray is installed, and that something answers at `address`, if it names a place.

    Raises:
        UsageError, DeviceError: as `connected`.
    """
    if not _import().is_initialized():
        _reach(address)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the program's handler for SIGTERM: Ray replaces it with one that exits."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        raise stopped() from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _import() -> Ray:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        hint = "Install it: pip install 'synthgen[ray]', or in a checkout uv sync --extra ray."
        raise UsageError("Ray is not installed here", argument="executor", hint=hint) from error
    if os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0":
        # Ray reads the variable once, while it is imported, and has no public switch. A program that imported Ray
        # before is past that, and each of its nodes would sync the working folder: see `_ENVIRONMENT`.
        with suppress(AttributeError):  # a Ray that no longer has it
            ray._private.ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = False
    return ray


def _reach(address: str | None) -> None:
    """Check that something answers at `address`: Ray itself would take minutes to notice, and end the process."""
    argument = "address" if address else None
    address = address or os.environ.get("RAY_ADDRESS")
    if not address or address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        hint = "synthgen must itself run on a machine of the cluster: `ray job submit` starts it there."
        said = f"{_said(argument)}expected {_FORMS}, found {address!r}"
        raise UsageError(said, argument=argument, hint=hint if "://" in address else None)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SILENCE).close()
    except (OSError, OverflowError) as error:
        hint = '`ray start --head` begins a cluster, and prints its address. `address="local"` starts one for this run.'
        said = f"{_said(argument)}no Ray cluster answers at {address}: {error}"
        raise DeviceError(said, argument=argument, hint=hint) from error


def _said(argument: str | None) -> str:
    """Name the variable in place of an argument that was not given."""
    return "" if argument else "RAY_ADDRESS: "
