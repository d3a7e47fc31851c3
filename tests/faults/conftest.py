"""One server of processes for all tests here, and the run that nothing disturbed."""

from collections.abc import Iterator

import pytest

from tests.faults.commands import Server, built_shim
from tests.faults.small_run import SPEC
from tests.faults.sweep import Bench, bench


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Forks commands from a process that has loaded the models; with the shim, where a compiler makes it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "spec.yaml").write_text(SPEC)
    started = Server(folder / "spec.yaml", built_shim(folder))
    yield started
    started.end()


@pytest.fixture(scope="session")
def calm(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A place to try faults in, with what the run holds if none comes."""
    return bench(server, tmp_path_factory.mktemp("faults"))
