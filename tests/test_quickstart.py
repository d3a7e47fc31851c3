"""The main job: `synthgen run specs/quickstart.yaml`, held against the ground-truth reader."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import Tensor

from synthgen.bundled import READER
from synthgen.bundled.reader import load_reader
from synthgen.spec import starter_spec

ROOT = Path(__file__).parents[1]


def pixels(images: list[bytes]) -> Tensor:
    arrays = [np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) for image in images]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def share_right(images: list[bytes], classes: list[str]) -> float:
    """Share of images whose occupation is the wanted one, by the reader."""
    seen = load_reader(READER).read(pixels(images)).values("occupation")
    return float(np.mean([one == other for one, other in zip(seen, classes, strict=True)]))


@pytest.mark.slow
def test_what_the_quickstart_accepts_is_what_its_label_says(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "synthgen", "run", "specs/quickstart.yaml", "-o", str(run)]
    command += ["--set", "output.rejects.keep=images"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr

    accepted = pq.read_table(run / "dataset/data").to_pylist()
    assert len(accepted) == 60
    names = ["doctor", "nurse", "chef", "builder", "farmer", "police officer"]
    right = share_right([row["image"]["bytes"] for row in accepted], [names[row["label"]] for row in accepted])
    assert right >= 0.97

    (ledger,) = (run / "ledger").glob("*.parquet")
    refused = [row for row in pq.read_table(ledger).to_pylist() if row["reason"] == "label"]
    assert refused, "this model misunderstands: a judge that refuses nothing does not look"
    assert share_right([row["image"]["bytes"] for row in refused], [row["class"] for row in refused]) <= 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", ["the README's spec", pytest.param("the starter of `synthgen init`", marks=pytest.mark.sweep)]
)
def test_the_first_spec_that_a_user_writes_is_filled(tmp_path: Path, source: str) -> None:
    shown = re.search(
        r"^## A spec\n\n```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert shown is not None
    spec = tmp_path / "spec.yaml"
    spec.write_text(shown[1] if "README" in source else starter_spec("first", file="spec.yaml", schema="schema.json"))
    command = [sys.executable, "-m", "synthgen", "run", str(spec), "-o", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
