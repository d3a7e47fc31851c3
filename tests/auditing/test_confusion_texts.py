"""A confusion matrix that cannot be read says where, and what it should be."""

from pathlib import Path

import pytest

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_file import read_confusion
from synthgen.errors import UsageError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("truth,a,b\na,0.9,0.1\nb,0.2,0.8\n", "'0.9', in the row a and the column a, is no whole number"),
        ("truth,a,b\na,9,1\nb,2,8%\n", "'8%', in the row b and the column b, is no whole number"),
        ("class,truth,a,b\nx,a,9,1\nx,b,2,?\n", "'?', in the row b of class x and the column b, is no whole number"),
        ("Class,truth,a,b\nx,a,9,1\nx,b,2,8\n", "'a', in the row x and the column truth, is no whole number"),
        ("predicted,a,b\na,9,1\nb,2,8\n", "its rows are named 'predicted', and rows must be the truths; transpose it"),
        ("class,Answer,a,b\nx,a,9,1\nx,b,2,8\n", "its rows are named 'Answer', and rows must be the truths"),
    ],
)
def test_an_unusable_entry_or_a_transposed_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        read_confusion(file, ("a", "b"))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("row", "hint"), [("b", "Each value needs images that truly show it."), ("unknown", "Leave the row out.")]
)
def test_the_hint_of_an_empty_row_leads_on(row: str, hint: str) -> None:
    counts = {"a": (9, 1, 0), "b": (2, 8, 0), "unknown": (1, 1, 1)}
    matrix = Confusion(tuple(counts), ("a", "b", "unknown"), tuple(counts.values()))
    empty = Confusion(
        matrix.truths, matrix.answers, tuple((0, 0, 0) if name == row else counts[name] for name in counts)
    )
    with pytest.raises(UsageError) as error:
        empty.checked("skin", ("a", "b"))
    assert error.value.hint == hint
