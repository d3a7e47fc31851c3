"""Does steering one attribute move another: from a ledger of what was aimed at and what was measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, chi2_contingency
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep

import synthgen
from synthgen.auditing.entanglement import AIMED, Entanglement, read_entanglement
from synthgen.auditing.report.entangled import entangled_line
from synthgen.errors import UsageError
from synthgen.planning.cells import kinds_of
from synthgen.spec import parse_spec
from synthgen.stats.aims import common_difference, general_association
from synthgen.stats.estimates import wilson
from tests.auditing.audits import SPEC
from tests.auditing.report.demo import plain
from tests.page import Page
from tests.sets.sets import of_counts

VALUES = {"skin": ("light", "dark"), "hair": ("short", "long")}
BOTH = parse_spec(
    """\
synthgen: 1
name: both
model: {id: "bundled:workers"}
classes: {doctor: 4, chef: 4}
prompts:
  templates: ["a {class} with {skin} skin and {hair} hair"]
  variables: {skin: [light, dark], hair: [short, long]}
attributes:
  skin: {values: {light: ["light"], dark: ["dark"]}, variable: skin}
  hair: {values: {short: ["short"], long: ["long"]}, variable: hair}
balance: [{attribute: skin, target: uniform}, {attribute: hair, target: uniform}]
"""
)
CELLS = kinds_of(BOTH)


def attempts(rng: np.random.Generator, images: int = 800, moved: float = 0.0) -> pd.DataFrame:
    """Images that hit skin in 8 of 10 and hair in 7 of 10; aimed at dark, `moved` more have long hair. Aims go
    together, as they do where light long-haired images are hard to make."""
    skin = rng.random(images) < 0.5
    hair = rng.random(images) < np.where(skin, 0.25, 0.75)
    kind = rng.choice(["chef", "doctor"], images)
    said = [["light", "dark"], ["short", "long"]]
    aimed = [f"{k}, skin={said[0][s]}, hair={said[1][h]}" for k, s, h in zip(kind, skin * 1, hair * 1, strict=True)]
    skin_seen = np.where(rng.random(images) < 0.8, skin, ~skin)
    hair_seen = rng.random(images) < np.where(hair, 0.7, 0.3) + moved * skin
    return pd.DataFrame(
        {
            "label": kind,
            AIMED: aimed,
            "skin": np.array(said[0])[skin_seen * 1],
            "hair": np.array(said[1])[hair_seen * 1],
        }
    )


def read(frame: pd.DataFrame, seed: int = 0) -> Entanglement:
    found = read_entanglement(frame, VALUES, CELLS, ("skin", "hair"), np.random.default_rng(seed))
    assert found is not None
    return found


def test_the_test_is_cochran_mantel_and_haenszels() -> None:
    rng = np.random.default_rng(1)
    tables = rng.integers(8, 40, (5, 2, 2))
    known = StratifiedTable([table.astype(float) for table in tables]).test_null_odds().pvalue
    assert general_association(tables, rng).p_value == pytest.approx(known)
    one = rng.integers(8, 40, (1, 3, 4))
    statistic = chi2_contingency(one[0], correction=False)

    n = one.sum()
    known = chi2.sf(statistic.statistic * (n - 1) / n, statistic.dof)
    assert general_association(one, rng).p_value == pytest.approx(known)
    few = np.array([[[4, 0], [0, 4]], [[3, 1], [0, 3]]])
    test = general_association(few, rng)
    assert (test.name, test.p_value < 0.01) == ("permutation within strata", True)


def test_a_difference_within_strata_is_not_that_of_their_mix() -> None:
    first, second = np.array([[80, 20], [5, 15]]), np.array([[16, 4], [25, 75]])
    found = common_difference(first, second, 0)
    assert found is not None
    assert found.value == pytest.approx(0), "pooled, it is not"
    assert found.low < 0 < found.high
    alone = common_difference(first[:1], second[1:], 0)

    known = confint_proportions_2indep(80, 100, 25, 100, method="newcomb", compare="diff")
    assert alone is not None
    assert (alone.low, alone.high) == pytest.approx(known)
    assert common_difference(first[:, :] * 0, second, 0) is None


def test_what_steering_moves_is_found_and_how_far() -> None:
    found = read(attempts(np.random.default_rng(2), 3000, moved=0.2))
    skin, hair = found.pairs
    assert (skin.steered, skin.measured, hair.steered, hair.measured) == ("skin", "hair", "hair", "skin")
    assert skin.test is not None
    assert skin.test.adjusted is not None
    assert skin.test.adjusted < 1e-6
    move = next(each for each in skin.moves if (each.aimed, each.answer) == ("dark", "long"))
    assert move.difference.low < 0.2 < move.difference.high
    assert move.difference.half_width < 0.06
    assert hair.test is not None
    assert hair.test.p_value > 0.01, "hair does not move skin, though the aims go together"

    plain_findings = plain(of_counts({"chef": {"light": 6}}), {"skin": ("light", "dark")}).findings
    assert entangled_line(plain_findings) is None
    line = entangled_line(replace(plain_findings, entanglement=found))
    assert line is not None
    assert line.startswith("Steering one attribute also moves another: skin dark: hair ")


def test_nothing_is_found_where_only_aims_go_together() -> None:
    low = inside = 0
    for seed in range(100):
        pair = read(attempts(np.random.default_rng([3, seed]), 240), seed).pairs[0]
        assert pair.test is not None
        low += pair.test.p_value < 0.05
        inside += pair.moves[0].difference.low <= 0 <= pair.moves[0].difference.high
    assert low <= 11, "5 of 100 by chance"
    assert inside >= 90


def test_hits_are_counted_and_unmeasured_attempts_left_out() -> None:
    frame = attempts(np.random.default_rng(4), 400)
    frame.loc[:9, ["skin", "hair"]] = None
    found = read(frame)
    assert (found.images, found.left_out) == (390, 10)
    chef = next(hit for hit in found.steering if (hit.attribute, hit.class_name, hit.value) == ("skin", "chef", "dark"))
    own = frame[frame["skin"].notna() & (frame["label"] == "chef")]
    aimed = own[AIMED].str.contains("skin=dark")
    hits = int((own[aimed]["skin"] == "dark").sum())
    assert (chef.images, chef.hits, chef.rate) == (int(aimed.sum()), hits, wilson(hits, int(aimed.sum())))
    assert chef.otherwise == wilson(int((own[~aimed]["skin"] == "dark").sum()), int((~aimed).sum()))


def test_an_unknown_cell_is_refused_and_an_empty_ledger_is_none() -> None:
    frame = attempts(np.random.default_rng(5), 4)
    with pytest.raises(UsageError, match="aims at the cell 'baker'"):
        read(frame.assign(**{AIMED: "baker"}))
    empty = read_entanglement(frame.iloc[:0], VALUES, CELLS, ("skin",), np.random.default_rng(0))
    assert empty is None
    unmeasured = read(frame.assign(skin=None, hair=None))
    assert (unmeasured.images, unmeasured.pairs[0].test) == (0, None)


def test_a_run_tells_whether_its_steering_works(tmp_path: Path) -> None:
    hair = (
        '  hair_length:\n    values:\n      long: ["a person with long hair"]\n'
        '      short: ["a person with short hair"]\n'
    )
    balance = "balance: [{attribute: skin_tone, target: uniform}]\n"
    spec = parse_spec(SPEC.replace("doctor: 4, chef: 4", "doctor: 6, chef: 6") + hair + balance)
    synthgen.run(spec, tmp_path / "run", devices="cpu")
    found = synthgen.audit(tmp_path / "run", cache=tmp_path / "cache")
    entangled = found.findings.entanglement
    assert entangled is not None
    assert entangled.images + entangled.left_out == sum(synthgen.status(tmp_path / "run")[1].counts.values())
    whole = entangled.steering[0]
    assert (whole.attribute, whole.class_name, whole.value) == ("skin_tone", None, None)
    assert whole.rate is not None
    assert whole.rate.value > 0.5
    assert [(pair.steered, pair.measured) for pair in entangled.pairs] == [("skin_tone", "hair_length")]
    assert found.to_dict()["findings"]["entanglement"]["pairs"][0]["measured"] == "hair_length"
    page = Page(found.write(tmp_path / "audit")[1].read_text("utf-8"))
    assert "Does steering one attribute move another?" in page.text
