"""Plug-ins that a run of somebody else names are imported by the user's word only, with arguments that they know."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import synthgen
from synthgen.api.trust import PinnedModel, pinned_models, pinned_of_dataset, require_trust
from synthgen.errors import StorageError, UsageError
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import create_run
from synthgen.spec import parse_spec
from synthgen.store import open_store
from tests.command import call, envelope
from tests.installed import install
from tests.running.noise import SPEC, make_run, noise_plan

SMALL = ("classes={doctor: 2}", "budget.attempts_per_image=4")
WRITER = """\
from pathlib import Path
Path(__file__).with_name("imported").touch()
from synthgen.dataset.formats import FormatWriter, Manifest, WrittenSplit

class Lines(FormatWriter):
    def __init__(self, to="x"):
        self.to = to

    def write(self, selection, images, folder):
        rows = {split: [] for split in selection.splits}
        for split, row in images.rows():
            rows[split].append(row["id"])
        for split in filter(rows.get, rows):
            (folder / f"{split}.txt").write_text("\\n".join(rows[split]))
        return Manifest({
            split: WrittenSplit(rows=len(ids), files=(f"{split}.txt",) if ids else ()) for split, ids in rows.items()
        })
"""


@pytest.fixture
def imported(user: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the format writes when it is imported."""
    import sys

    modules, entries = {"lines_format": WRITER}, {"synthgen.formats": "lines = lines_format:Lines"}
    install(user / "site", "synthgen-lines", "1.0", modules, entries)
    monkeypatch.syspath_prepend(user / "site")
    monkeypatch.setenv("PYTHONPATH", str(user / "site"))
    monkeypatch.delitem(sys.modules, "lines_format", raising=False)
    return user / "site/imported"


def lines_plan(*overrides: str) -> Plan:
    return noise_plan(*SMALL, "output.format=lines", *overrides)


OPENING: dict[str, Callable[[Path, bool], object]] = {
    "finalize": lambda run, trust: synthgen.finalize(run, trust=trust),
    "rejudge": lambda run, trust: synthgen.rejudge(run, ["safety.above=0.5"], trust=trust),
}


@pytest.mark.parametrize("command", OPENING)
def test_a_run_of_somebody_else_opens_its_format_only_with_trust(user: Path, imported: Path, command: str) -> None:
    make_run(user / "run", lines_plan())
    with pytest.raises(UsageError, match=r"the format lines of the installed package synthgen-lines 1\.0") as refused:
        OPENING[command](user / "run", False)
    assert (refused.value.exit_code, "`trust=True`" in str(refused.value.hint)) == (2, True)
    assert "SYNTHGEN_TRUST" not in str(refused.value.hint)
    assert (imported.exists(), (user / "run-rejudged").exists()) == (False, False)
    OPENING[command](user / "run", True)
    assert imported.exists()


def test_a_format_that_came_with_a_change_is_asked_for_too(user: Path, imported: Path) -> None:
    make_run(user / "run", noise_plan(*SMALL))
    create_run(open_store(user / "run"), lines_plan(), SPEC)
    with pytest.raises(UsageError, match="the format lines"):
        synthgen.finalize(user / "run")
    assert not imported.exists()


@pytest.mark.usefixtures("imported")
def test_a_known_format_is_known_with_its_options_and_its_version(user: Path) -> None:
    (pinned,) = pinned_of_dataset(lines_plan("output.format_options={to: y}"))
    pinned.remember()
    known = {
        text: all(one.is_known for one in pinned_of_dataset(lines_plan(text)))
        for text in ("output.format_options={to: y}", "output.format_options={to: /etc}", "output.format_options={}")
    }
    assert list(known.values()) == [True, False, False]
    assert not replace(pinned, revision="plugin:synthgen-lines 1.1").is_known
    assert str(pinned) == 'format lines of the installed package synthgen-lines 1.0, with {"to": "y"}'


def test_what_the_user_plans_is_known_to_finalize(user: Path, imported: Path) -> None:
    spec = parse_spec(
        SPEC, overrides=[*SMALL, "model.id=bundled:workers", "judge.id=bundled:judge", "output.format=lines"]
    )
    make_run(user / "run", lines_plan())
    synthgen.begin(spec, user / "mine")
    synthgen.finalize(user / "run")
    assert imported.exists()


def test_the_command_line_asks_before_it_opens_a_format(user: Path, imported: Path) -> None:
    make_run(user / "run", lines_plan())
    refused = call("finalize", "run", "--json", folder=user)
    error = envelope(refused.stdout)["errors"]
    assert (refused.returncode, imported.exists()) == (2, False)
    assert "Add --trust if you trust whoever made this run" in json.dumps(error)
    assert call("finalize", "run", "--trust", folder=user).returncode == 0


def measured(arguments: str, release: str | None = "synthgen-probe 1.0") -> Plan:
    """A plan with a measure of a plug-in, which is not installed here."""
    spec = parse_spec(SPEC, overrides=[*SMALL, f"filters.measures={{probe: {arguments}}}", "model.id=bundled:workers"])
    return make_plan(spec, Revisions("content:" + "0" * 32, "x", {"measures.probe": release} if release else {}))


def measure_of(plan: Plan) -> PinnedModel:
    (found,) = [one for one in pinned_models(plan) if one.role == "measure"]
    return found


def test_a_measure_is_known_with_its_arguments_whatever_its_limits(user: Path) -> None:
    measure_of(measured("{max: 1, model: mine}")).remember()
    require_trust([measure_of(measured("{max: 9, model: mine}"))], "run", trust=False)
    with pytest.raises(UsageError, match=r"measure probe of the installed package synthgen-probe 1\.0, with .*theirs"):
        require_trust([measure_of(measured("{max: 1, model: theirs}"))], "run", trust=False)


@pytest.mark.parametrize("trust", [False, True])
def test_a_measure_without_its_release_in_the_plan_is_refused(user: Path, trust: bool) -> None:
    with pytest.raises(StorageError, match=r"plan\.json is damaged: the measure's revision"):
        require_trust([measure_of(measured("{max: 1}", None))], "run", trust=trust)
