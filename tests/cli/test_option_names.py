"""Messages name Python arguments; the command line shows its own options instead."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

import synthgen.cli
from synthgen.api.audit_result import Audit
from synthgen.auditing.command_line import OPTIONS
from synthgen.auditing.label_command import judge_check
from synthgen.cli.audit_answer import answer_of_audit
from synthgen.cli.command import names_of
from synthgen.cli.option_names import OptionNames
from synthgen.cli.session import session
from tests.auditing.report.demo import demo
from tests.command import call, envelope

NAMES = OptionNames(
    {"devices": "--devices", "overrides": "--set", "labels": "--import-labels", "extend": "--extend"}, {"spec": "SPEC"}
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('`devices="cpu:2"` or `extend=True`', "--devices cpu:2 or --extend"),
        ("`devices='cpu:2'`", "--devices cpu:2"),
        ('`labels="my labels.csv"`', "--import-labels 'my labels.csv'"),
        ('`overrides="model.id="x""`', """--set 'model.id="x"'"""),
        ("`overrides=['a=1', 'b=x y']`", "--set a=1 --set 'b=x y'"),
        ("the `spec` and `nothing`", "the SPEC and `nothing`"),
        ("`synthgen.pilot(spec, folder)`", "`synthgen calibrate SPEC -o DIR`"),
        ("`synthgen.pilot(spec, 'my pilot')`", "`synthgen calibrate SPEC -o 'my pilot'`"),
        ("`synthgen.run` takes several", "`synthgen run` takes several"),
    ],
)
def test_arguments_and_calls_are_shown_as_options_and_commands(text: str, shown: str) -> None:
    assert NAMES.rendered(text) == shown


def test_the_written_command_has_the_options_of_the_audit_command() -> None:
    there = names_of("audit").options
    assert {name: there[name] for name in OPTIONS if name != "output"} == {
        name: option for name, option in OPTIONS.items() if name != "output"
    }
    assert OPTIONS["output"] == "-o"


def test_a_report_gives_the_command_to_draw_labels_and_the_one_to_use_them(tmp_path: Path) -> None:
    query = synthgen.AuditQuery(known={"skin": "tone"}, gates=["skin: tv <= 0.1"], device="cpu")
    check = judge_check(str(tmp_path / "a set"), query, 30)
    assert check.command is not None
    assert check.again is not None
    same = ["audit", str(tmp_path / "a set"), "--known", "skin=tone", "--gate", "skin: tv <= 0.1", "--device", "cpu"]
    assert shlex.split(check.command) == ["synthgen", *same, "--export-labels", "30"]
    assert shlex.split(check.again) == ["synthgen", *same, "--import-labels", check.table]


def test_notes_of_an_audit_name_options_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "names", names_of("audit"))
    report = demo(300)
    noted = replace(report, findings=replace(report.findings, caveats=("name the folder with `images_from`",)))
    lines = answer_of_audit(Audit(noted), Path("audit.json"), Path("report.html"), allow_insufficient=True).lines
    assert "note      name the folder with --images-from" in lines


def test_an_override_is_named_as_the_face_in_use_names_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("synthgen: 1\nname: a\n")
    wrong = "model.steps=ten of them"
    done = call("validate", "spec.yaml", "--json", "--set", wrong, folder=tmp_path)
    errors = [each for each in envelope(done.stdout)["errors"] if "steps" in each["message"]]
    assert [each["file"] for each in errors] == [f"--set '{wrong}'"]
    assert f"--set '{wrong}': model.steps: expected" in done.stderr
    with pytest.raises(synthgen.SpecError, match=rf'`overrides="{wrong}"`: model\.steps: expected'):
        synthgen.load_spec(tmp_path / "spec.yaml", [wrong])


def test_a_missing_pilot_is_answered_with_what_makes_one(tmp_path: Path) -> None:
    call("init", folder=tmp_path)
    done = call("calibrate", "spec.yaml", "--keep", 0.5, "-o", "pilot", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "--output: there is no pilot in pilot\nMake it first: `synthgen calibrate SPEC -o pilot`.\n"
