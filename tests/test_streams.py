"""Whatever becomes of what is printed, the files and the exit code are the same; and nothing printed is obeyed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.seal import seal, unseal
from tests.command import result
from tests.running.noise import make_run, noise_plan

PLAN = noise_plan("classes={médecin: 3, 厨师: 2, chef🍳: 1}", "output.shard_size=3")
LIST = "id,label,skin\n" + "".join(f"p{i},{('médecin', '厨师')[i % 2]},{'xy'[i % 3 % 2]}\n" for i in range(8))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_run(folder / "run", PLAN)
    (folder / "list.csv").write_text(LIST)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line for the shell, in which `synthgen` is the program."""
    line = line.replace("synthgen", f"{sys.executable} -m synthgen")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        capture_output=True,
        timeout=240,
        check=False,
        env={**os.environ, **environment},
    )


COMMANDS = {
    "finalize run": "run/report.html",
    "audit list.csv --known skin=skin -o out": "out/report.html",
}
STREAMS = {
    "ascii": ("", {"PYTHONIOENCODING": "ascii"}),
    "latin-1": ("", {"PYTHONIOENCODING": "latin-1"}),
    "cp1252": ("", {"PYTHONIOENCODING": "cp1252:strict"}),
    "POSIX": ("", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    "stderr closed": ("2>&-", {}),
    "stderr full": ("2>/dev/full", {}),
    "all closed": (">&- 2>&- <&-", {}),
    "all full": (">/dev/full 2>/dev/full", {}),
    "stdout full, unbuffered": (">/dev/full", {"PYTHONUNBUFFERED": "1"}),
    "no reader": ("| true; exit ${PIPESTATUS[0]}", {}),
    "one column": ("", {"COLUMNS": "1"}),
    "one column of a terminal": ("", {"COLUMNS": "1", "FORCE_COLOR": "1"}),
}


IN_CI = ("POSIX", "all closed", "no reader", "one column of a terminal")
"""One of each kind: an encoding, what is closed or full, a reader that is gone, no room."""


@pytest.mark.parametrize(
    "stream",
    [pytest.param(name, marks=pytest.mark.slow if name in IN_CI else pytest.mark.sweep) for name in STREAMS],
)
def test_a_stream_that_takes_nothing_changes_no_outcome(home: Path, stream: str) -> None:
    end, environment = STREAMS[stream]
    for line, file in COMMANDS.items():
        done = shell(f"synthgen {line} {end}", home, **environment)
        assert done.returncode == 0, done.stderr
        assert (home / file).is_file()
        assert b"Traceback" not in done.stdout + done.stderr
    assert synthgen.verify(home / "run") == []


@pytest.mark.slow
def test_a_run_is_made_where_nothing_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        'synthgen: 1\nname: small\nmodel: {id: "bundled:workers", steps: 1}\nclasses: {médecin: {count: 1, prompts: '
        '["a doctor"], templates: ["a doctor"]}, chef: {count: 1, templates: ["a chef"]}}\nfilters: {}\n'
    )
    for place, end in (("a", "2>&-"), ("b", ">&- 2>&- <&-"), ("c", ">/dev/full 2>/dev/full")):
        assert shell(f"synthgen run spec.yaml -o {place} {end}", tmp_path, PYTHONIOENCODING="ascii").returncode == 0
        assert synthgen.verify(tmp_path / place) == []


@pytest.mark.parametrize(
    "line",
    [
        "status run --json",
        *(
            pytest.param(line, marks=pytest.mark.slow)
            for line in ("status run", "schema --audit", "finalize run --json")
        ),
    ],
)
def test_a_result_that_could_not_be_printed_is_a_failure_and_said_on_stderr(home: Path, line: str) -> None:
    for end in (">/dev/full", ">&-"):
        done = shell(f"synthgen {line} {end}", home)
        assert done.returncode == 5
        assert b"could not be printed" in done.stderr
    gone = shell(f"synthgen {line} | head -c 1; exit ${{PIPESTATUS[0]}}", home)
    assert (gone.returncode, gone.stderr) == (0, b"")


def test_the_exit_code_of_a_failure_is_not_lost(home: Path) -> None:
    for end in (">/dev/full 2>&1", ">&- 2>&-"):
        assert shell(f"synthgen status nowhere {end}", home).returncode == 2
        assert shell(f"synthgen validate nowhere.yaml {end}", home).returncode == 2
        assert shell(f"synthgen nonsense {end}", home).returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_holds_the_same_in_every_encoding(home: Path, encoding: str) -> None:
    done = shell("synthgen finalize run --json", home, PYTHONIOENCODING=encoding)
    assert list(result(done.stdout.decode(encoding))["classes"]) == ["médecin", "厨师", "chef🍳"]


# Data that would command a terminal.

EVIL = "a\x1b]0;owned\x07\x1b[31mb\u202ec\x9b2Jd\re\x00f"
COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def reasons(home: Path) -> str:
    marker = home / "run/done/00000.json"
    content, _ = unseal(marker.read_text())
    marker.write_text(seal(json.dumps(content | {"reasons": {EVIL: 3}}, indent=2)))
    return "status run"


def provenance(home: Path) -> str:
    marker = home / "run/done/00000.json"
    content, _ = unseal(marker.read_text())
    content["images"]["name"] = EVIL
    marker.write_text(seal(json.dumps(content, indent=2)))
    return "verify run"


def values(home: Path) -> str:
    escaped = EVIL.replace("\x00", "").replace("\r", "")
    rows = [f"p{i},{('x' + escaped, 'y')[i % 2]},{('v' + escaped, 'w')[i % 3 % 2]}" for i in range(8)]
    (home / "list.csv").write_text("id,label,skin\n" + "\n".join(rows) + "\n")
    return "audit list.csv --known skin=skin -o out"


def override(home: Path) -> str:
    (home / "spec.yaml").write_text("synthgen: 1\nname: x\n")
    return "validate spec.yaml --set $'model.id=a\\e[31m\\xe2\\x80\\xae\\xc2\\x9b2Jb'"


def option(home: Path) -> str:
    return "status $'run\\e[31mb'"


@pytest.mark.parametrize("prepare", [reasons, provenance, values, override, option])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_is_printed_of_somebody_elses_data_commands_no_terminal(
    home: Path, prepare: Callable[[Path], str], encoding: str
) -> None:
    done = shell(f"synthgen {prepare(home)}", home, PYTHONIOENCODING=encoding)
    told = done.stdout.decode(encoding) + done.stderr.decode(encoding)
    assert "\n" in told
    assert COMMANDING.findall(told) == []
    assert "Traceback" not in told


def test_the_colours_of_tables_stay(home: Path) -> None:
    done = shell("synthgen audit list.csv --known skin=skin -o out", home, FORCE_COLOR="1", TERM="xterm-256color")
    assert done.returncode == 0
    assert "\x1b[1m" in done.stdout.decode()


def test_json_escapes_what_a_terminal_would_obey_and_loses_nothing(home: Path) -> None:
    done = shell(f"synthgen {reasons(home)} --json", home)
    assert COMMANDING.findall(done.stdout.decode()) == []
    assert EVIL in result(done.stdout)["reasons"]


def test_a_library_may_draw_its_bars_on_stderr(tmp_path: Path) -> None:
    code = (
        "from synthgen.cli.streams import guard; guard()\nfrom tqdm import tqdm\nlist(tqdm(range(3), desc='loading'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr.startswith(b"\rloading:   0%|")
    assert b"\\x" not in done.stderr
