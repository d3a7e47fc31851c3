"""Confusion matrices of single classes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_file import matrices_of, read_confusion
from synthgen.auditing.findings import Figure, Scope
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.errors import UsageError
from synthgen.stats.strata import Stratum, combined
from tests.command import call, result, said

SEX = ("woman", "man")
SHARES = {"cook": 0.5, "nurse": 0.6, "pilot": 0.3}
"""The true shares of women."""
RATES = {"cook": ((0.6, 0.4), (0.02, 0.98)), "nurse": ((0.98, 0.02), (0.5, 0.5)), "pilot": ((0.9, 0.1), (0.1, 0.9))}
"""A judge with stereotypes: it takes women who cook for men, and men who nurse for women."""


def the_matrix(images: int = 400, classes: tuple[str, ...] = tuple(RATES)) -> Confusion:
    rows = {
        (name, truth): np.rint(images * np.array(RATES[name][row])) for name in classes for row, truth in enumerate(SEX)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=SEX).astype(int)
    return matrices_of(frame.set_axis(pd.MultiIndex.from_tuples(frame.index)))


def the_set(images: int = 800, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"label": np.repeat(list(SHARES), images)})
    frame["id"] = [f"{row:05}" for row in range(len(frame))]
    woman = rng.random(len(frame)) < frame["label"].map(SHARES)
    right = [RATES[kind][0 if is_woman else 1][0] for kind, is_woman in zip(frame["label"], woman, strict=True)]
    frame["truth"] = np.where(woman, *SEX)
    frame["sex"] = np.where(rng.random(len(frame)) < right, *SEX)
    return frame


FRAME = the_set()


def scopes(matrix: Confusion, **given: Any) -> dict[str | None, Scope]:
    found = measure(FRAME, {"sex": SEX}, AuditOptions(confusions={"sex": matrix}, **given))
    return {scope.class_name: scope for scope in found.attributes[0].scopes}


def labels(many: dict[str, int], flipped: str | None = None) -> pd.DataFrame:
    drawn = pd.concat([FRAME[FRAME["label"] == name].head(count) for name, count in many.items()])
    told = drawn["truth"].where(drawn["label"] != flipped, drawn["truth"].map({SEX[0]: SEX[1], SEX[1]: SEX[0]}))
    return drawn[["id"]].assign(sex=told)


def test_each_class_by_its_own_matrix_finds_the_truth_that_the_pooled_one_does_not() -> None:
    own = scopes(the_matrix())
    pooled = scopes(Confusion(*(getattr(the_matrix(), name) for name in ("truths", "answers", "counts"))))
    truths: dict[str | None, float] = dict(SHARES.items())
    truths[None] = sum(SHARES.values()) / 3
    for name, truth in truths.items():
        share = own[name].shares[0].of(Figure.MATRIX)
        assert share is not None
        assert share.low <= truth <= share.high, name
        assert share.half_width < 0.09
    for name in ("cook", "nurse"):
        share = pooled[name].shares[0].of(Figure.MATRIX)
        assert share is not None
        assert not share.low <= SHARES[name] <= share.high, name
    assert "by the confusion matrix of this class" in own["cook"].quote.reason
    assert "by the confusion matrix of each class: right" in own[None].quote.reason


def test_a_class_without_rows_gets_the_sum_and_its_reason_says_so() -> None:
    matrix = the_matrix(classes=("cook", "nurse"))
    found, alone = scopes(matrix), scopes(Confusion(matrix.truths, matrix.answers, matrix.counts))
    assert found["pilot"].shares[0].matrix == alone["pilot"].shares[0].matrix
    assert "of all its classes together, since it has no rows of this class" in found["pilot"].quote.reason
    assert "1 of 3 classes without rows" in found[None].quote.reason
    assert found["cook"].shares[0].matrix != alone["cook"].shares[0].matrix


def test_the_overall_shares_are_covered_with_many_small_classes() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        share = rng.choice([0.0, 0.05, 0.3], 8)
        sizes = rng.integers(20, 120, 8)
        rates = np.stack([[rng.uniform(0.6, 0.95), 0], [rng.uniform(0.02, 0.3), 0]] * 8).reshape(-1, 2, 2)
        rates[..., 1] = 1 - rates[..., 0]
        parts = [
            Stratum(
                rng.multinomial(size, [p, 1 - p] @ rate).astype(float),
                np.array([rng.multinomial(60, row) for row in rate], dtype=float),
                1.0,
            )
            for size, p, rate in zip(sizes, share, rates, strict=True)
        ]
        found = combined(parts, 2).shares[0]
        missed += not found.low <= share @ sizes / sizes.sum() <= found.high
    assert missed <= 21, "of 300 intervals of 95 %, 22 are missed with a probability below 5 %"


def test_a_matrix_of_a_class_decides_only_where_labels_agree() -> None:
    gates = ["sex within class: share of woman <= 0.9"]
    many = dict.fromkeys(SHARES, 15)

    def checks(sample: pd.DataFrame | None) -> dict[str, tuple[GateOutcome, str | None]]:
        given = AuditOptions(confusions={"sex": the_matrix()}, gates=gates, labels=sample)
        gate = measure(FRAME, {"sex": SEX}, given).gates[0]
        return {each.place.removeprefix("class "): (each.outcome, each.unchecked) for each in gate.checks}

    assert all(why is None for _, why in checks(labels(many)).values())
    assert all("none are given" in str(why) for _, why in checks(None).values())
    few = checks(labels({**many, "pilot": 4}))
    assert few["cook"] == (GateOutcome.PASS, None)
    assert "4 of its images are labelled, 5 are needed" in str(few["pilot"][1])
    other = checks(labels(many, flipped="nurse"))
    assert "the judge errs differently here" in str(other["nurse"][1])
    assert other["nurse"][0] is GateOutcome.INSUFFICIENT


HEAD = "class,truth,woman,man\n"
ROWS = "cook,woman,60,40\ncook,man,2,98\nnurse,woman,98,2\nnurse,man,50,50\n"
REFUSED = {
    "another class": (
        HEAD + ROWS + "judge,woman,9,1\njudge,man,1,9\n",
        "has the class 'judge', which the set",
    ),
    "a class twice": (HEAD + ROWS + "cook,woman,9,1\n", "the row 'woman' of class 'cook' twice"),
    "no class": (HEAD + ROWS + ",woman,9,1\n", "a row has no class or no truth"),
    "half a class": (HEAD + ROWS + "pilot,woman,9,1\n", "the confusion matrix of sex in class pilot has no row 'man'"),
    "another value": (HEAD + ROWS + "pilot,girl,9,1\n", "has a row 'girl'"),
    "shares": (HEAD + ROWS + "pilot,woman,0.9,0.1\npilot,man,0.1,0.9\n", "cannot be read"),
    "a hole": (HEAD + ROWS + "pilot,woman,9,\n", "an entry is missing"),
    "another column": (HEAD.replace("man\n", "boy\n") + ROWS, "has a column 'boy'"),
    "only classes": ("class\ncook\n", "matrix.csv: an entry is missing"),
}


@pytest.mark.slow
def test_the_command_reads_matrices_of_classes_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    FRAME[["id", "label", "sex"]].to_csv(tmp_path / "set.csv", index=False)
    (tmp_path / "matrix.csv").write_text(
        "truth,woman,man,class\n"
        + "".join(
            f"{truth},{woman},{man},{name}\n" for name, truth, woman, man in (row.split(",") for row in ROWS.split())
        )
    )
    FRAME[["id", "label"]].assign(sex=FRAME["sex"]).to_parquet(tmp_path / "set.parquet")
    asked = ("audit", "set.csv", "--known", "sex=sex", "--confusion", "sex=matrix.csv", "-o", "out", "--json")
    done = call(*asked, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "audit.json").read_text())
    overall, cook = found["findings"]["attributes"][0]["scopes"][:2]
    assert cook["shares"][0]["matrix"]["low"] <= SHARES["cook"] <= cook["shares"][0]["matrix"]["high"]
    assert overall["shares"][0]["matrix"] is not None
    assert result(done.stdout)
    (tmp_path / "matrix.csv").write_text(REFUSED["another class"][0])
    done = call(*asked, folder=tmp_path)
    assert (done.returncode, REFUSED["another class"][1] in said(done.stderr)) == (2, True), done.stderr


@pytest.mark.parametrize(("table", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_by_name(table: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "matrix.csv").write_text(table)
    with pytest.raises(UsageError, match=message) as caught:
        scopes(read_confusion(tmp_path / "matrix.csv", SEX))
    assert caught.value.exit_code == 2


def test_a_first_column_of_truths_may_be_called_class(tmp_path: Path) -> None:
    (tmp_path / "matrix.csv").write_text("class,woman,man\nwoman,9,1\nman,2,8\n")
    assert read_confusion(tmp_path / "matrix.csv", SEX) == Confusion(SEX, SEX, ((9, 1), (2, 8)))
