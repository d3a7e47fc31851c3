"""Values of one attribute may differ in how certain they are: by the judge's errors, and by what images share."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.effect import Effect
from synthgen.auditing.findings import Findings, Scope
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import Reference, Target
from tests.benchmarks.audit_worlds import KINDS, SKIN, VALUES

PROMPTS, EACH, FIXED = 60, 20, 6
TARGET = {"skin": Reference("declared shares", Target({"light": 0.45, "medium": 0.45, "dark": 0.1}))}


def wilson_width(share: float, images: float) -> float:
    low, high = proportion_confint(share * images, images, method="wilson")
    return float(high - low)


def of_prompts() -> pd.DataFrame:
    """Every image of six prompts is dark, and none of the others, which are light or medium by chance."""
    prompt = np.repeat(np.arange(PROMPTS), EACH)
    skin = np.where(prompt < FIXED, "dark", np.random.default_rng(0).choice(["light", "medium"], len(prompt)))
    frame = pd.DataFrame({"id": [f"{row:04}" for row in range(len(prompt))], "label": "cook", "skin": skin})
    return frame.assign(prompt=[f"prompt {number}" for number in prompt])


def overall(found: Findings) -> Scope:
    return found.attributes[0].scopes[0]


def test_a_distance_is_no_more_certain_than_the_least_certain_share() -> None:
    world, options = KINDS["few labels"](2, np.random.default_rng(5))
    scope = overall(measure(world.table, SKIN, options))
    shares = [share.labels for share in scope.shares if share.labels]
    assert len(shares) == len(VALUES)
    for share in shares:
        assert wilson_width(share.value, scope.distances[0].images) >= 2 * share.half_width - 1e-9
    assert scope.distances[0].images > 2 * 15, "the judge adds something to the labels"


@pytest.mark.parametrize("about", ["the answers", "labels", "a matrix", "a distance", "a gate"])
def test_a_value_that_prompts_fix_is_as_certain_as_there_are_prompts(about: str) -> None:
    frame = of_prompts()
    labels = frame[["id", "skin"]] if about == "labels" else None
    gates = ["skin overall: share of dark <= 0.06"] if about == "a gate" else []
    known = [] if about in ("labels", "a matrix") else ["skin"]
    matrices = {"skin": Confusion(VALUES, VALUES, ((900, 0, 0), (0, 900, 0), (0, 0, 900)))}
    options = AuditOptions(known=known, labels=labels, gates=gates, references=TARGET)
    options = replace(options, confusions=matrices) if about == "a matrix" else options
    found = measure(frame, SKIN, options)
    scope = overall(found)
    light, _, dark = scope.shares
    fewest = wilson_width(FIXED / PROMPTS, PROMPTS)
    assert scope.design_effect
    assert scope.design_effect < EACH / 3, "light and medium are mixed within prompts"
    assert any("more alike in dark" in caveat for caveat in scope.caveats)
    if about == "the answers":
        assert dark.clustered
        assert light.clustered
        assert dark.simultaneous
        assert 2 * dark.clustered.half_width >= 0.98 * fewest
        assert dark.simultaneous.low < dark.clustered.low
        assert dark.simultaneous.high > dark.clustered.high
        assert light.clustered.half_width < 1.2 * wilson_width(0.45, PROMPTS * EACH / scope.design_effect) / 2
    elif about == "labels":
        assert dark.labels
        assert 2 * dark.labels.half_width >= 0.95 * fewest
    elif about == "a matrix":
        assert dark.matrix
        assert 2 * dark.matrix.half_width >= 0.95 * fewest
    elif about == "a distance":
        assert scope.distances[0].images <= 1.1 * PROMPTS
    else:
        assert found.gates[0].outcome.value == "insufficient data", "six of sixty prompts are often at 6 %"


def test_effects_of_prompts_and_seeds_add_up_by_value() -> None:
    """Prompts and seeds that are crossed connect all images, so each has an effect of its own."""
    crossed = of_prompts().assign(seed=np.tile(np.arange(EACH), PROMPTS))
    scope = overall(measure(crossed, SKIN, AuditOptions(known=["skin"])))
    dark = scope.shares[2]
    assert scope.design_effect
    assert dark.design_effect
    assert dark.design_effect > EACH * 0.9
    assert dark.design_effect > 2 * scope.design_effect


def of_classes(without: int, alike: bool) -> pd.DataFrame:
    """Six classes of 40 prompts with five images. Two of its prompts are dark, but in one class none happens to be."""
    label, prompt = np.divmod(np.arange(6 * 200) // 5, 40)
    light = np.random.default_rng(1).random(len(label)) < 0.5
    dark = prompt < 2 if alike else np.random.default_rng(2).random(len(label)) < 0.05
    skin = np.where(dark & (label != without), "dark", np.where(light, "light", "medium"))
    frame = pd.DataFrame({"id": [f"{row:04}" for row in range(len(label))], "skin": skin})
    frame["label"], frame["prompt"] = [f"class {each}" for each in label], [f"{each}" for each in prompt]
    return frame


def test_a_value_that_no_prompt_of_a_class_shows_is_as_uncertain_there_as_elsewhere() -> None:
    gates = ["skin within class: share of dark >= 0.05", "skin within class: tv <= 0.2834"]
    uniform = {"skin": Reference("even shares", Target(dict.fromkeys(VALUES, 1 / 3)))}
    options = AuditOptions(known=["skin"], gates=gates, references=uniform)
    found = measure(of_classes(without=3, alike=True), SKIN, options)
    lacking, other = found.attributes[0].scopes[4], found.attributes[0].scopes[1]
    dark = lacking.shares[2]
    assert dark.count == 0
    assert dark.clustered
    high = proportion_confint(0, 40, method="wilson")[1]  # of 40 prompts, none is dark
    assert dark.clustered.high == pytest.approx(high, rel=0.1)
    assert lacking.distances[0].images == pytest.approx(40, rel=0.25), "it rests on dark alone"
    assert other.distances[0].images == pytest.approx(40, rel=0.25)
    assert {gate.outcome.value for gate in found.gates} == {"insufficient data"}, "two of 40 prompts may be missing"

    apart = measure(of_classes(without=3, alike=False), SKIN, options).attributes[0].scopes[4].shares[2]
    assert apart.clustered
    assert apart.clustered.high < 0.03, "elsewhere, images of a prompt are not alike in dark, so all 200 count"


def test_the_effect_of_a_distance_is_that_of_the_side_which_is_rare() -> None:
    effect = Effect(40, 1.0, by_value=(1.0, 1.2, 9.0, 2.0))
    even = np.full(4, 0.25)
    assert effect.largest(np.array([0.5, 0.49, 0.001, 0.009])) == 1.2
    assert effect.largest(np.array([0.5, 0.49, 0.001, 0.009]), even) == 9.0
    assert effect.largest(np.array([0.2, 0.59, 0.001, 0.209]), even) == 2.0, "light falls short as well, and far more"
    assert effect.largest(np.array([0.5, 0.5, 0.0, 0.0]), even) == 9.0
    assert effect.largest(even, even) == 9.0
