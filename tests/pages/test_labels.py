"""Tables of labels as people give them back: from a spreadsheet, from an earlier version, or with a slip."""

from pathlib import Path

import pytest

from synthgen.errors import UsageError
from synthgen.pages.audit_labels import read_labelling
from synthgen.pages.pilot_labels import add_rows, read_labels

SKIN = {"skin": ("light", "dark")}


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte-order mark"])
def test_labels_of_an_audit_are_read_with_either_separator(tmp_path: Path, separator: str, start: str) -> None:
    rows = (
        ["id", "label", "weight", "skin"],
        ["1", "chef", "2.0", " DARK "],
        ["2", "chef", "2.0", ""],
        ["", "", "", ""],
    )
    table = tmp_path / "labels.csv"
    table.write_text(start + "\n".join(map(separator.join, rows)), encoding="utf-8")
    found = read_labelling(table, SKIN)
    assert found.to_dict("list") == {"id": ["1", "2"], "skin": ["dark", None], "weight": ["2.0", "2.0"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,class,skin\n1,chef, cook,dark\n", r"labels\.csv:2: more cells than columns"),
        ("id,class,skin\n1,chef,grey\n", r"labels\.csv:2: skin: 'grey' is not an answer"),
        ("id,class,hair\n1,chef,red\n", r"labels\.csv:1: no column skin"),
        ("id,class,skin\n1,chef,\n", r"labels\.csv: no image is labelled"),
        ("id,class,skin\n", r"labels\.csv: no image is labelled"),
    ],
)
def test_labels_of_an_audit_that_cannot_be_used_are_named_with_their_line(
    tmp_path: Path, text: str, message: str
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_labelling(table, SKIN)


def test_a_pilots_table_keeps_its_separator_when_it_grows(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("id;class;right\n1;chef;yes\n")
    assert add_rows({"1": "chef", "2": "farmer"}, table) == {"1": 2, "2": 3}
    assert table.read_text() == "id;class;right\n1;chef;yes\n2;farmer;\n"
    assert read_labels(table, {"1": "chef", "2": "farmer"}) == {"1": True}
