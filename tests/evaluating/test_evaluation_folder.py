"""Where an evaluation goes, what it replaces there, and the command that repeats it."""

import inspect
import shlex
from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.taken import place_sha256
from synthgen.errors import UsageError
from synthgen.evaluating.command_line import OPTIONS, evaluate_command, with_output
from synthgen.evaluating.places import check_evaluation_folder, default_folder

DEFAULTS = {name: each.default for name, each in inspect.signature(synthgen.evaluate).parameters.items()}


def test_every_argument_has_an_option() -> None:
    assert set(OPTIONS) - {"output"} == set(DEFAULTS) - {"on_progress"}


def test_a_command_says_what_was_given_and_no_defaults() -> None:
    given = {**DEFAULTS, "real": "-photos", "synthetic": Path("my set"), "gates": ["a", "b"], "allow_remote": True}
    command = evaluate_command(given, DEFAULTS)
    assert command is not None
    assert shlex.split(command) == [
        *("synthgen", "evaluate", "--real=-photos", "--synthetic", "my set", "--gate", "a", "--gate", "b"),
        "--allow-remote",
    ]
    assert evaluate_command({**given, "test": pd.DataFrame()}, DEFAULTS) is None


def test_a_command_names_the_folder_that_its_user_named() -> None:
    assert with_output("synthgen evaluate", "my out") == "synthgen evaluate -o 'my out'"
    assert with_output("synthgen evaluate", "-x") == "synthgen evaluate -o ./-x"
    assert with_output(None, "out") is None


def test_the_default_folder_is_in_the_run_or_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/plan.json").touch()
    Path("made").mkdir()
    assert default_folder("run") == default_folder("run/dataset") == Path("run/evaluation")
    assert default_folder("made") == Path("outputs/made-evaluation")

    Path("outputs/made-evaluation").mkdir(parents=True)
    Path("outputs/made-evaluation/evaluation.json").write_text('{"provenance": {"place_sha256": "other"}}')
    with pytest.raises(UsageError, match="the evaluation of another set"):
        default_folder("made")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("run", "is a run"),
        ("run/evaluation", "is for evaluations of the run"),
        ("audit", "audit.json is not of an earlier evaluation"),
        ("page", "report.html is not of an earlier evaluation"),
    ],
)
def test_what_is_no_evaluation_is_never_replaced(
    folder: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run/plan.json", "audit/audit.json", "audit/evaluation.json", "page/report.html"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    with pytest.raises(UsageError, match=message) as refused:
        check_evaluation_folder(Path(folder), place_sha256("made"))
    assert refused.value.argument == "output"
    check_evaluation_folder(Path("run/evaluation"), place_sha256("run/dataset"))
    check_evaluation_folder(Path("free"), None)


EARLIER = '{"format": 1, "verdict": "helps"}'


@pytest.mark.parametrize("content", ['{"a": 1}', "[]", "", '{"format": 1, "verdict": "good"}', '{"verdict": "helps"}'])
def test_an_evaluation_json_of_somebody_else_is_not_replaced(content: str, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(content)
    (tmp_path / "report.html").write_text("precious")
    with pytest.raises(UsageError, match=r"evaluation\.json is not of an earlier evaluation"):
        check_evaluation_folder(tmp_path)
    (tmp_path / "evaluation.json").write_text(EARLIER)
    check_evaluation_folder(tmp_path)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("set", "set is one of the sets"),
        ("set/new", "set/new is in one of the sets"),
        ("link/new", "link/new is in one of the sets"),
        ("run/dataset", "is among the files of the run"),
        ("run/dataset/data/new", "is among the files of the run"),
        ("mixed", "mixed has other files: a.txt, b.txt, c.txt and 1 more"),
        ("mixed/a.txt", "a.txt is a file and not a folder"),
        ("mixed/a.txt/new", "a.txt is a file and not a folder"),
    ],
)
def test_an_evaluation_has_a_folder_of_its_own(
    folder: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("set/evaluation.json", "run/plan.json", "mixed/evaluation.json", "run/evaluation/evaluation.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(EARLIER)
    for name in "abcd":
        Path(f"mixed/{name}.txt").touch()
    Path("link").symlink_to("set")
    with pytest.raises(UsageError, match=message) as refused:
        check_evaluation_folder(Path(folder), place_sha256("run"), [place_sha256("set")])
    assert refused.value.argument == "output"
    for free in ("run/evaluation", "run/other", "new/one"):
        check_evaluation_folder(Path(free), place_sha256("run"), [place_sha256("set")])
