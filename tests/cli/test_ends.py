"""How commands end: interrupted while they start, and with a split that was asked for and is empty."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.__main__ import INTERRUPTED
from synthgen.errors import Interrupted
from tests.command import command_line, envelope
from tests.running.noise import make_run, noise_plan

STOPPED = """
import os, signal, sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stop())
sys.argv = ["synthgen", "models"]
from synthgen.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["synthgen.cli", "typer", "synthgen.presets"])
def test_ctrl_c_while_the_program_is_loaded_ends_without_a_traceback(module: str) -> None:
    command = [sys.executable, "-c", STOPPED.format(module=module)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == INTERRUPTED == Interrupted.exit_code
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_split_that_groups_leave_empty_is_not_all_that_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    one_prompt = "prompts={templates: ['a {class}']}", "output.together=[prompt]"
    make_run(run, noise_plan("classes={doctor: 6, chef: 4}", *one_prompt, "output.splits={a: 0.9, b: 0.1}"))
    assert command_line(["finalize", str(run)]) == 3
    printed = capsys.readouterr()
    assert "splits    'b' has 0 of 1 images" in printed.out
    assert "the split 'b' should have images" in printed.err

    assert command_line(["finalize", str(run), "--json", "-q"]) == 3
    found = envelope(capsys.readouterr().out)
    assert [error["code"] for error in found["errors"]] == ["quota_not_met"]
    assert found["warnings"][-1] == "the split 'b' should have images, and whole groups of images left none"
    assert json.loads((run / "dataset/synthgen.json").read_text())["splits"][1]["rows"] == 0
