"""Labels and confusion matrices that correct a judge: drawn, filled in, read and used."""

from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.findings import Figure
from synthgen.errors import UsageError
from tests.auditing.audits import asked, judged
from tests.auditing.portraits import table


def test_labels_are_drawn_filled_in_and_used(folder: Path, tmp_path: Path) -> None:
    shown, labels, few = synthgen.export_labels(folder / "set", 10, tmp_path, **asked(folder))
    assert few == {"doctor": 4}, "fewer than the 20 that a class's own correction takes, and not all of its images"
    page = shown.read_text("utf-8")
    assert page.count("<img") == 10
    assert "<script" not in page
    drawn = pd.read_csv(labels, dtype="string")
    truth = {row["id"]: row["skin"] for row in table()}
    drawn["skin_tone"] = [str(truth[name]).upper() for name in drawn["id"]]
    drawn.loc[0, "skin_tone"] = pd.NA
    drawn.to_csv(labels, index=False)
    found = judged(folder, labels=labels)
    assert found.findings.attributes[0].scopes[0].labelled == 9
    share = found.findings.attributes[0].scopes[0].shares[0]
    assert share.labels is not None
    assert share.labels.low <= 1 / 3 <= share.labels.high
    assert not found.notes
    drawn.drop(columns="weight").to_csv(labels, index=False)
    assert any("no column 'weight'" in note for note in judged(folder, labels=labels).notes)
    drawn.assign(skin_tone="unknown").to_csv(labels, index=False)
    assert any("not corrected by labels" in note for note in judged(folder, labels=labels).notes)
    with pytest.raises(UsageError, match=r"labels\.csv already exists"):
        synthgen.export_labels(folder / "set", 10, tmp_path, **asked(folder))


def test_a_label_that_is_no_answer_is_told_with_its_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,skin_tone\nchef/000.png,light\nchef/001.png,pale\n")
    with pytest.raises(UsageError, match=r"labels\.csv:3: skin_tone: 'pale' is not an answer"):
        judged(folder, labels=tmp_path / "labels.csv")


def test_a_confusion_matrix_corrects(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("truth,light,medium,dark,unknown\nlight,90,5,0,5\nmedium,5,85,5,5\ndark,0,5,90,5\n")
    found = judged(folder, confusions={"": file})
    assert found.findings.attributes[0].scopes[0].quote.figure is Figure.MATRIX
    digest = sha256(file.read_bytes()).hexdigest()
    assert found.report.provenance.evidence == (f"matrix of skin_tone: matrix.csv, sha256 {digest}",)
