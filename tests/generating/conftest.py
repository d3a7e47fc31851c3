"""Saved pipelines, made once per session."""

from pathlib import Path

import pytest

from tests.generating.tiny import save_stable_diffusion, save_stable_diffusion_xl


@pytest.fixture(scope="session")
def sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sd"
    save_stable_diffusion(folder)
    return folder


@pytest.fixture(scope="session")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sdxl"
    save_stable_diffusion_xl(folder)
    return folder


@pytest.fixture(scope="session")
def withholding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion with a safety checker that flags every image."""
    folder = tmp_path_factory.mktemp("models") / "withholding"
    save_stable_diffusion(folder, withholds=True)
    return folder


@pytest.fixture(params=["sd", "sdxl"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Each pipeline that text-to-image is tested with."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Path)
    return found
