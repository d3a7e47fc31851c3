"""A drawn table from which rows were removed is no random sample, whatever is left looks like."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.findings import Figure, Scope
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions, measure
from tests.auditing.test_label_sample import SKIN, VALUES, World


def overall(world: World, labels: pd.DataFrame, extra: int = 0) -> Scope:
    """What an audit quotes overall; `extra` images came into the first class after the labels were drawn."""
    added = pd.DataFrame({"id": [f"new {n}" for n in range(extra)], "label": "class 0", "skin": "dark"})
    frame = pd.concat([world.frame, added], ignore_index=True)
    return measure(frame, SKIN, AuditOptions(labels=labels)).attributes[0].scopes[0]


@pytest.mark.parametrize("by", [[], ["skin"]], ids=["by class", "by answer"])
@pytest.mark.parametrize("damage", ["hard rows removed", "one row removed", "images added"])
def test_a_table_without_a_drawn_row_is_not_used(by: list[str], damage: str) -> None:
    world = World(11)
    labels = world.labelled(draw_sample(world.frame, 240, 1, by))
    answers = world.frame["skin"].to_numpy()[labels["id"].astype(int)]
    kept = {
        "hard rows removed": labels["skin"] == answers,
        "one row removed": labels.index > 0,
        "images added": labels.index >= 0,
    }
    assert overall(world, labels).quote.figure is Figure.LABELS
    scope = overall(world, labels.loc[np.asarray(kept[damage])], 30 if damage == "images added" else 0)
    assert scope.quote.figure is Figure.RAW
    assert "so rows were removed or images were added since" in (scope.quote.unchecked or "")


@pytest.mark.parametrize("by", [[], ["skin"]], ids=["by class", "by answer"])
@pytest.mark.parametrize("size", [4, 13, 100, 900], ids=lambda size: f"{size} drawn")
def test_whole_tables_of_any_size_and_rounded_weights_are_used(by: list[str], size: int) -> None:
    world = World(12)
    labels = world.labelled(draw_sample(world.frame, size, 3, by))
    labels["weight"] = labels["weight"].round(2)
    assert "rows were removed" not in (overall(world, labels).quote.unchecked or "")


def test_an_answer_that_was_avoided_a_little_in_every_class_is_seen() -> None:
    """Seven labels of each of twelve classes show nothing in any class, and much in all of them."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"id": [f"{n}" for n in range(1200)], "label": np.repeat([f"class {n}" for n in range(12)], 100)}
    )
    frame["skin"] = rng.choice(VALUES, 1200, p=[0.4, 0.3, 0.3])
    chosen = frame.groupby("label").sample(
        7, weights=frame["skin"].map({"light": 1, "medium": 5, "dark": 5}), random_state=5
    )
    (skin,) = measure(frame, SKIN, AuditOptions(labels=chosen[["id", "skin"]])).attributes
    assert (skin.scopes[0].quote.unchecked or "").startswith("the labelled images are no random sample: ")
    fair = frame.groupby("label").sample(7, random_state=5)
    (skin,) = measure(frame, SKIN, AuditOptions(labels=fair[["id", "skin"]])).attributes
    assert skin.scopes[0].quote.figure is Figure.LABELS
