"""Thresholds from labels: they keep their promise, and say where they cannot."""

from pathlib import Path
from random import Random

import pytest

from synthgen.dataset.labels import read_labels, write_labels
from synthgen.errors import UsageError
from synthgen.judge.calibration import Calibration, Threshold, quantile, threshold


def labelled(count: int, seed: int) -> tuple[list[float], list[bool]]:
    """A judge that is right above a posterior of one half, and below it as often as not."""
    rng = Random(seed)
    posteriors = [rng.random() for _ in range(count)]
    return posteriors, [rng.random() < (0.99 if posterior > 0.5 else 0.5) for posterior in posteriors]


def test_what_a_threshold_promises_holds_on_images_that_nobody_labelled() -> None:
    broken = reached = 0
    for seed in range(60):
        found = threshold(*labelled(400, seed), target=0.95, confidence=0.9)
        if found.min_posterior is None:
            continue
        reached += 1
        posteriors, right = labelled(4000, 1000 + seed)
        above = [good for posterior, good in zip(posteriors, right, strict=True) if posterior >= found.min_posterior]
        broken += sum(above) / len(above) < 0.95
    assert reached > 50
    assert broken / reached < 0.1 + 0.06, "no more often than the confidence allows"


def test_too_few_labels_reach_nothing() -> None:
    found = threshold([0.9] * 50, [True] * 50, target=0.98, confidence=0.95)  # 149 all right would be enough
    assert (found.min_posterior, found.pictures) == (None, 50)
    assert threshold([0.9] * 149, [True] * 149, target=0.98, confidence=0.95).min_posterior == 0.9
    assert threshold([], [], target=0.5, confidence=0.9).min_posterior is None


def test_equal_posteriors_stand_or_fall_together() -> None:
    found = threshold([0.9] * 200 + [0.4] * 200, [True] * 200 + [False] * 200, target=0.9, confidence=0.95)
    assert (found.min_posterior, found.accepted, found.right, found.share) == (0.9, 200, 200, 0.5)


def test_a_quantile_keeps_the_share_that_was_asked_for() -> None:
    posteriors = [number / 100 for number in range(100)]
    found = quantile(posteriors, 0.8)
    assert (found.min_posterior, found.accepted, found.share, found.precision) == (0.2, 80, 0.8, None)
    assert quantile([0.5] * 3, 0.01).accepted == 3
    assert quantile([], 0.5).min_posterior is None


def test_a_calibration_survives_its_file() -> None:
    made = Calibration("precision 0.95", {"model": "m"}, {"chef": Threshold(0.7, 100, 60, 59, 0.951)})
    assert Calibration.from_json(made.to_json(), "c.json") == made
    for text in ("", "{}", "[1]", made.to_json().replace("0.7", '"high", "more": 1')):
        with pytest.raises(UsageError, match=r"c\.json is no calibration"):
            Calibration.from_json(text, "c.json")


def test_labels_go_out_and_come_back(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = [{"id": f"00000-00000{i}", "class": "a, b", "score": "1"} for i in range(4)]
    assert write_labels(rows, table)
    filled = table.read_text().splitlines()
    table.write_text("\n".join([filled[0], filled[1] + "yes", filled[2] + "No ", filled[3], filled[4] + "1"]))
    assert read_labels(table) == {"00000-000000": True, "00000-000001": False, "00000-000003": True}
    before = table.read_text()
    assert not write_labels(rows, table), "somebody's work is not overwritten"
    assert table.read_text() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,class,right\n1,chef,maybe\n", r"labels\.csv:2: expected yes or no, found 'maybe'"),
        ("id,class\n1,chef\n", r"labels\.csv:1: no column 'right'"),
        ("", r"labels\.csv:1: no column 'id'"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_labels_that_cannot_be_read_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=message):
        read_labels(table)
