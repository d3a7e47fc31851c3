"""CSV files for people hold no formulas, and come back as they were."""

import csv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synthgen.auditing.inspection.findings import IssueKind, IssueRow
from synthgen.auditing.inspection.listing import write_issues
from synthgen.pages.audit_labels import LabelSample, read_labelling, write_labelling
from synthgen.pages.cells import cell_text, inert_cell
from synthgen.pages.pilot_labels import add_rows, read_labels

FORMULAS = ("=1+1", "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(1)", "\t=1", " =1", "'=1", "＝1")  # noqa: RUF001
PLAIN = ("chef", "a=b", "'quoted'", "1.5", "", "a-b", "12")


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert inert_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_other_names_stay(text: str) -> None:
    assert (inert_cell(text), cell_text(text)) == (text, text)


@given(st.text(alphabet="'=+-@\t\r\n a1", max_size=6))
@example("''=1")
def test_every_text_comes_back(text: str) -> None:
    assert cell_text(inert_cell(text)) == text
    assert inert_cell(text)[:1] not in tuple("=+-@\t\r\n")


def test_a_list_of_issues_holds_no_formula() -> None:
    written = write_issues(IssueRow(text, text, text, IssueKind.DARK, -0.5, text) for text in FORMULAS)
    rows = [*csv.reader(written.splitlines()[1:])]
    assert {row[4] for row in rows} == {"-0.5"}
    assert all(cell.startswith("'") for row in rows for cell in (row[0], row[1], row[2], row[5]))


def test_labels_of_an_audit_come_back_with_their_ids(tmp_path: Path) -> None:
    samples = [LabelSample(text, text, 1.0, None) for text in (*FORMULAS[:6], "plain")]
    for many in (4, 7):  # the larger sample keeps the rows of the smaller one
        table = write_labelling(samples[:many], {"skin": ("light", "dark")}, tmp_path, "title")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["id"][0] == row["class"][0] == "'" for row in rows[:6])
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "skin": "dark"} for row in rows)
    assert read_labelling(table, {"skin": ("light", "dark")})["id"].tolist() == [each.id for each in samples]


def test_labels_of_a_pilot_come_back_with_their_classes(tmp_path: Path) -> None:
    table, classes = tmp_path / "labels.csv", {"0": "=1+1", "1": "-a", "2": "chef"}
    add_rows({"0": "=1+1"}, table)
    assert add_rows(classes, table) == {"0": 2, "1": 3, "2": 4}
    header, *lines = table.read_text().splitlines()
    assert [line[:4] for line in lines] == ["0,'=", "1,'-", "2,ch"]
    table.write_text("\n".join([header, *(f"{line.rstrip(',')},yes" for line in lines)]))
    assert read_labels(table, classes) == dict.fromkeys(classes, True)
