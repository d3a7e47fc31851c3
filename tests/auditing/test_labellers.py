"""Two labellers: how far they agree, and intervals that allow for the first one's errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from synthgen.auditing.labellers import compare_labellers
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.report import write_html
from synthgen.errors import UsageError
from tests.auditing.hair import FRAME, HAIR
from tests.auditing.report.demo import plain
from tests.command import call, said
from tests.page import Page


def labelled(frame: pd.DataFrame, wrong: float, rng: np.random.Generator) -> pd.DataFrame:
    """Label images as somebody who is wrong about so many of them."""
    errs = rng.random(len(frame)) < wrong
    other = frame["truth"].map({"short": "long", "long": "short"})
    return pd.DataFrame({"id": frame["id"], "hair": np.where(errs, other, frame["truth"])})


def test_agreement_is_that_of_scikit_learn_and_disagreements_are_listed() -> None:
    rng = np.random.default_rng(0)
    first, second = (labelled(FRAME.sample(120, random_state=1), wrong, rng) for wrong in (0.1, 0.2))
    second = second.sample(80, random_state=2)
    (found,) = compare_labellers(first, second, HAIR)
    both = first.merge(second, on="id")
    apart = both[both["hair_x"] != both["hair_y"]]
    assert found.both == 80
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(cohen_kappa_score(both["hair_x"], both["hair_y"]))
    assert [(each.id, each.first, each.second) for each in found.disagreements] == list(
        apart.itertuples(index=False, name=None)
    )
    assert found.same is not None
    assert found.error == pytest.approx(1 - found.same.low)


@pytest.mark.slow
def test_the_labellers_errors_are_in_the_interval_only_if_a_second_one_shows_them() -> None:
    """Of all long hair, six in ten of the labels of it are wrong; the corrected share is far off."""
    rng, covered = np.random.default_rng(5), {False: 0, True: 0}
    audits = 40
    truth = (FRAME["truth"] == "long").mean()
    for _ in range(audits):
        drawn = FRAME.groupby("label").sample(60, random_state=int(rng.integers(2**31)))
        first = labelled(drawn, 0.15, rng)
        second = labelled(drawn.sample(100, random_state=int(rng.integers(2**31))), 0.1, rng)
        for twice in (False, True):
            given = AuditOptions(labels=first, second_labels=second if twice else None, about_set=True)
            share = measure(FRAME, HAIR, given).attributes[0].scopes[0].shares[1].labels
            assert share is not None
            covered[twice] += share.low <= truth <= share.high
    assert covered[True] >= 0.95 * audits
    assert covered[False] < 0.9 * audits


def test_few_images_labelled_twice_widen_nothing_and_say_so() -> None:
    rng = np.random.default_rng(1)
    first = labelled(FRAME.groupby("label").head(30), 0.0, rng)
    report = plain(FRAME, HAIR, labels=first, second_labels=labelled(FRAME.head(10), 0.5, rng))
    (found,) = report.findings.labellers
    assert (found.both, found.error) == (10, None)
    page = Page(write_html(report)).text
    assert "Where they differ, the label of the first table counts" in page
    assert "too few were labelled twice" in page
    alone = Page(write_html(plain(FRAME, HAIR, labels=first))).text
    assert "the labeller’s own errors are in no interval" in alone


def test_labellings_that_share_nothing_or_repeat_an_id_are_refused() -> None:
    rng = np.random.default_rng(2)
    first, second = labelled(FRAME.head(30), 0.0, rng), labelled(FRAME.tail(30), 0.0, rng)
    with pytest.raises(UsageError, match="no image is labelled in both"):
        tuple(compare_labellers(first, second, HAIR))
    with pytest.raises(UsageError, match="the second labels have the id"):
        tuple(compare_labellers(first, pd.concat([first, first]), HAIR))


def test_three_labellers_are_refused(tmp_path: Path) -> None:
    files = [argument for name in "abc" for argument in ("--import-labels", f"{name}.csv")]
    refused = call("audit", ".", *files, folder=tmp_path)
    assert refused.returncode == 2
    assert "two labellers at most" in said(refused.stderr)
