"""What an index missed is measured, told, and added to the rate; and pairs say in what they differ."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthgen.auditing.embeddings import find_near, measure_diversity
from synthgen.auditing.embeddings.near import rate, search_check
from synthgen.auditing.near_groups import near_groups
from synthgen.stats import twins
from tests.auditing.vectors import CENTRE, around, names, unit
from tests.command import call
from tests.stats.test_twins import like_clip


def test_the_recall_and_the_rate_of_a_poor_index_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves of ten rows and a single tree: an index that misses much."""
    monkeypatch.setattr(twins, "LEAF", 10)
    monkeypatch.setattr(twins, "MOST_TREES", 1)
    rows, classes = like_clip(2000, width=64), ["a", "b"] * 1000
    truth = find_near(names(2000), classes, rows).twins
    true, true_of_a = truth.anywhere.mean(), truth.in_class[::2].mean()

    held = np.zeros(4)
    for seed in range(15):
        near = find_near(names(2000), classes, rows, seed, most_compared=1000)
        check = search_check(near.twins)
        whole, of_a = (rate(near.twins, near.rows.codes, code) for code in (None, 0))
        assert check is not None
        assert check.recall is not None
        assert whole is not None
        assert of_a is not None
        recall = near.twins.anywhere.sum() / truth.anywhere.sum()
        assert recall < 0.95
        held += (
            check.recall.low <= recall <= check.recall.high,
            check.pairs.low <= truth.found <= check.pairs.high,
            whole.low <= true <= whole.high,
            of_a.low <= true_of_a <= of_a.high,
        )
    assert held.min() >= 12
    found = measure_diversity(names(2000), classes, rows, most_compared=1000)
    assert found.search == "index"
    assert found.check is not None
    assert found.check.recall is not None
    assert f"an index found {100 * found.check.recall.value:.3g} %, 95 % interval" in found.caveats[0]
    assert measure_diversity(names(2000), classes, rows).search == "exact"


def test_pairs_say_in_what_they_differ() -> None:
    rows = around(CENTRE, 90, 0.6)
    rows[30:60], rows[60:90] = rows[:30], rows[:30]
    tone = np.repeat([0, 1, -1], 30)
    near = find_near(names(90), ["a"] * 60 + ["b"] * 30, rows, attributes={"skin_tone": tone})
    assert [(each.name, each.pairs) for each in near.apart] == [("class", 60), ("skin_tone", 30)]


def test_chains_of_similar_images_are_no_group_but_copies_in_them_are() -> None:
    """Rows along an arc, each a near-duplicate of the next ones only; four more rows far away, two of them equal."""
    angles = np.linspace(0, 2, 120)
    chain = np.zeros((126, 3))
    chain[:120, 0], chain[:120, 1] = np.cos(angles), np.sin(angles)
    chain[120:, 2] = 1
    chain[122:, 1] = [1, -1, 3, -3]
    chain[1] = chain[0]
    groups = near_groups(find_near(names(126), ["a"] * 126, unit(chain)), 0)
    assert groups.chains == 120
    _, sizes = np.unique(groups.number, return_counts=True)
    assert sorted(sizes.tolist())[-3:] == [1, 2, 2]

    copies = np.repeat(chain[120:122], 40, axis=0)
    groups = near_groups(find_near(names(80), ["a"] * 80, unit(copies)), 0)
    assert (groups.chains, len(set(groups.number.tolist()))) == (0, 1)


@pytest.mark.slow
def test_the_audit_says_how_many_near_duplicates_differ_and_that_intervals_allow_for_them(tmp_path: Path) -> None:
    """Fifteen pictures, each three times, of which one copy has another skin tone in the table."""
    rng, rows = np.random.default_rng(0), []
    for number in range(15):
        pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((64, 64), Image.Resampling.NEAREST)
        for copy in range(3):
            picture.save(tmp_path / f"{number}-{copy}.png")
            tone = ("light", "dark")[(number + (copy == 2)) % 2]
            rows.append({"file_name": f"{number}-{copy}.png", "label": "cook", "tone": tone})
    pd.DataFrame(rows).to_csv(tmp_path / "metadata.csv", index=False)
    command = ("audit", tmp_path, "--known", "skin_tone=tone", "--judge", "bundled:judge", "-o", tmp_path / "out")
    text = " ".join(call(*command, folder=tmp_path).stdout.split())
    assert "(every pair compared); 30 of these pairs differ in skin tone" in text
    found = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["diversity"]
    assert found["search"] == "exact"
    assert found["pairs_found"] == 45
    apart = {each["name"]: each["pairs"] for each in found["apart"]}
    assert apart["class"] == 0
    assert apart["skin_tone"] == 30
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "30 of these pairs differ in skin tone" in page
    assert "0.98 is a convention" in page
