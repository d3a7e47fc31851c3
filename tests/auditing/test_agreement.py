"""Two judges, and two sets."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from synthgen.auditing.agreement import agree
from synthgen.auditing.table import read_table
from synthgen.errors import UsageError
from tests.sets.sets import ATTRIBUTES, random_set

SKIN = {"skin": ATTRIBUTES["skin"]}


def test_kappa_is_sklearns() -> None:
    frame = random_set(300)
    rng = np.random.default_rng(1)
    other = frame[["id", "skin"]].copy()
    other["skin"] = np.where(rng.random(300) < 0.3, rng.permutation(other["skin"]), other["skin"])
    found = agree(read_table(frame, SKIN), other.sample(frac=1, random_state=0), "skin")
    both = (frame["skin"] != "unknown") & (other["skin"] != "unknown")
    assert found.kappa is not None
    assert found.kappa_of_answers is not None
    assert found.kappa.value == pytest.approx(cohen_kappa_score(frame["skin"][both], other["skin"][both]))
    assert found.kappa_of_answers.value == pytest.approx(cohen_kappa_score(frame["skin"], other["skin"]))
    assert (found.both_valued, found.images) == (int(both.sum()), 300)
    assert found.kappa.low < found.kappa.value < found.kappa.high
    dark = other["skin"][other["skin"] != "unknown"] == "dark"
    assert found.second["dark"] is not None
    assert found.second["dark"].value == pytest.approx(dark.mean())


def test_kappa_as_it_is_printed() -> None:
    # Fleiss, Cohen and Everitt 1969 (Psychological Bulletin 72), of shares of 200 patients: kappa 0.429, error 0.0537.
    counts = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
    pairs = [(a, b) for a in range(3) for b in range(3) for _ in range(counts[a, b])]
    values = ATTRIBUTES["skin"]
    frame = pd.DataFrame({"id": range(200), "label": "x", "skin": [values[a] for a, _ in pairs]})
    other = pd.DataFrame({"id": range(200), "skin": [values[b] for _, b in pairs]})
    found = agree(read_table(frame, SKIN), other, "skin").kappa
    assert found is not None
    assert found.value == pytest.approx(0.429, abs=5e-4)
    assert found.half_width == pytest.approx(1.96 * 0.0537, abs=2e-4)


def test_perfect_agreement_is_not_certain_and_one_answer_is_no_agreement() -> None:
    frame = random_set(20)
    same = agree(read_table(frame, SKIN), frame, "skin").kappa
    assert same is not None
    assert same.value == 1
    assert same.low < 0.9
    alike = frame.assign(skin="dark")
    found = agree(read_table(alike, SKIN), alike, "skin")
    assert found.kappa is None
    assert found.reason is not None
    assert "same value" in found.reason
    assert found.same is not None
    assert found.same.value == 1


def test_judges_of_other_images_are_refused() -> None:
    frame = random_set(5)
    with pytest.raises(UsageError, match="the id 'x', which no image has"):
        agree(read_table(frame, SKIN), frame.assign(id="x").iloc[:1], "skin")
    with pytest.raises(UsageError, match="twice"):
        agree(read_table(frame, SKIN), frame.assign(id=frame["id"].iloc[0]), "skin")
    with pytest.raises(UsageError, match="no column 'id'"):
        agree(read_table(frame.drop(columns="id"), SKIN), frame, "skin")
