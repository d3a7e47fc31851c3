"""A Ray cluster on this machine that leaves nothing behind, and the actors that work on it."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_MARK = "SYNTHGEN_TEST_CLUSTER"


class Nodes:
    """A cluster whose first node has room for two actors.

    Attributes:
        mark: what all that it starts bears in its environment.
    """

    def __init__(self, mark: str) -> None:
        from ray.cluster_utils import Cluster

        self.mark = mark
        self._size = {"object_store_memory": 80_000_000}
        self._cluster = Cluster(True, head_node_args={"num_cpus": 2, "include_dashboard": False, **self._size})
        self.address = f"127.0.0.1:{self._cluster.address.rpartition(':')[2]}"
        self.shutdown = self._cluster.shutdown

    def add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, **self._size)

    def remove(self, node: Any) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def actors(self) -> list[int]:
        """List the processes that are actors now: the node that started them bears the mark, they have a title."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError, IndexError, ValueError):
                if file.read_bytes().startswith(b"ray::ShardActor"):
                    parent = file.with_name("stat").read_text().rpartition(")")[2].split()[1]
                    if self.mark.encode() in Path(f"/proc/{parent}/environ").read_bytes():
                        found.append(int(file.parent.name))
        return found


@contextmanager
def cluster(**environment: str) -> Iterator[Nodes]:
    """Start a cluster whose processes get `environment`. Whatever happens in the block, nothing of it is left."""
    mark = secrets.token_hex()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {_MARK: mark, "RAY_USAGE_STATS_ENABLED": "0", **environment}.items():
            patch.setenv(name, value)
        try:
            nodes = Nodes(mark)
            yield nodes
            nodes.shutdown()
        finally:
            _kill_bearers(mark)


def _kill_bearers(mark: str) -> None:
    """Those that ended leave no environment; a killed process may take a moment."""
    for _ in range(100):
        bearers = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark.encode() in file.read_bytes():
                    bearers.append(int(file.parent.name))
        if not bearers:
            return
        for process in bearers:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    pytest.fail(f"processes {bearers} outlive SIGKILL")
