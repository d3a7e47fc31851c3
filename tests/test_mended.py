"""Faults of earlier versions that no room's own tests would notice if they came back."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from synthgen.dataset.duplicates import near_duplicates
from synthgen.generating.decode import broken_rows
from synthgen.spec import DuplicateFilter
from tests.command import call, said


def test_a_second_confusion_matrix_of_an_attribute_is_refused_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "id,label,tone\n" + "".join(f"i{n},chef,{('light', 'dark')[n % 2]}\n" for n in range(9))
    )
    for name in ("run=3", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matrix.csv").write_text("truth,light,dark\nlight,9,1\ndark,2,8\n")
    given = ("--confusion", "run=3/matrix.csv", "--confusion", "b/matrix.csv")
    done = call("audit", "list.csv", "--known", "tone=tone", *given, folder=tmp_path)
    assert done.returncode == 2
    assert "--confusion: 'tone' has two files: run=3/matrix.csv and b/matrix.csv" in said(done.stderr)
    assert not (tmp_path / "outputs").exists()


def test_near_duplicates_of_many_images_are_found_without_comparing_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 20_000
    hashes = [bytes(row) for row in np.random.default_rng(0).integers(0, 256, (count, 32), dtype=np.uint8)]
    hashes[-1] = bytes([hashes[0][0] ^ 1, *hashes[0][1:]])
    compared: list[int] = []
    differing_bits = np.bitwise_count

    def counted(differences: Any) -> Any:
        compared.append(len(differences))
        return differing_bits(differences)

    monkeypatch.setattr(np, "bitwise_count", counted)
    ids = [f"{number:05d}" for number in range(count)]
    found = near_duplicates(ids, [0] * count, hashes, None, DuplicateFilter(max_bits=4))
    assert [(each.id, each.same_as) for each in found] == [("19999", "00000")]
    assert 0 < sum(compared) < count * (count - 1) / 2 / 100


class Waits(TorchDispatchMode):
    """Counts how often a value is fetched from the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_the_device_is_not_waited_for_once_per_image() -> None:
    images = torch.rand(16, 3, 8, 8)
    images[3, 0, 0, 0], images[5] = float("nan"), 0.0
    with Waits() as waits:
        broken, black = broken_rows(images)
    assert (broken.index(True), black.index(True)) == (3, 5)
    assert waits.count <= 1


WARNS = """
import logging, sys
from synthgen.cli import main
from synthgen.errors import DeviceError
from synthgen.running.shard.models import Models

def warn(models):
    logging.getLogger("synthgen.models").warning("the disk is\\nnearly full")
    raise DeviceError("no device")

Models.set_up = warn
sys.argv = ["synthgen", "run", "spec.yaml"]
main()
"""


@pytest.mark.slow
def test_a_warning_that_is_logged_during_a_run_is_one_line_of_json_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        'synthgen: 1\nname: warned\nmodel: {id: "bundled:workers"}\nclasses: {chef: 1}\n'
        'prompts: {templates: ["a {class}"]}\nfilters: {}\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", WARNS], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 5, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"warning", "error"} <= {line["event"] for line in lines}
    assert [line["message"] for line in lines if line["event"] == "warning"] == ["the disk is\nnearly full"]
