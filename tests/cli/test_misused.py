"""What the command line says of a value that an option does not take, the list of commands, and a second call."""

import pytest

from synthgen.api.export_arguments import encoding_of
from synthgen.cli.option_names import NO_OPTIONS
from synthgen.cli.program import run
from synthgen.cli.session import session
from synthgen.errors import UsageError
from synthgen.events import StepProgress
from tests.command import command_line, envelope, process_left_as_it_was


def test_a_value_out_of_range_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["plan", "specs/quickstart.yaml", "--scale", "2"]) == 2
    assert "'--scale': it should be less than or equal to 1\n" in capsys.readouterr().err


def test_a_choice_that_is_nearly_one_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["export", "set", "--to", "coco", "-o", "out", "--image", "jpg"]) == 2
    assert "; did you mean 'jpeg'?" in capsys.readouterr().err
    with pytest.raises(UsageError, match="found 'jpg'; did you mean 'jpeg'"):
        encoding_of("jpg", None)


def test_no_command_is_cut_short_in_the_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert command_line(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_each_call_in_one_process_begins_anew(capsys: pytest.CaptureFixture[str]) -> None:
    with process_left_as_it_was():
        session.begin("run", NO_OPTIONS, as_json=False, quiet=False, verbose=False)
        with session.progress("outputs/x", "a run") as on_progress:
            on_progress(StepProgress("writing the dataset", "images", 1, 2))
        session.warn("of the call before")
        capsys.readouterr()

        assert run(["plan", "specs/quickstart.yaml", "--scale", "2", "--json"]) == 2
        printed = capsys.readouterr()
    assert not printed.err.startswith("{")
    assert envelope(printed.out)["warnings"] == []
