"""What is known of dependent images is said: which kind of effect is used, and which set lacks their column."""

from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.report.html import write_html
from tests.auditing.test_few_clusters import written

ASKED = {"known": {"tone": "tone"}, "targets": {"tone": "uniform"}}


def without_patients(folder: Path) -> Path:
    pd.read_csv(written(folder)).drop(columns="patient_id").to_csv(folder / "other.csv", index=False)
    return folder / "other.csv"


@pytest.mark.parametrize("beside", ["compare", "reference"])
def test_a_set_to_compare_with_that_lacks_the_column_is_told(beside: str, tmp_path: Path) -> None:
    other, given = without_patients(tmp_path), {"known": {"tone": "tone"}, "cluster": "patient_id"}
    found = synthgen.audit(written(tmp_path), **{beside: other}, **given)  # type: ignore[arg-type]
    (note,) = [note for note in found.notes if "has no column 'patient_id'" in note]
    assert str(other) in note
    both = synthgen.audit(tmp_path / "set.csv", **{beside: tmp_path / "set.csv"}, **given)  # type: ignore[arg-type]
    assert not [note for note in both.notes if "has no column" in note]


KINDS = {
    "estimate": (30, "patient_id", "estimated from how alike"),
    "bound": (4, "patient_id", "the most that it can be"),
    "known": (4, "id", "known, since such rows"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_says_what_kind_of_effect_is_used(kind: str, tmp_path: Path) -> None:
    groups, column, told = KINDS[kind]
    frame = pd.read_csv(written(tmp_path))
    frame[column] = [f"g{row // 20 % groups}" for row in range(len(frame))]
    if kind == "known":  # a file has one class
        frame["label"] = [f"c{row // 20 % 2}" for row in range(len(frame))]
    frame.to_csv(tmp_path / "set.csv", index=False)
    clusters = () if column == "id" else column
    found = synthgen.audit(tmp_path / "set.csv", cluster=clusters, **ASKED)  # type: ignore[arg-type]
    assert found.findings.attributes[0].scopes[0].effect_is == kind
    page = " ".join(write_html(found.report).split())
    assert page.count(told) >= 2
    assert "the design effect overall is" in page
