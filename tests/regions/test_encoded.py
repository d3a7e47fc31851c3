"""Masks as annotations write them."""

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as run_lengths

from synthgen.regions.encoded import mask_of_outlines, mask_of_run_lengths
from synthgen.regions.error import RegionError


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_are_read_as_their_own_tool_writes_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = map(int, rng.integers(1, 60, 2))
    pixels = rng.random((height, width)) > rng.choice([0.01, 0.5, 0.999])
    written = run_lengths.encode(np.asfortranarray(pixels.astype(np.uint8)))
    text = {"size": [height, width], "counts": written["counts"].decode()}
    assert (mask_of_run_lengths(text, (width, height)) == pixels).all()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pixels.T.ravel(), [not pixels.T.ravel()[-1]]])))
    counts = np.diff(np.concatenate([[0], edges])).tolist()
    numbers = {"size": [height, width], "counts": counts}
    assert (mask_of_run_lengths(numbers, (width, height)) == pixels).all()


def test_outlines_are_drawn_together_and_cut_at_the_edge() -> None:
    found = mask_of_outlines([[-1e300, 0, 3, 0, 3, 2, -1e300, 2], [4, 1, 1e300, 1, 1e300, 4, 4, 4]], (6, 5))
    expected = np.zeros((5, 6), bool)
    expected[0:2, 0:3] = expected[1:4, 4:6] = True
    assert (found == expected).all()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"size": [5, 6], "counts": [30]}, "has the size"),
        ({"size": None, "counts": [30]}, "has the size"),
        ({"size": [6, 5], "counts": [10**9, 20 - 10**9]}, "do not cover"),
        ({"size": [6, 5], "counts": [29]}, "do not cover"),
        ({"size": [6, 5], "counts": [[30]]}, "do not cover"),
        ({"size": [6, 5], "counts": ["x"]}, "cannot be read"),
        ({"size": [6, 5], "counts": [2**70]}, "cannot be read"),
        ({"size": [6, 5], "counts": None}, "cannot be read"),
        ({"size": [6, 5], "counts": "é"}, "cannot be read"),
        ({"size": [6, 5], "counts": "o" * 40}, "cannot be read"),
        ({"size": [6, 5], "counts": "P"}, "cannot be read"),
    ],
)
def test_run_lengths_that_cannot_be_are_refused(written: Any, said: str) -> None:
    with pytest.raises(RegionError, match=said):
        mask_of_run_lengths(written, (5, 6))


@pytest.mark.parametrize(
    "outlines", [[], [[1, 2, 3, 4]], [[1, 2, 3]], [["a", "b"]], [[1, 2, 3, 4, 5, float("nan")]], [3]]
)
def test_outlines_that_cannot_be_are_refused(outlines: Any) -> None:
    with pytest.raises(RegionError):
        mask_of_outlines(outlines, (5, 6))
