"""An outside set: people of a font, skewed on purpose, seen by the bundled judge, which was not made for them.

It takes most of them for light, and nearly all for long-haired. No verdict may rest on that.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.report.verdict import verdict
from tests.auditing.audits import JUDGE
from tests.auditing.outside import ATTRIBUTES, LONG, SIGNS, SKIN, VALUES, people
from tests.command import call, result

LIMITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TRUE = {
    "skin_tone": np.array([SKIN[name] for name in sorted(SIGNS)]),
    "hair_length": np.array([(1 - LONG[name], LONG[name]) for name in sorted(SIGNS)]),
}
"""Of the source, by class and value."""


def gates() -> Iterator[tuple[str, bool]]:
    """Gates on every share, and whether the truth keeps them, where it is not on the limit itself."""
    for (name, shares), (where, rows) in product(TRUE.items(), (("within class", None), ("over all", "mean"))):
        true = shares.mean(0, keepdims=True) if rows else shares
        figures = {f"share of {value}": true[:, index] for index, value in enumerate(VALUES[name])}
        figures["tv"] = np.abs(true - 1 / true.shape[1]).sum(1) / 2
        for (what, found), limit in product(figures.items(), LIMITS):
            if what == "tv" and limit not in (0.1, 0.3):
                continue
            if abs(found - limit).min() > 0.02:
                yield f"{name} {where}: {what} <= {limit}", bool((found <= limit).all())
                yield f"{name} {where}: {what} >= {limit}", bool((found >= limit).all())


GATES = dict(gates())


class Outside:
    """The set and its truth, and audits of it."""

    def __init__(self, folder: Path, each: int, seed: int = 0) -> None:
        self.folder, self.truth = folder, people(folder / "set", each, seed)
        (folder / "attributes.yaml").write_text(ATTRIBUTES)
        (folder / "labels").mkdir()
        self.perfect = {name: folder / f"{name}.csv" for name in VALUES}
        """Matrices without an error, as the judge's own cartoons give them."""
        for name, values in VALUES.items():
            counts = pd.DataFrame(300 * np.eye(len(values), dtype=int), pd.Index(values, name="truth"), values)
            counts.assign(unknown=0).to_csv(self.perfect[name])

    def audited(self, **more: Any) -> synthgen.Audit:
        return synthgen.audit(
            self.folder / "set",
            **{
                "attributes": self.folder / "attributes.yaml",
                "judges": [JUDGE],
                "cache": self.folder / "cache",
                "device": "cpu",
                "targets": {"skin_tone": "uniform", "hair_length": "uniform"},
                "gates": list(GATES),
                **more,
            },
        )

    def random_labels(self, each: int, seed: int) -> Path:
        return self._file(self.truth.groupby("label").sample(each, random_state=seed), f"{each}, {seed}")

    def by_truth(self, each: int) -> Path:
        """The first of every class in an order that follows the truth."""
        return self._file(self.truth.sort_values(["skin_tone", "hair_length"]).groupby("label").head(each), "by truth")

    def _file(self, labels: pd.DataFrame, name: str) -> Path:
        place = self.folder / "labels" / f"{name}.csv"
        labels.to_csv(place, index=False)
        return place


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    return Outside(tmp_path_factory.mktemp("outside"), 48)


def verdicts(found: synthgen.Audit) -> Mapping[str, GateOutcome]:
    return {line: gate.outcome for line, gate in zip(GATES, found.findings.gates, strict=True)}


def wrong(found: synthgen.Audit) -> list[str]:
    """The gates with a firm verdict that the truth contradicts."""
    firm = {GateOutcome.PASS: True, GateOutcome.FAIL: False}
    return [line for line, outcome in verdicts(found).items() if firm.get(outcome, GATES[line]) != GATES[line]]


def decided(found: synthgen.Audit) -> int:
    return sum(outcome != GateOutcome.INSUFFICIENT for outcome in verdicts(found).values())


@pytest.mark.slow
def test_nobody_checked_this_judge_so_nothing_is_decided(outside: Outside) -> None:
    options = ["set", "--attributes", "attributes.yaml", "--judge", JUDGE, "--cache", "cache", "--json"]
    asked = [each for gate in GATES for each in ("--gate", gate)]
    targets = ["--target", "skin_tone=uniform", "--target", "hair_length=uniform"]
    done = call("audit", *options, *targets, *asked, folder=outside.folder)
    assert done.returncode == 4, done.stderr
    decided_by = [gate["outcome"] for gate in result(done.stdout)["findings"]["gates"]]
    assert decided_by == ["insufficient data"] * len(GATES)


def test_random_labels_decide_and_are_right(outside: Outside) -> None:
    found = outside.audited(labels=outside.random_labels(24, 0))
    assert decided(found) > 50, "labels are worth something"
    assert not wrong(found)


def test_labels_in_order_and_a_matrix_of_other_pictures_decide_nothing(outside: Outside) -> None:
    """The first twenty of each class in an order that follows the truth; the judge's own cartoons, without an error."""
    found = outside.audited(confusions=outside.perfect, labels=outside.by_truth(20))
    assert decided(found) == 0


def test_who_trusts_this_judge_is_told_first_that_nobody_checked_it(outside: Outside) -> None:
    found = outside.audited(trust_judge=True)
    assert len(wrong(found)) > 5, "which is why"
    headline = verdict(found.findings)
    assert headline.headline == "Fail, on the judge's word alone"
    assert "nobody has checked it on this set" in headline.sentence


@pytest.mark.sweep
def test_whatever_labels_it_gets_few_verdicts_are_wrong(tmp_path: Path) -> None:
    """Of gates at least two points from the truth, over sets and samples; the limit is far above what chance does."""
    counts = {"wrong": 0, "decided": 0}
    for seed in range(2):
        outside = Outside(tmp_path / str(seed), 40, seed)
        evidence: list[dict[str, Any]] = [{"labels": outside.random_labels(each, seed)} for each in (4, 10, 25, 40)]
        evidence += [{"labels": outside.random_labels(each, seed), "confusions": outside.perfect} for each in (6, 12)]
        for each in evidence:
            found = outside.audited(**each)
            counts["wrong"] += len(wrong(found))
            counts["decided"] += decided(found)
        for each in (
            {"confusions": outside.perfect},
            {"labels": outside.by_truth(20)},
            {"labels": outside.by_truth(8)},
        ):
            assert not wrong(outside.audited(**each)), each
    assert counts["decided"] > 400
    assert counts["wrong"] <= 0.02 * counts["decided"]
