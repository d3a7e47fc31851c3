"""Groups of the test: which are measured, and what is said of the others."""

from dataclasses import replace

import numpy as np
import pytest

from synthgen.errors import UsageError
from synthgen.evaluating.gates import parse_usefulness_gates
from synthgen.evaluating.slices import check_slices, slices_of, small_slices
from synthgen.stats.paired import score_arms
from tests.evaluating.test_evaluating import TEST

COUNT = len(TEST)
APART = np.arange(COUNT)
"""No image depends on another."""
TONES = ["dark"] * 30 + ["light"] * (COUNT - 42) + ["none"] * 3 + [None] * 9
SEEN = replace(TEST, attributes={"skin tone": TONES})


def test_groups_that_are_too_small_are_named_and_not_measured() -> None:
    slices = slices_of(SEEN, APART)
    assert {name: int(each.sum()) for name, each in slices["skin tone"].items()} == {"light": COUNT - 42, "dark": 30}
    (line,) = small_slices(SEEN, slices)
    assert line == "skin tone 'none': not measured, with fewer than 10 independent test images"
    # Thirty images of three people are three.
    people = np.where(APART < 30, APART // 10, APART)
    assert "dark" not in slices_of(SEEN, people)["skin tone"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([f"person {row}" for row in range(COUNT)], "none of the 400 values of 'who' has 10 independent test images"),
        ([None] * COUNT, "none of the 0 values"),
        (["a"] * 300 + [f"b{row}" for row in range(COUNT - 300)], "'who' has 101 values in the test, of 50 at most"),
    ],
)
def test_columns_that_make_no_groups_are_refused(cells: list[str | None], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        check_slices(replace(TEST, attributes={"who": cells}), APART)
    assert raised.value.argument == "group"


def test_a_loss_in_one_group_is_found_where_the_mean_hides_it() -> None:
    rng = np.random.default_rng(0)
    right = rng.random((5, COUNT)) < 0.8
    lost = right.copy()
    lost[:, :30] &= rng.random((5, 30)) < 0.3
    lost[:, 30:] |= rng.random((5, COUNT - 30)) < 0.3
    classes = np.array([["cat", "dog", "hen", "owl"].index(label) for label in TEST.labels])
    found = score_arms(
        {"real": right, "mixed": lost}, "real", classes, APART, ("cat", "dog", "hen", "owl"),
        slices=slices_of(SEEN, APART),
    )["mixed"]  # fmt: skip
    assert found.scores.groups["skin tone"]["dark"].value == pytest.approx(lost[:, :30].mean())
    assert found.scores.worst_group == found.scores.groups["skin tone"]["dark"]
    assert found.difference is not None
    assert found.difference.accuracy.low > -0.1
    assert found.difference.groups["skin tone"]["dark"].high < 0
    assert found.difference.groups["skin tone"]["light"].low > 0
    assert found.difference.worst_group is not None
    assert found.difference.worst_group.high < 0


def test_the_smallest_group_has_an_interval_although_some_draws_have_none_of_it() -> None:
    few = np.zeros(COUNT, bool)
    few[:2] = True
    right = np.ones((5, COUNT), bool)
    scored = score_arms({"real": right, "same": right}, "real", APART % 4, APART, ("a", "b", "c", "d"),
                        slices={"x": {"few": few}})  # fmt: skip
    difference = scored["same"].difference
    assert difference is not None
    only = difference.groups["x"]["few"]
    assert only.low < 0 < only.high


def test_a_gate_on_groups_needs_groups() -> None:
    with pytest.raises(UsageError, match="no groups are measured"):
        parse_usefulness_gates(["worst group: difference >= 0"])
    (gate,) = parse_usefulness_gates(["worst group: difference >= 0"], grouped=True)
    assert str(gate) == "worst group: difference >= 0"
