"""Lines on a narrow terminal, and hints of what was mistyped."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from synthgen.bounded import near_name
from synthgen.cli.wrapping import wrapped
from synthgen.errors import SpecError
from synthgen.seal import unseal
from synthgen.spec import Settings, checked, text_of_file
from tests.running.noise import SPEC


def on_terminal(columns: int, folder: Path, *arguments: str) -> list[str]:
    """The lines that a command prints on a terminal of so many columns."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "synthgen", *arguments]
    with subprocess.Popen(command, cwd=folder, env=plain, stdout=terminal, stderr=subprocess.DEVNULL) as process:
        os.close(terminal)
        text = b""
        while True:
            try:
                text += (part := os.read(screen, 4096))
            except OSError:  # how Linux tells that nobody writes any more
                break
            if not part:
                break
    os.close(screen)
    assert process.returncode == 0
    return text.decode().splitlines()


def test_the_lines_of_a_plan_stay_beside_their_labels(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        SPEC.replace("owner/name", "bundled:workers").replace("surplus: drop", "splits: {train: 0.5, test: 0.5}")
    )
    lines = on_terminal(60, tmp_path, "plan", "spec.yaml")
    assert max(map(len, lines)) <= 60
    at = next(place for place, line in enumerate(lines) if line.startswith("time      "))
    assert lines[at + 1].startswith(" " * 10)
    assert lines[at + 1][10] != " "


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("dataset   outputs/" + "x" * 40, ["dataset", "          outputs/" + "x" * 40]),
        (
            "  doctor  6/6 of 32   surplus 20, label 6, clip 2",
            ["  doctor  6/6 of 32   surplus", "    20, label 6, clip 2"],
        ),
        ("          indented as a whole, and longer", ["          indented as a whole,", "          and longer"]),
        ("short", ["short"]),
    ],
)
def test_a_line_is_broken_at_spaces_only(line: str, broken: list[str]) -> None:
    assert wrapped(line, 30).splitlines() == broken
    assert wrapped(line, 20) == line, "on such a terminal nothing helps"


def refused(tmp_path: Path, settings: Settings) -> SpecError:
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(SpecError) as found:
        checked(text_of_file(tmp_path / "spec.yaml", "spec.yaml"), settings)
    return found.value


def test_hints_are_about_what_is_wrong(tmp_path: Path) -> None:
    missing = refused(tmp_path, Settings(files=["prompts.templates=nowhere.txt"]))
    assert "nowhere.txt: file not found" in missing.message
    assert "working folder" in str(missing.hint)
    (tmp_path / "prompts.txt").write_text("a {class}\n")
    close = refused(tmp_path, Settings(files=[f"prompts.templates={tmp_path}/promts.yaml"]))
    assert "schema" not in str(close.hint)
    unknown = refused(tmp_path, Settings(variables={"NOPE": "1"}))
    assert "no variable 'NOPE'" in unknown.message
    assert "${NAME}" in str(unknown.hint)


def test_only_near_names_are_suggested_and_no_parser_is_quoted() -> None:
    assert near_name("nosuch.yaml", ["sec.yaml", "base.yaml"]) is None
    assert near_name("protraits.yaml", ["portraits.yml", "base.yaml"]) == "portraits.yml"
    assert near_name("Spec.yaml", ["spec.yaml"]) == "spec.yaml"
    with pytest.raises(ValueError, match=r"^it is not JSON from line 2, column 3 on$"):
        unseal('{\n  "name')
