"""The Dockerfile: linted, and its steps executed as a script, since no daemon runs where the tests do."""

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from synthgen.version import __version__

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
FOLDERS = ("/source", "/dist", "/cache", "/work")
"""Of the image; in the test they lie below a temporary folder."""


def instructions() -> list[tuple[str, str]]:
    """Each instruction and its argument, continued lines joined."""
    lines = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def test_the_dockerfile_has_no_fault_that_hadolint_finds() -> None:
    program = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([program, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_does_not_run_as_root() -> None:
    last = [rest for word, rest in instructions() if word == "USER"][-1]
    assert int(last) > 0


def test_the_context_has_what_building_the_wheel_takes_and_no_more() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert rules.index("*") < min(rules.index(line) for line in rules if line.startswith("!"))
    assert kept() == {"synthgen", "pyproject.toml", "README.md", "LICENSE"}


def kept() -> set[str]:
    return {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}


@pytest.mark.slow
def test_the_steps_of_the_image_install_a_synthgen_that_works(tmp_path: Path) -> None:
    root, home, shims = tmp_path / "root", tmp_path / "venv", tmp_path / "shims"
    root.mkdir()
    uv = shutil.which("uv")
    assert uv is not None, "uv runs the tests"
    subprocess.run([uv, "venv", "--quiet", "--offline", "--python", sys.executable, home], check=True)
    borrow_packages(home)
    write_shims(shims, uv, home)

    place = Path("/")
    script = ["set -eu"]
    for word, rest in instructions():
        if word == "ARG":
            script.append(f"export {rest}")
        elif word == "ENV":
            script.append(f"export {within(root, rest)}")
        elif word == "COPY" and rest == ". /source":
            copy_context(root / "source")
        elif word == "WORKDIR":
            place = root / rest.lstrip("/")
            script += [f"mkdir -p {place}", f"cd {place}"]
        elif word == "RUN":
            script.append(within(root, rest))
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}},
        "PATH": os.pathsep.join([str(shims), str(home / "bin"), "/usr/bin", "/bin"]),
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^bundled models +present$", done.stdout, re.MULTILINE)

    (entry,) = [rest for word, rest in instructions() if word == "ENTRYPOINT"]
    assert entry == '["synthgen"]'
    version = subprocess.run([home / "bin/synthgen", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == __version__


def within(root: Path, text: str) -> str:
    """The image's own folders, below `root`."""
    return re.sub(rf"(?<![\w/.])({'|'.join(FOLDERS)})\b", rf"{root}\1", text)


def copy_context(target: Path) -> None:
    target.mkdir()
    for name in kept():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)


def borrow_packages(home: Path) -> None:
    """Let the environment at `home` find this one's dependencies behind its own: none can be downloaded here."""
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")


def write_shims(folder: Path, uv: str, home: Path) -> None:
    """Programs in front of the real ones: what needs root or a network does nothing."""
    install = f'exec {uv} pip install --offline --no-deps --python {home}/bin/python "${{@: -1}}"'
    programs = {
        "pip": '[[ "$*" == *"uv=="* ]]',  # uv is here already
        "useradd": "true",
        "uv": f'if [[ $1 == pip ]]; then {install}; else exec {uv} "$@" --offline; fi',
    }
    folder.mkdir()
    for name, body in programs.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (folder / name).chmod(stat.S_IRWXU)
