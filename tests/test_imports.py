"""The commands that only read a spec start fast, and import nothing that is heavy."""

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIGHT = {
    "_distutils_hack", "_yaml", "annotated_doc", "annotated_types", "click", "lazy_loader", "pydantic", "pydantic_core",
    "shellingham",
    "sitecustomize", "synthgen", "tokenizers", "typer", "typing_extensions", "typing_inspection", "yaml",
}  # fmt: skip
"""The installed packages that may be imported. tokenizers, which counts the tokens of prompts, takes 30 ms."""
LIGHT_COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "validate": ["validate", "specs/quickstart.yaml"],
    "plan": ["plan", "specs/quickstart.yaml"],
    "schema": ["schema"],
}
light_commands = pytest.mark.parametrize("arguments", LIGHT_COMMANDS.values(), ids=LIGHT_COMMANDS)


def call(*arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `python -m synthgen` as a user would, in the repository."""
    command = [sys.executable, *python, "-m", "synthgen", *arguments]
    # Of all that CI runs, these are not measured: what measures is a module, too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


def imported(importtime: str) -> set[str]:
    """Top-level packages in the output of `python -X importtime`: `import time: self | cumulative | name`."""
    lines = (line for line in importtime.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@light_commands
def test_a_command_that_only_reads_a_spec_imports_only_what_reading_takes(arguments: list[str]) -> None:
    modules = imported(call(*arguments, python=("-X", "importtime")).stderr)
    assert "synthgen" in modules
    assert modules & packages_distributions().keys() <= LIGHT


def test_planning_a_preset_without_its_model_imports_no_library_of_models() -> None:
    told = call("plan", "specs/sdxl-lightning.yaml", python=("-X", "importtime")).stderr
    modules = imported(told)
    assert "huggingface_hub" in modules
    assert "huggingface_hub.hf_api" not in told, "the hub may not be asked: what asks it takes a tenth of a second"
    assert not modules & {"torch", "diffusers", "transformers", "pandas", "open_clip", "numpy"}


def python(code: str) -> str:
    """What a program in a process of its own prints."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_importing_synthgen_imports_none_of_its_rooms() -> None:
    code = "import sys, synthgen; print([name for name in sys.modules if name.startswith('synthgen.')])"
    assert python(code).strip() == "[]"


def test_the_face_lists_its_names_and_has_every_one() -> None:
    code = """
import inspect, synthgen
names = dir(synthgen)
assert names == sorted(names) == sorted(synthgen.__all__)
for name in names:
    assert not inspect.ismodule(getattr(synthgen, name)), name
print(*names)
"""
    verbs = {"load_spec", "plan", "preview", "run", "status", "calibrate", "rejudge", "replay", "verify", "audit"}
    assert verbs < set(python(code).split())


@pytest.mark.parametrize("room", ["planning", "running", "auditing"])
def test_importing_a_room_leaves_the_face_as_it_is(room: str) -> None:
    code = f"import synthgen, synthgen.{room}; print(all(map(callable, (synthgen.plan, synthgen.run, synthgen.audit))))"
    assert python(code).strip() == "True"


def test_looking_at_the_face_imports_no_torch() -> None:
    code = "import sys, synthgen; dir(synthgen); synthgen.load_spec, synthgen.plan, synthgen.run, synthgen.audit\n"
    assert python(code + "print('torch' in sys.modules)").strip() == "False"
