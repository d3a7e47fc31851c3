"""Labels of which only the column of answers was moved belong to other images."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.label_order import misplaced
from synthgen.auditing.measure import AuditOptions, measure

VALUES = ("light", "dark")


def audited(right: float, change: str, seed: int = 0, labels: int = 120) -> tuple[str, str]:
    """Return the outcome of a gate that the truth keeps, and its reason."""
    rng = np.random.default_rng(seed)
    truth = {name: np.where(rng.random(900) < 0.4, "dark", "light") for name in ("tone", "hair")}
    frame = pd.DataFrame({"id": [f"i{row}" for row in range(900)], "label": np.repeat(["a", "b", "c"], 300)})
    for name, true in truth.items():
        wrong = np.where(true == "dark", "light", "dark")
        frame[name] = np.where(rng.random(900) < right, true, wrong)
    drawn = rng.permutation(np.concatenate([rng.choice(300, labels // 3, replace=False) + 300 * k for k in range(3)]))
    sheet = pd.DataFrame({"id": frame["id"].to_numpy()[drawn], **{name: true[drawn] for name, true in truth.items()}})
    if change == "sorted":
        sheet["tone"] = np.sort(sheet["tone"])
    elif change == "moved":
        sheet["tone"] = np.roll(sheet["tone"], 1)
    elif change == "swapped":
        sheet["tone"], sheet["hair"] = sheet["hair"].to_numpy(), sheet["tone"].to_numpy()
    elif change == "sorted whole":
        sheet = sheet.sort_values("tone")
    gates = ["tone overall: share of dark <= 0.7"]
    options = AuditOptions(labels=sheet, gates=gates)
    gate = measure(frame, dict.fromkeys(truth, VALUES), options).gates[0]
    return gate.outcome.value, gate.reason


@pytest.mark.parametrize("change", ["sorted", "moved", "swapped"])
def test_answers_beside_other_images_correct_nothing(change: str) -> None:
    outcome, reason = audited(0.9, change)
    assert outcome == "insufficient data"
    said = {"sorted": "sorted alone", "moved": "one row", "swapped": "on hair"}
    assert said[change] in reason


@pytest.mark.parametrize(("right", "change"), [(0.9, ""), (0.9, "sorted whole"), (0.5, ""), (0.55, "")])
def test_honest_labels_are_used_even_if_the_judge_is_weak(right: float, change: str) -> None:
    assert audited(right, change)[0] == "pass"


@pytest.mark.parametrize("kinds", [2, 4])
def test_honest_labels_of_a_judge_that_guesses_are_hardly_ever_doubted(kinds: int) -> None:
    doubted = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        classes = rng.integers(0, 3, 60)
        truths, answers, other = (
            rng.choice(kinds, 60, p=np.r_[0.7, np.full(kinds - 1, 0.3 / (kinds - 1))]) for _ in "abc"
        )
        doubted += misplaced(classes, answers, truths, {"hair": other}, rng) is not None
    assert doubted == 0
