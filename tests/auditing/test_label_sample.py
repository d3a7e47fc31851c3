"""Labels correct a judge only if they are a random sample, which is tested and not believed."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.findings import Figure
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions, measure

VALUES = ("light", "medium", "dark")
SKIN = {"skin": VALUES}
CLASSES, EACH, WIDTH = 6, 150, 32


class World:
    """A set whose judge reads skin tones from embeddings, and errs more where it is less sure."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        images = CLASSES * EACH
        self.truth = rng.choice(3, images, p=[0.5, 0.3, 0.2])
        axes = np.random.default_rng(9).standard_normal((3, WIDTH))
        vectors = axes[self.truth] * 0.6 + rng.standard_normal((images, WIDTH))
        scores = vectors @ axes.T
        self.sure = np.sort(scores)[:, -1] - np.sort(scores)[:, -2]
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        names = np.repeat([f"class {n}" for n in range(CLASSES)], EACH)
        self.frame = pd.DataFrame({"id": [f"{n:05}" for n in range(images)], "label": names})
        self.frame["skin"] = np.array(VALUES)[scores.argmax(1)]

    def labelled(self, drawn: pd.DataFrame) -> pd.DataFrame:
        return drawn.assign(skin=[VALUES[self.truth[int(name)]] for name in drawn["id"]])

    def by(self, key: np.ndarray, each: int) -> pd.DataFrame:
        """The first `each` of every class, ordered by `key`."""
        ordered = self.frame.assign(key=key).sort_values("key").groupby("label").head(each)
        return self.labelled(ordered[["id", "label"]])


def outcome(world: World, labels: pd.DataFrame, with_vectors: bool = True) -> tuple[Figure | None, str]:
    options = AuditOptions(
        labels=labels,
        gates=["skin over all: share of light <= 0.9"],
        vectors=world.vectors if with_vectors else None,
    )
    found = measure(world.frame, SKIN, options)
    return found.attributes[0].scopes[0].quote.figure, found.gates[0].reason


def filled_in_part(world: World, order: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """A sheet of 300, of which the first 120 in some order of its truths were filled in."""
    sheet = world.labelled(draw_sample(world.frame, 300, int(rng.integers(1000))))
    sheet = sheet.iloc[np.argsort(order[sheet["id"].astype(int)], kind="stable")].reset_index(drop=True)
    sheet.loc[120:, "skin"] = None
    return sheet


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_are_no_random_sample_are_not_used(seed: int) -> None:
    world, rng = World(seed), np.random.default_rng(seed)
    noise = rng.standard_normal(len(world.truth))
    picked = {
        "those the judge is surest of": world.by(-world.sure, 40),
        "files in an order that follows the truth": world.by(world.truth + 0.7 * noise, 20),
        "a sheet that was sorted and filled in part": filled_in_part(world, world.truth.astype(float), rng),
    }
    for what, labels in picked.items():
        figure, reason = outcome(world, labels)
        assert figure in (Figure.RAW, Figure.CLUSTERED), what
        assert reason.startswith("overall: the labelled images are no random sample: "), what
        assert "labels would settle it" in reason


def test_without_embeddings_the_answers_still_tell() -> None:
    world = World(7)
    figure, reason = outcome(world, world.by(world.truth.astype(float), 20), with_vectors=False)
    assert figure is Figure.RAW
    assert reason.startswith("overall: the labelled images are no random sample: ")


@pytest.mark.slow
@pytest.mark.parametrize("by", [[], ["skin"]], ids=["by class", "by answer"])
def test_random_labels_are_used(by: list[str]) -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for seed in range(8):
        world = World(100 + seed)
        whole = world.labelled(draw_sample(world.frame, 240, seed, by))
        half = whole.sample(frac=1, random_state=seed).reset_index(drop=True)
        half.loc[150:, "skin"] = None
        for labels in (whole, half, filled_in_part(world, rng.random(len(world.truth)), rng)):
            refused += outcome(world, labels)[0] is not Figure.LABELS
    assert refused <= 1, "1 % of random samples may be refused"


def test_a_sheet_that_one_attribute_shows_to_be_sorted_is_not_used_for_any() -> None:
    world = World(3)
    labels = world.by(world.truth.astype(float), 20)
    coin = np.random.default_rng(0).choice(["heads", "tails"], len(world.frame))
    labels["side"] = coin[labels["id"].astype(int)]
    options = AuditOptions(labels=labels)
    found = measure(world.frame.assign(side=coin), {**SKIN, "side": ("heads", "tails")}, options)
    (side,) = (each.scopes[0] for each in found.attributes if each.name == "side")
    assert side.quote.figure is Figure.RAW
    assert (side.quote.unchecked or "").endswith("by skin of the same images")
    apart = AuditOptions(labels=labels.drop(columns="skin"))
    (alone,) = measure(world.frame.assign(side=coin), {"side": ("heads", "tails")}, apart).attributes
    assert alone.scopes[0].quote.figure is Figure.LABELS
