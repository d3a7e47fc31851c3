"""The columns of the ledger: names that are built are found again, and nobody else spells them."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthgen
from synthgen.ledger import columns

names = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), unique=True, max_size=6)


@given(names, names, names)
def test_what_is_built_is_parsed(scores: list[str], attributes: list[str], posteriors: list[str]) -> None:
    built = [
        *map(columns.score, scores),
        *map(columns.attribute, attributes),
        *map(columns.posteriors, posteriors),
        "id",
        columns.CELL_AIMED,
        columns.CELL_FILLED,
    ]
    assert list(columns.scores_in(built)) == scores
    assert list(columns.attributes_in(built)) == attributes
    assert list(columns.posteriors_in(built)) == posteriors
    assert columns.scores_in(built) == {name: columns.score(name) for name in scores}


def test_the_measurements_of_a_row_are_read_by_name() -> None:
    row = {
        "id": "00000-000000",
        "score_clip_score": 0.25,
        "score_sharpness": None,
        "attribute_skin_tone": "dark",
        "attribute_hair": None,
        "posteriors_skin_tone": {"dark": 0.75, "light": 0.25, "unknown": None},
    }
    assert columns.scores_of(row) == {"clip_score": 0.25, "sharpness": None}
    assert columns.answers_of(row) == {"skin_tone": "dark"}
    assert columns.posteriors_of(row, "skin_tone") == {"dark": 0.75, "light": 0.25}
    assert columns.posteriors_of(row, "hair") == {}
    assert (columns.score_of(row, "sharpness"), columns.answer_of(row, "hair")) == (None, None)


def test_a_column_with_something_else_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="'much' is not a number"):
        columns.scores_of({"score_clip_score": "much"})
    with pytest.raises(ValueError, match="3 is not text"):
        columns.answers_of({"attribute_hair": 3})
    with pytest.raises(ValueError, match="the posteriors of hair are 'dark'"):
        columns.posteriors_of({"posteriors_hair": "dark"}, "hair")
    with pytest.raises(LookupError):
        columns.score_of({}, "clip_score")


def test_no_other_file_spells_a_measured_column() -> None:
    package = Path(synthgen.__file__).parent
    spelled = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        if path.name != "columns.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(("score_", "attribute_", "posteriors_", "cell_aimed", "cell_filled"))
    ]
    assert spelled == []
