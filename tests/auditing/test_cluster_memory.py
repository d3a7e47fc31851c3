"""Counts by prompt and value grow with the images, not with the product of prompts and values."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.table import crossed, read_table
from synthgen.stats.clusters import bootstrap, design_effect, linear

PROMPTS, VALUES = 20_000, 1_000


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "label": "a",
            "prompt": [f"p{number}" for number in np.repeat(np.arange(PROMPTS), 2)],
            "city": [f"v{number}" for number in rng.integers(0, VALUES, 2 * PROMPTS)],
        }
    )


def test_many_prompts_and_values_take_no_table_of_both(frame: pd.DataFrame) -> None:
    table = read_table(frame, {"city": [f"v{number}" for number in range(VALUES)]})
    drawn, limit = bootstrap(table.cluster_label, np.random.default_rng(2)), linear(PROMPTS)
    assert drawn is not None
    assert limit is not None
    tracemalloc.start()
    effects = [design_effect(table.cluster_counts("city"), each) for each in (drawn, limit)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80e6  # a table of both would take 160 MB as 64-bit numbers
    assert effects == pytest.approx([1.0, 1.0], abs=0.1)


def test_sparse_counts_give_what_a_table_gives(frame: pd.DataFrame) -> None:
    few = frame[:400].assign(city=[f"v{number % 7 % 3}" for number in range(400)])
    table = read_table(few, {"city": ["v0", "v1", "v2"]})
    assert table.cluster is not None
    dense = crossed((table.cluster, len(table.cluster_label)), (table.attributes["city"].codes, 3))
    counts, drawn = table.cluster_counts("city"), bootstrap(table.cluster_label, np.random.default_rng(2))
    assert drawn is not None
    assert (counts.toarray() == dense).all()
    by_hand = np.zeros((drawn.weights.shape[1], 3))
    np.add.at(by_hand, drawn.group, dense)
    assert (drawn.grouped(counts) == by_hand).all()
    apart = dense - np.outer(dense.sum(1), dense.sum(0) / dense.sum())
    limit = linear(len(dense))
    assert limit is not None
    expected = (apart**2).sum(0) / dense.sum() ** 2 * len(dense) / (len(dense) - 1)
    assert limit.variance(counts) == pytest.approx(expected)
