"""Names that classes, cells and columns may have, in the lines and tables of a terminal."""

from pathlib import Path

import pytest

from synthgen.cli.cells import aligned, shown
from synthgen.errors import SpecError
from synthgen.spec import parse_spec
from tests.command import command_line
from tests.running.noise import SPEC, make_run, noise_plan

LONG = "x" * 90 + " end"


def test_a_name_stays_on_its_line_and_in_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    classes = f'classes={{"doc\\ntor": 2, "chef\\u2028\\ttwo": 1, "{LONG}": 1}}'
    make_run(run, noise_plan(classes, "output.shard_size=2", "output.splits={train: 0.5, test: 0.5}"))
    for command in ("finalize", "status", "verify"):
        assert command_line([command, str(run)]) == 0
    first = next(path.stem for path in sorted((run / "ledger").glob("00000-*"))).partition("-")[0]
    assert command_line(["show", str(run), f"{first}-000000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.index("2/2 of") for line in lines if line.startswith(r"  doc\ntor ")] == [52]
    assert any(line.startswith(r"  chef\u2028\ttwo ") for line in lines)
    assert any(line.startswith("  xxxxxxx") and "...xxx" in line and " end  1/1 of" in line for line in lines)
    assert not any(line.startswith(("tor", "two")) for line in lines)


def test_a_problem_of_a_spec_stays_on_its_line() -> None:
    with pytest.raises(SpecError) as found:
        parse_spec(SPEC, overrides=['classes={"doc\\ntor": -1}'])
    assert "\n" not in str(found.value.problems[0])
    assert r"classes.doc\ntor" in str(found.value.problems[0])


def test_columns_are_as_wide_as_a_terminal_shows_them() -> None:
    assert list(aligned([("医生", "1"), ("chef", "2")])) == ["医生  1", "chef  2"]
    assert len({shown(f"{'a' * 300}, skin_tone={tone}") for tone in ("light", "dark")}) == 2
