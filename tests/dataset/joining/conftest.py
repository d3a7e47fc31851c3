"""The two sets that are joined."""

from functools import partial
from pathlib import Path

import pytest

from synthgen.dataset.finalize import finalize
from tests.dataset.joining.sets import folder_of
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 30 images, with splits of its own and another order of the classes."""
    place = tmp_path_factory.mktemp("synthetic")
    make = partial(finalize, name="workers", classes=CLASSES, splits={"train": 0.8, "test": 0.2})
    make([write_shard(place, 0)], place / "dataset", provenance=PROVENANCE)
    return place / "dataset"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "real")
