"""Slices and strata allow for images that depend on each other as the shares of the same place do."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.effects import NearGroups, find_dependent
from synthgen.auditing.findings import Findings
from synthgen.auditing.groups.found import Slice
from synthgen.auditing.groups.slices import find_slices
from synthgen.auditing.groups.stratified import find_stratified
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.table import read_table
from synthgen.sets import CLUSTER
from synthgen.stats.distance import uniform

VALUES = {"gender": ("man", "woman"), "skin": ("dark", "light", "medium")}
EVEN = {name: uniform(values) for name, values in VALUES.items()}
PERSON = f"{CLUSTER}person"


def found(frame: pd.DataFrame, near: np.ndarray | None = None, **given: object) -> Findings:
    groups = None if near is None else NearGroups(near)
    options = AuditOptions(known=list(VALUES), near=groups, **given)  # type: ignore[arg-type]
    return measure(frame, VALUES, options)


def worst(findings: Findings) -> tuple[Slice, ...]:
    assert findings.groups is not None
    assert findings.groups.slices is not None
    return findings.groups.slices.worst


def copied(times: int = 4, each: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    """Copies of originals in three classes, of whom those in one are mostly dark."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(3 * each), times)
    skin = rng.choice(VALUES["skin"], 3 * each)
    skin[:each] = rng.choice(VALUES["skin"], each, p=(0.8, 0.1, 0.1))
    frame = pd.DataFrame({"label": np.array(["cook", "judge", "nurse"])[number // each], "skin": skin[number]})
    return frame.assign(gender=rng.choice(VALUES["gender"], 3 * each)[number]), number


@pytest.mark.parametrize("targets", [EVEN, {}], ids=["targets", "others"])
def test_a_slice_has_the_interval_of_the_table_of_shares(targets: dict[str, object]) -> None:
    frame, number = copied()
    audited = found(frame, number, references=targets)
    shares = {
        (scope.place, share.value): (share, scope)
        for each in audited.attributes
        for scope in each.scopes
        for share in scope.shares
    }
    alone = [each for each in worst(audited) if len(each.attributes) == 1]
    assert ("class cook", ("dark",)) in {(each.place, each.values) for each in alone}
    for each in alone:
        share, scope = shares[each.place, each.values[0]]
        assert scope.design_effect is not None
        assert scope.design_effect > 3
        assert each.share == share.clustered
        if targets:
            assert each.share is not None
            assert each.at_least <= max(each.share.low - each.reference, each.reference - each.share.high)
    unaware = {(each.place, each.values): each for each in worst(found(frame, references=targets))}
    assert all(each.at_least < unaware[each.place, each.values].at_least for each in alone)


def persons(seed: int, many: int = 40, classes: int = 15) -> pd.DataFrame:
    """One image of each person in every class."""
    rng = np.random.default_rng(seed)
    person = np.tile(np.arange(many), classes)
    frame = pd.DataFrame({"label": [f"class {each // many}" for each in range(len(person))]})
    frame[PERSON] = [f"person {each}" for each in person]
    for name, values in VALUES.items():
        frame[name] = rng.choice(values, many)[person]
    return frame


def groups_of(frame: pd.DataFrame) -> tuple[int, float | None, str | None]:
    """Return how many slices are beyond chance, and the test of gender and skin within classes."""
    dependent = find_dependent(read_table(frame, VALUES), frame, None, 0)
    association = find_stratified(dependent.table, dependent.costs)[0]
    beyond = find_slices(dependent.table, EVEN, VALUES, dependent.costs).beyond_chance
    return beyond, association.p_value, association.test


def test_persons_who_reach_over_classes_make_no_slice_and_no_association() -> None:
    """No two images of a class depend on each other, and all classes show the same 40 persons."""
    slices = strata = unaware = associated = 0
    for seed in range(20):
        beyond, p_value, test = groups_of(persons(seed))
        slices += beyond > 0
        strata += p_value is not None and p_value < 0.05
        assert test == "Cochran-Mantel-Haenszel, with a design effect"
        beyond, p_value, _ = groups_of(persons(seed).drop(columns=PERSON))
        unaware += beyond > 0
        associated += p_value is not None and p_value < 0.05
    assert slices <= 2
    assert strata <= 3
    assert min(unaware, associated) >= 10


def test_slices_about_a_set_allow_for_its_prompts() -> None:
    """They are about what made the set, whatever is asked of the shares."""
    frame, number = copied()
    frame["prompt"] = number.astype(str)
    of_source, of_set = (found(frame, references=EVEN, about_set=each) for each in (False, True))
    assert of_source.groups is not None
    assert of_set.groups is not None
    assert of_source.groups.slices == of_set.groups.slices
    assert of_source.groups.stratified == of_set.groups.stratified
    assert of_set.attributes[0].scopes[0].design_effect is None


def test_prompts_and_seeds_that_are_crossed_count_both() -> None:
    """Each prompt meets each seed, so they are one cluster, and both move the chance of a man."""
    shown = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        prompt, noise = (each.ravel() for each in np.meshgrid(np.arange(20), np.arange(20)))
        chance = 1 / (1 + np.exp(-(rng.normal(0, 1.2, 20)[prompt] + rng.normal(0, 1.2, 20)[noise])))
        frame = pd.DataFrame({"label": "cook", "gender": np.where(rng.random(400) < chance, "man", "woman")})
        frame = frame.assign(skin=rng.choice(VALUES["skin"], 400), prompt=prompt.astype(str), seed=noise.astype(str))
        shown += bool(worst(found(frame, references=EVEN)))
    assert shown <= 2
