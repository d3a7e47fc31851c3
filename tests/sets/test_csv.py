"""A CSV is read as it is written: nothing is moved, renamed or cut."""

from pathlib import Path

import pytest

from synthgen.errors import UsageError
from synthgen.sets import open_set, read_frame
from synthgen.sets.shares import read_shares

ROWS = "a.png,chef,light\nb.png,doctor,dark\n"


def written(folder: Path, text: str, name: str = "set.csv") -> str:
    (folder / name).write_bytes(text.encode())
    return str(folder / name)


REFUSED = {
    "every row ends in a comma": (
        "path,label,skin\n" + ROWS.replace("\n", ",\n"),
        r"set.csv:2: the row has 4 cells, and the header 3",
    ),
    "one row ends in a comma": (f"path,label,skin\n{ROWS}c.png,chef,dark,\n", r"set.csv:4: the row has 4 cells"),
    "a row is too long": (f"path,label,skin\n{ROWS}c.png,a chef, a cook,dark\n", r"set.csv:4: the row has 4 cells"),
    "a row is too short": (f"path,label,skin\n{ROWS}c.png,chef\n", r"set.csv:4: the row has 2 cells"),
    "the line of a row after one with line breaks": (
        'path,label\n"a\n\nb.png",chef\nc.png\n',
        r"set.csv:5: the row has 1 cells",
    ),
    "two columns of one name": ("path,label,label\n" + ROWS, r"set.csv:1: columns 2 and 3 are both called 'label'"),
    "a quote without its end": (f'path,label,skin\n{ROWS}c.png,"chef,dark\n', r"set.csv:4 cannot be read"),
    "nothing": ("", "names no columns"),
    "no names": (",,\n" + ROWS, "names no columns"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_the_header_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        open_set(written(tmp_path, text))


def test_the_hint_tells_of_commas_at_the_end_of_rows(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_set(written(tmp_path, REFUSED["every row ends in a comma"][0]))
    assert "End the header with the same commas" in str(caught.value.hint)


READ = {
    "commas at the end of the header too": "path,label,skin,\n" + ROWS.replace("\n", ",\n"),
    "an index without a name": ",path,label,skin\n0,a.png,chef,light\n1,b.png,doctor,dark\n",
    "blank lines": "path,label,skin\n\n" + ROWS.replace("\n", "\n\n"),
    "a mark at the beginning": "\ufeffpath,label,skin\n" + ROWS,
    "line ends of Windows": "path,label,skin\r\n" + ROWS.replace("\n", "\r\n"),
    "line ends of old Macs": "path,label,skin\r" + ROWS.replace("\n", "\r"),
    "quotes": 'path,"label",skin\n"a.png","chef",light\nb.png,doctor,"dark"\n',
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_ways_to_write_the_same_table(text: str, tmp_path: Path) -> None:
    frame = read_frame(open_set(written(tmp_path, text)), known={"skin": "skin"})
    assert frame.to_dict("list") == {"id": ["a.png", "b.png"], "label": ["chef", "doctor"], "skin": ["light", "dark"]}


def test_cells_are_texts(tmp_path: Path) -> None:
    text = 'label,skin\n01,1.0\n1,"a, ""b""\nc"\nTrue,NA\n'
    frame = read_frame(open_set(written(tmp_path, text)), known={"skin": "skin"})
    assert frame["label"].tolist() == ["01", "1", "True"]
    assert frame["skin"].tolist() == ["1.0", 'a, "b"\nc', "NA"]


def test_tabs_may_end_rows_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"set.tsv:2: the row has 3 cells, and the header 2"):
        open_set(written(tmp_path, "path\tlabel\na.png\tchef\t\n", "set.tsv"))


def test_shares_of_a_column_are_read_by_the_same_rules(tmp_path: Path) -> None:
    good = written(tmp_path, "skin,\n" + "light,\ndark,\n" * 3)
    assert read_shares(Path(good), "skin", ["light", "dark"], "attribute_skin") == {"light": 0.5, "dark": 0.5}
    with pytest.raises(UsageError, match=r"set.csv:2: the row has 3 cells, and the header 2"):
        read_shares(
            Path(written(tmp_path, "label,skin\n" + "a,light,\nb,dark,\n" * 3)),
            "skin",
            ["light", "dark"],
            "attribute_skin",
        )
