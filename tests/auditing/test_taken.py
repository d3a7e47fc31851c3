"""A report does not replace that of another set, nor anything else, by chance."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.places import output_folder
from synthgen.auditing.taken import check_same_set, place_sha256
from synthgen.errors import UsageError
from tests.auditing.portraits import as_folder, table
from tests.command import call, said

PEOPLE = pd.DataFrame({"label": ["a", "b"] * 10, "skin": ["light"] * 12 + ["dark"] * 8})


def csv_at(file: Path, many: int = 20) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    PEOPLE[:many].to_csv(file, index=False)
    return file


def reported(place: str | Path, folder: Path) -> None:
    """Leave what an audit of `place` leaves in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    report = {"format": 1, "title": "t", "source": str(place), "provenance": {"place_sha256": place_sha256(place)}}
    (folder / "audit.json").write_text(json.dumps(report))


@pytest.mark.slow
def test_two_sets_of_one_name_do_not_share_a_report(tmp_path: Path) -> None:
    first, second = csv_at(tmp_path / "a/emoji/metadata.csv"), csv_at(tmp_path / "b/emoji/labels.csv", 15)
    done = call("audit", "a/emoji/metadata.csv", "--known", "skin=skin", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "emoji-audit"
    before = (folder / "audit.json").read_bytes()
    assert json.loads(before)["provenance"]["place_sha256"] == place_sha256(first)
    assert str(tmp_path) not in before.decode()
    refused = call("audit", "b/emoji/labels.csv", "--known", "skin=skin", folder=tmp_path)
    assert refused.returncode == 2
    assert "outputs/emoji-audit holds the report of another set: the list a/emoji/metadata.csv" in refused.stderr
    assert "with --output, such as outputs/emoji-audit-2" in refused.stderr
    assert (folder / "audit.json").read_bytes() == before

    csv_at(first, 18)
    again = call("audit", first.resolve(), "--known", "skin=skin", folder=tmp_path)  # changed, and named in another way
    assert again.returncode == 0, again.stderr
    assert json.loads((folder / "audit.json").read_text())["findings"]["images"] == 18
    named = call("audit", second, "--known", "skin=skin", "-o", "outputs/emoji-audit", folder=tmp_path)
    assert named.returncode == 0, named.stderr
    assert json.loads((folder / "audit.json").read_text())["findings"]["images"] == 15


def test_folders_of_images_audited_without_options_are_told_apart(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        as_folder(tmp_path / parent / "emoji", table()[:4])
    synthgen.audit(tmp_path / "a" / "emoji").write(tmp_path / "outputs" / "emoji-audit")
    refused = call("audit", "b/emoji", "--json", folder=tmp_path)
    assert (refused.returncode, "report of another set" in said(refused.stderr)) == (2, True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/emoji", "b/emoji"),
        ("a/emoji.csv", "b/emoji.csv"),
        ("a/emoji/train.csv", "a/emoji/test.csv"),
        ("a/emoji.csv", "owner/emoji"),
        ("owner/emoji", "other/emoji"),
    ],
)
def test_places_of_every_kind_are_told_apart(
    first: str, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for each in (first, second):
        if each.endswith(".csv"):
            csv_at(tmp_path / each)
        elif each in ("a/emoji", "b/emoji"):
            (tmp_path / each).mkdir(parents=True)
    assert output_folder(first) == output_folder(second)
    reported(first, output_folder(first))
    check_same_set(output_folder(first), first)
    with pytest.raises(UsageError, match="of another set"):
        check_same_set(output_folder(second), second)
    reported("third", Path(f"{output_folder(first)}-2"))
    with pytest.raises(UsageError) as refused:
        check_same_set(output_folder(second), second)
    assert str(refused.value.hint).find("outputs/emoji-audit-3") > 0


def test_a_run_that_was_moved_keeps_its_own_folder(tmp_path: Path) -> None:
    run = tmp_path / "old"
    run.mkdir()
    (run / "plan.json").write_text("{}")
    reported(run, output_folder(run))
    moved = Path(shutil.move(run, tmp_path / "new"))
    check_same_set(output_folder(moved), moved)


@pytest.mark.parametrize("text", ["{}", '{"format": 1, "title": "t", "provenance": {}}', '{"format": 1, "title": "cut'])
def test_a_report_that_does_not_say_its_set_may_be_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(text)
    check_same_set(tmp_path, "any")


@pytest.mark.parametrize("name", ["report.html", "groups.parquet", "issues.csv", "audit.json"])
@pytest.mark.parametrize("text", ["", '{"format": 1, "advisories": []}'])
def test_what_no_audit_wrote_is_not_replaced(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    found = synthgen.audit(PEOPLE, known={"skin": "skin"})
    with pytest.raises(UsageError, match=f"{name} is not of an earlier audit"):
        found.write(tmp_path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(name, text)]
    csv_at(tmp_path / "set" / "list.csv")
    if text and name == "issues.csv":
        refused = call("audit", "set/list.csv", "--known", "skin=skin", "-o", ".", folder=tmp_path)
        assert (refused.returncode, (tmp_path / name).read_text()) == (2, text), refused.stderr


def test_nothing_of_the_replaced_report_remains(tmp_path: Path) -> None:
    as_folder(tmp_path / "set", table()[:4])
    synthgen.audit(tmp_path / "set").write(tmp_path / "out")
    assert (tmp_path / "out" / "issues.csv").is_file()
    synthgen.audit(PEOPLE, known={"skin": "skin"}).write(tmp_path / "out")
    assert not (tmp_path / "out" / "issues.csv").exists()
    assert (tmp_path / "out" / "groups.parquet").is_file()
