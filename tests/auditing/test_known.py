"""The audit of attributes that a column knows: no model is needed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.errors import UsageError
from tests.auditing.audits import counts
from tests.auditing.portraits import KINDS, as_csv, as_parquet, table
from tests.command import call


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_known_attribute_is_counted_in_every_kind_of_set_without_a_model(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    place = KINDS[kind](tmp_path / "set", table())
    found = synthgen.audit(place, known={"skin_tone": "skin"}, cache=tmp_path / "cache")
    assert found.findings.classes == {"chef": 6, "doctor": 6}
    assert counts(found) == {"dark": 4, "light": 4, "medium": 4}
    assert found.report.judge is None


def test_a_known_column_needs_no_model(tmp_path: Path) -> None:
    place = as_csv(tmp_path / "set", table())
    found = synthgen.audit(place, known={"skin_tone": "skin"})
    assert isinstance(found, synthgen.Audit)


def test_pictures_that_cannot_be_shown_are_told_where_a_column_is_known(tmp_path: Path) -> None:
    rows = [{"path": "/dev/zero", "label": row["label"], "skin": row["skin"]} for row in table()]
    pd.DataFrame(rows).to_csv(tmp_path / "set.csv", index=False)
    found = synthgen.audit(tmp_path / "set.csv", known={"skin": "skin"}, cache=tmp_path / "cache")
    hidden = {each.what: each.why for each in found.report.not_measured}
    assert f"images whose path leads outside {tmp_path}" in hidden["pictures"]
    assert "with `images_from`" in hidden["pictures"]


def test_labels_with_nan_are_refused_with_their_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["a", None, "b", np.nan], "skin": ["x", "y", "x", "y"]})
    frame.to_parquet(tmp_path / "set.parquet")
    with pytest.raises(UsageError, match="2 of 4 images have no class"):
        synthgen.audit(tmp_path / "set.parquet", known={"skin": "skin"})


def test_an_empty_table_is_no_perfect_score(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["a"], "skin": ["x"]}).iloc[:0]
    frame.to_parquet(tmp_path / "set.parquet")
    (tmp_path / "attributes.yaml").write_text("attributes: {skin: {values: {x: [x], y: [y]}}}")
    found = synthgen.audit(
        tmp_path / "set.parquet", known={"skin": "skin"}, attributes=tmp_path / "attributes.yaml",
        targets={"skin": "uniform"}, gates=["skin over all: tv <= 1"],
    )  # fmt: skip
    assert found.findings.caveats[0] == "there are no images: nothing was measured"
    assert found.outcome == "insufficient data"
    options = ("--known", "skin=skin", "--attributes", "attributes.yaml", "--allow-insufficient")
    done = call("audit", "set.parquet", *options, folder=tmp_path)
    assert (done.returncode, "nothing was measured" in done.stderr) == (4, True), done.stderr


def test_auditing_what_is_known_imports_no_torch(tmp_path: Path) -> None:
    as_parquet(tmp_path / "set", table())
    code = (
        "import sys, synthgen; synthgen.audit('set/all.parquet', known={'skin': 'skin'});"
        "print([name for name in ('torch', 'open_clip') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
