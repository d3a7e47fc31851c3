"""Who may go on with a tuning: nobody in another precision, and nobody while another process is at it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import Interrupted
from tests.command import command_line
from tests.generating.tiny import save_stable_diffusion
from tests.tuning.test_refused import images


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and real images."""
    folder = tmp_path_factory.mktemp("resumed")
    save_stable_diffusion(folder / "sd")
    images(folder / "real", 6)
    return folder


def command(place: Path, output: Path, *more: str) -> list[str]:
    given = ["--real", str(place / "real"), "--model", str(place / "sd"), "-o", str(output), "--steps", "2"]
    return ["tune", *given, "--batch-size", "1", "--rank", "1", "--device", "cpu", "--check", "0", "--quiet", *more]


def test_another_precision_is_refused_by_name(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Interrupted):
        synthgen.tune(
            place / "real",
            str(place / "sd"),
            tmp_path / "out",
            steps=2,
            batch_size=1,
            rank=1,
            check=0,
            device="cpu",
            stop=lambda: True,
        )
    assert command_line(command(place, tmp_path / "out", "--precision", "bfloat16")) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"--precision: the tuning in {tmp_path / 'out'} was begun in float32, and bfloat16 is asked for now" in said
    assert "--precision float32" in said
    assert (tmp_path / "out" / "checkpoint.pt").exists()
    assert command_line(command(place, tmp_path / "out")) == 0


def test_a_folder_that_another_process_tunes_into_is_left_alone(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor]) as other:
        os.close(descriptor)
        assert command_line(command(place, folder)) == 5
        assert other.stdin is not None
        other.stdin.close()
    said = " ".join(capsys.readouterr().err.split())
    assert "is tuning a model into this folder" in said
    assert list(folder.iterdir()) == []
    assert command_line(command(place, folder)) == 0


def test_a_new_folder_is_gone_where_nothing_came_of_it(place: Path, tmp_path: Path) -> None:
    assert command_line(command(place, tmp_path / "out", "--judge", "nowhere", "--check", "2")) == 2
    assert not (tmp_path / "out").exists()
