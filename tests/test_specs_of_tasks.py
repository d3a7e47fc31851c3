"""The shipped spec of each task, run as a user does and held against the ground-truth reader."""

import subprocess
import sys
from pathlib import Path

import pytest

import synthgen
from tests.benchmarks.redrawn import images_of, measured

ROOT = Path(__file__).parents[1]
IMAGES = {"image-to-image": 48, "inpaint": 48, "outpaint": 24, "control": 48}


@pytest.mark.slow
@pytest.mark.parametrize("task", IMAGES)
def test_the_spec_of_a_task_gives_the_images_that_it_says(tmp_path: Path, task: str) -> None:
    command = [sys.executable, "-m", "synthgen", "run", f"specs/{task}.yaml", "-o", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert synthgen.verify(tmp_path / "run") == []

    images = images_of(tmp_path / "run")
    found = measured(images, ROOT / "specs/sources")
    assert len(images) == IMAGES[task]
    assert found["each"]["occupation"]["share"] >= 0.95
    if task == "inpaint":
        assert found["touched"] == 0
        assert found["attributes"]["share"] >= 0.95
        assert found["background"]["share"] >= 0.8
    if task == "outpaint":
        assert found["boxes_on_plain_ground"]["share"] == 1, "the boxes moved with the pictures"
        assert found["boxes"]["share"] >= 0.85, "hats that reach the edge may grow"
