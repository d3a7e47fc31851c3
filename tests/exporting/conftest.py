"""A finished run, to export."""

from pathlib import Path

import pytest

import synthgen
from tests.exporting.sets import PLAN
from tests.running.noise import make_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder
