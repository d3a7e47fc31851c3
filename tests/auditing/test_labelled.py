"""Labels: drawn, joined, and what they correct."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.auditing.labelled import correct_by_labels, draw_sample, read_truth
from synthgen.auditing.table import read_table
from synthgen.errors import UsageError
from synthgen.stats.estimates import Corrected
from tests.sets.sets import ATTRIBUTES, random_set

SKIN = {"skin": ATTRIBUTES["skin"]}


def correct(frame: pd.DataFrame, labels: pd.DataFrame, kind: str | None = None) -> Corrected:
    table = read_table(frame, SKIN)
    truth = read_truth(table, labels, table.attributes["skin"])
    chosen = range(len(table.classes)) if kind is None else [table.classes.index(kind)]
    return correct_by_labels(table.counts("skin").astype(float), truth, [chosen], [0.0])[0]


@given(st.integers(0, 80), st.integers(1, 90), st.integers(0, 5))
@settings(max_examples=15)
def test_a_sample_is_as_large_as_asked_and_stands_for_all(images: int, size: int, seed: int) -> None:
    frame = random_set(images, seed)
    drawn = draw_sample(frame, size, seed, by=["skin"])
    assert len(drawn) == min(size, images)
    assert drawn["id"].is_unique
    if size >= images or len(drawn) >= 8:  # every stratum is in it
        assert drawn["weight"].sum() == pytest.approx(images)
    turned = draw_sample(frame.sample(frac=1, random_state=1), size, seed, by=["skin"])
    assert turned["id"].tolist() == drawn["id"].tolist()


def test_a_small_class_is_labelled_as_often_as_a_large_one() -> None:
    frame = pd.DataFrame({"id": range(1000), "label": ["chef"] * 980 + ["nurse"] * 20})
    drawn = draw_sample(frame, 60)
    assert drawn["label"].value_counts().to_dict() == {"chef": 40, "nurse": 20}
    assert drawn.groupby("label")["weight"].first().to_dict() == {"chef": 24.5, "nurse": 1.0}


def test_all_images_labelled_are_the_truth_whatever_the_judge_says() -> None:
    frame = random_set(200)
    truth = frame[["id"]].assign(skin=np.random.default_rng(5).choice(ATTRIBUTES["skin"], 200))
    found = correct(frame, truth)
    assert found.shares is not None
    assert found.labelled == 200
    expected = truth["skin"].value_counts(normalize=True)
    assert [share.value for share in found.shares] == pytest.approx([expected[value] for value in ATTRIBUTES["skin"]])


def test_unequal_weights_undo_an_unequal_sample() -> None:
    # The judge calls all 'light'; half of the images are dark, and 'hair' tells which. Rare hair is labelled often.
    frame = pd.DataFrame(
        {"id": range(2000), "label": "chef", "skin": "light", "hair": ["long"] * 200 + ["short"] * 1800}
    )
    drawn = draw_sample(frame, 200, by=["hair"])
    dark = drawn.assign(skin=np.where(drawn["id"] < 200, "dark", "light"))
    found, naive = correct(frame, dark), correct(frame, dark.drop(columns="weight"))
    assert found.shares is not None
    assert naive.shares is not None
    assert found.shares[2].value == pytest.approx(0.1)
    assert naive.shares[2].value == pytest.approx(0.5)
    assert found.shares[2].low < 0.1 < found.shares[2].high


def test_what_nobody_can_tell_leaves_the_shares() -> None:
    frame = random_set(300)
    truth = frame[["id", "skin"]].iloc[:200]  # its tenth 'unknown' are so for people too
    found = correct(frame, truth)
    assert found.shares is not None
    assert sum(share.value for share in found.shares) == pytest.approx(1)
    assert correct(frame, truth.assign(skin="unknown")).reason == "the labels give none of these images a value"


def test_an_empty_cell_is_no_label_and_a_class_without_labels_has_no_figure() -> None:
    frame = random_set(200)
    labels = frame[["id", "skin"]].copy()
    labels.loc[frame["label"] == "doctor", "skin"] = None
    assert correct(frame, labels, "doctor") == Corrected(None, "no labels")
    over_all = correct(frame, labels)
    assert over_all.shares is not None
    assert over_all.labelled == int((frame["label"] == "chef").sum())
    assert "classes without a label" in over_all.caveats[0]
    assert max(share.half_width for share in over_all.shares) > 0.2, "what was not labelled may be anything"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (pd.DataFrame({"id": ["x"], "skin": ["dark"]}), "the id 'x', which no image has"),
        (pd.DataFrame({"id": ["000000"] * 2, "skin": ["dark"] * 2}), "the id '000000' twice"),
        (pd.DataFrame({"id": ["000000"], "skin": ["green"]}), "the value 'green'"),
        (pd.DataFrame({"id": ["000000"], "skin": ["dark"], "weight": [-1]}), "not a positive number"),
        (pd.DataFrame({"id": ["000000"], "skin": ["dark"], "weight": ["many"]}), "not a positive number"),
        (pd.DataFrame({"skin": ["dark"]}), "no column 'id'"),
    ],
)
def test_labels_that_cannot_be_joined_are_refused(labels: pd.DataFrame, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        correct(random_set(10), labels)
