"""`remove`: the audits of a run, and runs in buckets."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.api import removing_objects
from synthgen.auditing.questions.findings import Questions
from synthgen.auditing.questions.sheet import sheet
from synthgen.auditing.taken import place_sha256
from synthgen.errors import StorageError, UsageError
from synthgen.store import open_store
from synthgen.store.object_store import ObjectStore
from tests.command import command_line
from tests.running.noise import make_run, noise_plan

PLAN = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=4")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(finished, "outputs/run"))


def audited(folder: Path, place: Path | str) -> Path:
    """An audit of a set, as far as `remove` looks at it."""
    folder.mkdir(parents=True)
    document = {"format": 1, "title": "x", "provenance": {"place_sha256": place_sha256(place)}}
    (folder / "audit.json").write_text(json.dumps(document))
    (folder / "report.html").write_text("<p>")
    return folder


def test_an_audit_of_the_run_is_named_and_goes_only_if_asked(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, other = audited(Path("outputs/run-audit"), run), audited(Path("outputs/run-audit-2"), "owner/set")
    of_dataset = audited(Path("outputs/run-dataset"), run / "dataset")
    again = shutil.copytree(run, "outputs/again")
    assert command_line(["remove", str(run), "--yes"]) == 0
    told = capsys.readouterr().out
    assert f"kept      {mine}, an audit of it" in told
    assert f"kept      {of_dataset}, an audit of it" in told
    assert str(other) not in told
    assert sorted(path.name for path in mine.iterdir()) == ["audit.json", "report.html"]

    shutil.copytree(again, run)
    (mine / "notes.txt").write_text("mine")
    assert command_line(["remove", str(run), "--yes", "--audits"]) == 0
    assert f"removed   {mine}, its audit" in capsys.readouterr().out
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
    assert not of_dataset.exists()
    assert sorted(path.name for path in other.iterdir()) == ["audit.json", "report.html"]


def test_a_file_of_somebody_else_in_the_dataset_stays_and_is_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "dataset/data/mine.txt").write_text("mine")
    (run / "dataset/.DS_Store").touch()  # which its file manager makes again
    audited(run / "audit", run).joinpath("labels.csv").write_text("mine")
    assert command_line(["remove", str(run), "--yes"]) == 0
    assert f"kept      {run}/audit/labels.csv and 1 more, which synthgen did not make" in capsys.readouterr().out
    assert {path for path in run.rglob("*") if path.is_file()} == {
        run / "dataset/data/mine.txt",
        run / "audit/labels.csv",
    }


def test_of_a_dataset_that_lost_its_summary_what_the_run_recorded_is_removed(run: Path) -> None:
    (run / "dataset/synthgen.json").unlink()
    assert synthgen.remove(run).kept == ()
    assert not run.exists()


def test_the_question_names_the_audits(run: Path) -> None:
    mine = audited(Path("outputs/run-audit"), run)
    assert removing_found(run) == (str(mine),)


def removing_found(run: Path | str) -> tuple[str, ...]:
    from synthgen.api.removing import find_removable

    return find_removable(run).audits


def test_a_link_or_a_broken_report_is_no_audit_of_the_run(run: Path) -> None:
    real = audited(Path("elsewhere"), run)
    Path("outputs/run-link").symlink_to(real.absolute())
    audited(Path("outputs/run-broken"), run).joinpath("audit.json").write_text("[" * 10_000)
    assert removing_found(run) == ()


def test_a_run_in_a_bucket_is_removed_and_nothing_else(s3: Callable[[str], str], tmp_path: Path) -> None:
    bucket = s3("runs")
    place, beside = f"{bucket}/some/run", open_store(f"{bucket}/some/runs-of-mine")
    make_run(place, PLAN)
    synthgen.finalize(place)
    store = open_store(place)
    store.create("notes.txt", b"mine")
    beside.create("plan.json", b'{"fingerprint": 1}')
    audit = audited(tmp_path / "outputs/run-audit", place)

    assert command_line(["remove", place]) == 2  # there is no terminal to ask on
    assert "plan.json" in store.names("")
    done = synthgen.remove(place)
    assert (done.kept, done.bytes, done.audits) == (("notes.txt",), None, ())
    assert store.names_below("") == ["notes.txt"]
    assert beside.names_below("") == ["plan.json"]
    assert audit.exists()
    with pytest.raises(UsageError, match="is not a run"):
        synthgen.remove(place)


def test_what_somebody_put_into_the_audit_of_a_run_stays_in_a_bucket_as_in_a_folder(
    s3: Callable[[str], str], run: Path
) -> None:
    place = f"{s3('runs')}/run"
    make_run(place, PLAN)
    store = open_store(place)
    page = sheet("mine", Questions("what is asked", (), ()))
    ours = {**dict.fromkeys(["audit.json", "report.html", "embeddings/a.npz"], "{}"), "datasheet.new.md": page}
    mine = dict.fromkeys(["labels.csv", "embeddings.txt", "next/report.html"], "mine")
    mine["datasheet.md"] = page.replace("mine", "my faces")
    for name, text in {**ours, **mine}.items():
        store.create(f"audit/{name}", text.encode())
        (run / "audit" / name).parent.mkdir(parents=True, exist_ok=True)
        (run / "audit" / name).write_text(text)
    expected = tuple(f"audit/{name}" for name in sorted(mine))
    assert synthgen.remove(run).kept == expected
    assert synthgen.remove(place).kept == expected
    assert tuple(store.names_below("")) == expected


def test_a_removal_from_a_bucket_that_is_killed_can_be_repeated(
    s3: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{s3('runs')}/run"
    make_run(place, PLAN)
    store = open_store(place)
    delete, steps = type(store).delete, [0]

    def killed(self: ObjectStore, name: str) -> None:
        steps[0] -= 1
        if steps[0] < 0:
            raise KeyboardInterrupt
        delete(self, name)

    while names := store.names_below(""):
        steps[0] = 4
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "delete", killed)
            try:
                synthgen.remove(place)
            except KeyboardInterrupt:
                assert len(store.names_below("")) == len(names) - 4
    assert store.names_below("") == []


def test_a_run_in_a_bucket_that_was_worked_on_just_now_is_left(
    s3: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from synthgen.running.under_way import UnderWay

    place = f"{s3('runs')}/run"
    make_run(place, PLAN)
    now = datetime.now(UTC).isoformat()
    monkeypatch.setattr(removing_objects, "read_under_way", lambda *_: {1: UnderWay(1, 4, written=now)})
    with pytest.raises(StorageError, match=r"shard 1 was worked on \d s ago"):
        synthgen.remove(place)
    assert "plan.json" in open_store(place).names("")
