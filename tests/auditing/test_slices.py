"""The worst slices, and associations within strata, of an audited set."""

from collections.abc import Mapping
from time import process_time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, fisher_exact

import synthgen
from synthgen.auditing.groups.found import GroupFindings
from synthgen.auditing.groups.slices import find_slices
from synthgen.auditing.report.groups import group_tables
from synthgen.auditing.table import read_table
from synthgen.stats.distance import uniform

KNOWN = {"gender": "gender", "skin": "skin"}


def people(images: int, seed: int, classes: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "label": rng.choice([f"c{index}" for index in range(classes)], images),
        "gender": rng.choice(["man", "woman"], images),
        "skin": rng.choice(["dark", "light", "medium"], images),
    })  # fmt: skip


def groups(frame: pd.DataFrame, **more: object) -> GroupFindings:
    found = synthgen.audit(frame, known=KNOWN, **more).findings.groups  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_planted_slice_is_found_and_bounded() -> None:
    frame = people(2000, 0)
    planted = (frame["label"] == "c2") & (frame["skin"] == "dark")
    frame.loc[planted, "gender"] = np.where(np.arange(planted.sum()) % 10 == 0, "woman", "man")
    found = groups(frame, targets={"skin": "uniform", "gender": "uniform"}).slices
    assert found is not None
    assert [(each.place, each.values[1:]) for each in found.worst[:2]] == [("class c2", ("dark",))] * 2
    worst = next(each for each in found.worst if each.values == ("man", "dark"))
    assert worst.basis == "target"
    assert worst.reference == pytest.approx(1 / 6)
    assert worst.p_value == pytest.approx(binomtest(worst.count or 0, worst.images, 1 / 6).pvalue, rel=0.5)
    assert 0.05 < worst.at_least < (worst.deviation or 0)
    # One of two values says it all, so each class and all together have 1 + 3 + 6 slices.
    assert found.searched == 5 * 10
    assert worst.adjusted == pytest.approx(worst.p_value * found.searched, rel=0.05)  # Holm's steps


def test_without_a_target_a_class_is_compared_with_the_others_exactly() -> None:
    frame = people(400, 1, classes=2)
    frame.loc[(frame["label"] == "c1") & (np.arange(400) % 3 == 0), "gender"] = "woman"
    frame.loc[(frame["label"] == "c1") & (np.arange(400) % 3 == 1), "gender"] = "woman"
    found = groups(frame).slices
    assert found is not None
    worst = found.worst[0]
    table = pd.crosstab(frame["label"], frame["gender"]).to_numpy()
    assert worst.basis == "the other classes"
    assert worst.p_value == pytest.approx(fisher_exact(table).pvalue, rel=1.0)


def test_an_even_set_has_no_worst_slice() -> None:
    """In 60 sets without any skew, a slice is shown in about 5 % at most."""
    shown = 0
    for seed in range(60):
        frame = people(600, seed)
        table = read_table(frame, {"gender": ["man", "woman"], "skin": ["dark", "light", "medium"]})
        targets = {"gender": uniform(["man", "woman"]), "skin": uniform(["dark", "light", "medium"])}
        shown += bool(find_slices(table, targets if seed % 2 else {}, KNOWN).worst)
    assert shown <= 7


def test_images_of_one_prompt_make_no_slice() -> None:
    """Every prompt has a gender of its own, and no class does."""
    shown = 0
    for seed in range(40):
        frame = people(1200, seed)
        prompt = np.arange(1200) // 10
        frame["label"] = np.array(["a", "b", "c"])[prompt % 3]
        frame["gender"] = np.array(["man", "woman"])[np.random.default_rng(seed).integers(2, size=120)][prompt]
        attributes = {"gender": ["man", "woman"], "skin": ["dark", "light", "medium"]}
        assert find_slices(read_table(frame, attributes), {}, KNOWN).searched
        frame["prompt"] = [f"prompt {each}" for each in prompt]
        shown += bool(find_slices(read_table(frame, attributes), {}, KNOWN).worst)
    assert shown <= 6


def test_none_beyond_chance_is_said_with_the_number_searched() -> None:
    found = synthgen.audit(people(300, 5), known=KNOWN)
    table = group_tables(found.findings)[0]
    assert table.rows == ()
    assert "None is beyond chance among" in table.notes[0]


def test_small_counts_of_crossed_values_are_suppressed() -> None:
    frame = people(600, 7, classes=1)
    rare = (frame["gender"] == "woman") & (frame["skin"] == "dark")
    frame.loc[rare & (rare.cumsum() > 4), "skin"] = "light"
    found = groups(frame).slices
    assert found is not None
    hidden = next(each for each in found.worst if each.values == ("woman", "dark"))
    assert (hidden.count, hidden.share, hidden.deviation) == (None, None, None)


def test_a_thousand_classes_are_searched_in_seconds() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.integers(1000, size=200_000).astype(str)})
    attributes = {name: [str(value) for value in range(5)] for name in "abc"}
    for name in attributes:
        frame[name] = rng.integers(5, size=200_000).astype(str)
    table, before = read_table(frame, attributes), process_time()
    found = find_slices(table, {}, ())
    assert found.searched > 85_000
    assert not found.worst
    assert process_time() - before < 8


def test_nothing_and_tiny_classes_are_not_searched() -> None:
    frame = people(5, 0)
    found = groups(frame).slices
    assert found is not None
    assert (found.searched, found.worst) == (0, ())
    assert found.not_searched > 0


# By class: dark and light men, dark and light women.
HIDDEN = {"a": (96, 224, 10, 70), "b": (56, 24, 142, 178)}
MADE = {"a": (160, 40, 40, 10), "b": (10, 40, 40, 160)}


def simpson(cells: Mapping[str, tuple[int, ...]]) -> pd.DataFrame:
    kinds = [(gender, skin) for gender in ("man", "woman") for skin in ("dark", "light")]
    rows = [
        (label, *kind)
        for label, own in cells.items()
        for kind, many in zip(kinds, own, strict=True)
        for _ in range(many)
    ]
    return pd.DataFrame(rows, columns=["label", "gender", "skin"])


def test_an_association_that_classes_hide_is_found_within_them() -> None:
    found = next(each for each in groups(simpson(HIDDEN)).stratified if each.within == "class")
    assert found.marginal_p is not None
    assert found.marginal_p > 0.5
    assert found.marginal is not None
    assert found.marginal.value < 0.05
    assert found.adjusted is not None
    assert found.adjusted < 1e-6
    assert found.odds_ratio is not None
    assert found.odds_ratio.low > 1.5
    assert found.odds == "odds of dark: man relative to woman"


def test_an_association_that_classes_alone_make_is_gone_within_them() -> None:
    found = next(each for each in groups(simpson(MADE)).stratified if each.within == "class")
    assert found.marginal_p is not None
    assert found.marginal_p < 1e-6
    assert found.p_value is not None
    assert found.p_value > 0.9
    assert found.odds_ratio is not None
    assert found.odds_ratio.value == pytest.approx(1.0)


def test_pairs_are_tested_within_classes_and_classes_within_attributes_with_holm() -> None:
    found = groups(people(500, 3)).stratified
    assert [(each.first, each.second, each.within) for each in found] == [
        ("gender", "skin", "class"), ("class", "gender", "skin"), ("class", "skin", "gender"),
    ]  # fmt: skip
    assert all(
        each.adjusted is not None and each.p_value is not None and each.adjusted >= each.p_value for each in found
    )
