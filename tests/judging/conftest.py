"""A saved judge, made once per session."""

from pathlib import Path

import pytest

from tests.judging.tiny import save_judge


@pytest.fixture(scope="session")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judges") / "tiny"
    save_judge(folder)
    return folder
