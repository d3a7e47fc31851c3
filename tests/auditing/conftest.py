"""Sets that the tests of a file share."""

from pathlib import Path

import pytest

import synthgen
from synthgen.spec import parse_spec
from tests.auditing.audits import SPEC
from tests.auditing.portraits import ATTRIBUTES, as_folder, table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve portraits, of two classes and three skin tones alike; and what to measure on them."""
    made = tmp_path_factory.mktemp("portraits")
    as_folder(made / "set", table())
    (made / "attributes.yaml").write_text(ATTRIBUTES)
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run") / "small"
    synthgen.run(parse_spec(SPEC), place, devices="cpu")
    return place
