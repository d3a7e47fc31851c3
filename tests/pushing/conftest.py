"""Datasets to push, and a hub to push them to."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from synthgen.dataset.finalize import finalize
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard
from tests.hub import Hub, serve
from tests.pushing.repositories import OWNER


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 60 images, with files that are not part of it."""
    place = tmp_path_factory.mktemp("written")
    make = partial(finalize, name="workers", classes=CLASSES, splits={"train": 0.8, "test": 0.2})
    make([write_shard(place, 0)], place / "dataset", provenance=PROVENANCE)
    (place / "dataset/.env").write_text("HF_TOKEN=hf_somebodyElses")
    (place / "dataset/notes.txt").write_text("mine alone")
    return place / "dataset"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, for a user who has logged in to it."""
    from huggingface_hub import constants

    with serve(tmp_path / "models") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its service of chunks is not part of this hub
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr("synthgen.models.busy_hub.wait", lambda *tries: None)
        monkeypatch.setenv("HF_TOKEN", OWNER)
        yield hub


@pytest.fixture
def other(written: Path, tmp_path: Path) -> Path:
    """Another dataset of the same name, with another file of data."""
    make = partial(finalize, name="workers", classes=CLASSES, splits={"all": 1.0})
    make([write_shard(tmp_path, 1)], tmp_path / "other", provenance=PROVENANCE)
    return tmp_path / "other"
