"""The commands that only read a spec start fast, and import nothing that is heavy."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "diffusers", "transformers", "open_clip", "pandas", "datasets", "scipy"}
LIGHT_COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "validate": ["validate", "specs/quickstart.yaml"],
    "plan": ["plan", "specs/quickstart.yaml"],
    "schema": ["schema"],
}
light_commands = pytest.mark.parametrize("arguments", LIGHT_COMMANDS.values(), ids=LIGHT_COMMANDS)


def synthgen(*arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `python -m synthgen` as a user would, in the repository."""
    command = [sys.executable, *python, "-m", "synthgen", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


def imported(importtime: str) -> set[str]:
    """Top-level packages in the output of `python -X importtime`: `import time: self | cumulative | name`."""
    lines = (line for line in importtime.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@light_commands
def test_a_command_that_only_reads_a_spec_imports_nothing_heavy(arguments: list[str]) -> None:
    modules = imported(synthgen(*arguments, python=("-X", "importtime")).stderr)
    assert "synthgen" in modules
    assert not modules & HEAVY


@light_commands
def test_a_command_that_only_reads_a_spec_is_not_much_slower_than_its_libraries(arguments: list[str]) -> None:
    # Seconds depend on the machine and on who else uses it; against a process that only imports the libraries of any
    # such command line, run in turns, they do not. Wall clock, since waiting for a network must count as well.
    libraries = [sys.executable, "-c", "import typer.main, pydantic.types, pydantic.json_schema, yaml"]
    ours, theirs = [], []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(libraries, check=True)
        theirs.append(time.perf_counter() - start)
        start = time.perf_counter()
        synthgen(*arguments)
        ours.append(time.perf_counter() - start)
        if min(ours) < 3 * min(theirs):
            return
    assert min(ours) < 3 * min(theirs)


def test_importing_synthgen_imports_none_of_its_rooms() -> None:
    code = "import sys, synthgen; print([name for name in sys.modules if name.startswith('synthgen.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_python_face_is_reached_from_the_package() -> None:
    code = "import synthgen; print(callable(synthgen.api.plan), callable(synthgen.api.run))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
