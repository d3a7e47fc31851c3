"""The commands that only read a spec start fast, and import nothing that is heavy."""

import resource
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


def children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@light_commands
def test_a_command_that_only_reads_a_spec_imports_nothing_heavy(arguments: list[str]) -> None:
    modules = imported(synthgen(*arguments, python=("-X", "importtime")).stderr)
    assert "synthgen" in modules
    assert not modules & HEAVY


@light_commands
def test_a_command_that_only_reads_a_spec_answers_at_once(arguments: list[str]) -> None:
    # The promise is 0.6 s. A busy machine stretches the wall clock, so the processor's seconds count too;
    # the looser limit on the wall clock is for whatever waits without working, a network above all.
    tries = []
    for _ in range(5):
        wall, cpu = time.perf_counter(), children_cpu_seconds()
        synthgen(*arguments)
        tries.append((children_cpu_seconds() - cpu, time.perf_counter() - wall))
        if max(tries[-1]) < 0.6:
            return
    assert min(cpu for cpu, _ in tries) < 0.6
    assert min(wall for _, wall in tries) < 2.0


def test_importing_synthgen_imports_none_of_its_rooms() -> None:
    code = "import sys, synthgen; print([name for name in sys.modules if name.startswith('synthgen.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_python_face_is_reached_from_the_package() -> None:
    code = "import synthgen; print(callable(synthgen.api.plan), callable(synthgen.api.run))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
