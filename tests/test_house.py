"""`.ci/house.py` finds every violation of its rules, and `.ci/run` fails with the first step that does.

All violations are planted at once, each in files of its own, in one copy of the package.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = (sys.executable, ".ci/house.py")
LINTER = (str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
TYPES_ONLY = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
UNBROKEN = "\n".join(
    f'def unbroken_{number}() -> None:\n    """Do nothing."""\n' + "    pass\n" * 25 for number in range(11)
)

PLANTED = {
    # A circle in one room, two of three files, one of them a check of types.
    "planning/circle_a.py": "from synthgen.planning import circle_b",
    "planning/circle_b.py": "from synthgen.planning.circle_c import nothing",
    "planning/circle_c.py": f"{TYPES_ONLY}from synthgen.planning import circle_a",
    # Arrows up: open, in a function, for types, by a string, of the root.
    "stats/up.py": "from synthgen.auditing import gates",
    "stats/up_later.py": 'def later() -> None:\n    """Import."""\n    import synthgen.running.shard',
    "stats/up_types.py": f"{TYPES_ONLY}from synthgen.api import auditing",
    "stats/up_module.py": 'import importlib\nimportlib.import_module("synthgen." + "api")',
    "stats/up_alias.py": "from importlib import import_module as load",
    "stats/up_dunder.py": '__import__("synthgen.api")',
    "stats/up_exec.py": 'exec("import synthgen" + ".api")',
    "stats/up_text.py": 'ROOM = "synthgen.api"\nVERB = "synthgen.api:run"',
    "stats/up_root.py": "import synthgen",
    "judging/aside.py": "from synthgen.generating import renderer",
    # Rooms that the contract does not name, and a folder that no graph sees.
    "strangers/__init__.py": "",
    "stranger.py": "",
    "stats/unseen/up.py": "from synthgen.api import auditing",
    # Lengths.
    "stats/long_file.py": "\n" * 300 + "pass",
    "stats/long_function.py": 'def long() -> None:\n    """Do nothing."""\n' + "    pass\n\n" * 30 + "    pass",
    "stats/unbroken_1.py": UNBROKEN,
    # Docstrings.
    "stats/no_summary.py": 'class Shown:\n    """Args:\n        one: a number.\n    """',
    "stats/no_sentence.py": 'async def shown() -> None:\n    """a number"""',
    "stats/no_text.py": 'def shown() -> None:\n    """"""',
    # Names.
    "stats/twice_a.py": "class Twice:\n    pass",
    "sets/twice_b.py": "if True:\n    Twice = int | str",
    "stats/new_a.py": 'from typing import NewType\nMinted = NewType("Minted", int)',
    "sets/new_b.py": 'from typing import TypeAlias\nMinted: TypeAlias = "list[int]"',
    "stats/any.py": "from typing import Any\n" + "".join(f"x{number}: Any\n" for number in range(28)),
    "stats/words.py": "# all image(s)",
    # Writing, and other people's names.
    "stats/moves.py": "import os\nos.replace('a', 'b')",
    "stats/moves_path.py": "from pathlib import Path\nPath('a').replace(Path('b'))",
    "stats/moves_temporary.py": "from tempfile import NamedTemporaryFile\nNamedTemporaryFile()",
    "stats/private.py": "import torch\ntorch._C._cuda_init()",
    "stats/private_import.py": "from scipy._lib import _util",
}
for _number in range(2, 9):
    PLANTED[f"stats/unbroken_{_number}.py"] = UNBROKEN

FOUND = {
    "a circle": r"circle: .*planning\.circle_a -> .*circle_b -> .*circle_c -> .*circle_a$",
    "an arrow up": r"synthgen\.stats\.up: imports upward, synthgen\.auditing\.gates$",
    "an arrow up in a function": r"synthgen\.stats\.up_later: imports upward",
    "an arrow up for types": r"synthgen\.stats\.up_types: imports upward",
    "import_module": r"synthgen/stats/up_module\.py:2: imports by string",
    "import_module of another name": r"synthgen/stats/up_alias\.py:1: imports by string",
    "__import__": r"synthgen/stats/up_dunder\.py:1: imports by string",
    "exec": r"synthgen/stats/up_exec\.py:1: imports by string",
    "a room in a text": r"synthgen/stats/up_text\.py:1: names a higher room",
    "an object in a text": r"synthgen/stats/up_text\.py:2: names a higher room",
    "the root": r"synthgen\.stats\.up_root: imports the root package",
    "an arrow to the side": r"synthgen\.judging\.aside: imports upward",
    "a package in no layer": r"synthgen\.strangers: in no layer",
    "a module in no layer": r"synthgen\.stranger: in no layer",
    "a file in no package": r"synthgen/stats/unseen/up\.py: in no package",
    "a long file": r"synthgen/stats/long_file\.py: 301 lines, at most 300$",
    "a long function": r"synthgen/stats/long_function\.py:1: long has 61 lines of body, at most 60$",
    "unbroken functions": r"\d+ of \d+ longer functions have no blank line, at most 20%",
    "a docstring that begins with a section": r"synthgen/stats/no_summary\.py:1: Shown: the docstring has no summary",
    "a docstring that is no sentence": r"synthgen/stats/no_sentence\.py:1: shown: the summary is no sentence",
    "an empty docstring": r"synthgen/stats/no_text\.py:1: shown: the summary is no sentence",
    "a module without docstring": r"synthgen/stats/up\.py: no docstring",
    "a class and an alias": r"type Twice is defined 2 times: synthgen/sets/twice_b\.py, synthgen/stats/twice_a\.py",
    "a new type and an alias": r"type Minted is defined 2 times",
    "too many Any": r"\d+ uses of Any, fewer than \d+",
    "a phrase": r"synthgen/stats/words\.py:1: 'image\(s\)'",
    "os.replace": r"synthgen/stats/moves\.py:2: writes a file with replace",
    "Path.replace": r"synthgen/stats/moves_path\.py:2: writes a file with replace",
    "a temporary file": r"synthgen/stats/moves_temporary\.py:2: writes a file with NamedTemporaryFile",
    "a private attribute": r"synthgen/stats/private\.py:2: uses torch\._C._cuda_init, which is private",
    "a private module": r"synthgen/stats/private_import\.py:1: imports scipy\._lib\._util, which is private",
}


def call(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def copied(folder: Path) -> Path:
    """A tree with all that the rules look at."""
    for name in ("synthgen", ".ci", ".github", "docs", "specs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Dockerfile"]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What the house and import-linter say of a tree that breaks every rule."""
    tree = copied(tmp_path_factory.mktemp("planted"))
    for name, text in PLANTED.items():
        path = tree / "synthgen" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    house, linter = call(HOUSE, tree), call(LINTER, tree)
    assert (house.returncode, linter.returncode) == (1, 1), house.stderr + linter.stderr
    return house.stdout, linter.stdout


@pytest.mark.slow
@pytest.mark.parametrize("pattern", FOUND.values(), ids=FOUND)
def test_a_broken_rule_is_found_with_its_place(planted: tuple[str, str], pattern: str) -> None:
    assert re.search(pattern, planted[0], re.MULTILINE), planted[0][-3000:]


def test_a_room_that_the_contract_does_not_name_and_an_arrow_up_break_it(planted: tuple[str, str]) -> None:
    assert "synthgen.stranger" in planted[1]
    assert "synthgen.stats.up -> synthgen.auditing.gates" in planted[1]


STEPS = {
    "lint": "run ruff check",
    "format": "run ruff format --check",
    "imports": "run lint-imports",
    "house": "run python .ci/house.py",
    "types": "run mypy",
    "tests": "run python -m slipcover --out build/measured.txt -m pytest",
    "measured": "run python -m slipcover --out build/measured.json --merge build/measured-gw*.json",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_ci_fails_with_a_step_that_fails_and_goes_no_further(step: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    programs = {"uv": f'echo "$*" >>"{log}"\n[[ "$*" != "{step}" ]]', "chromium": "true"}
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / name).chmod(stat.S_IRWXU)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", ROOT / ".ci/run"],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    called = log.read_text().splitlines()
    if step == STEPS["types"]:  # beside the docs and the wheel
        assert "==> mypy\n" in done.stdout
        assert "<== mypy" not in done.stdout
    else:
        assert called[-1] == step
    assert "all passed" not in done.stdout
