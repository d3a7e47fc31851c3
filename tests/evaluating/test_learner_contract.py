"""The contract of learners refuses what breaks it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synthgen.testing import check_learner


def one_too_few(images: Any, labels: list[str], seed: int) -> Callable[[Any], list[str]]:
    return lambda asked: labels[:1] * (len(asked) - 1)


def unknown(images: Any, labels: list[str], seed: int) -> Callable[[Any], list[str]]:
    return lambda asked: ["cow"] * len(asked)


def unseeded(images: Any, labels: list[str], seed: int) -> Callable[[Any], list[str]]:
    rng = np.random.default_rng()
    return lambda asked: rng.choice(labels, len(asked)).tolist()


def changing(images: Any, labels: list[str], seed: int) -> Callable[[Any], list[str]]:
    np.multiply(images, 0, out=images)
    return lambda asked: labels[:1] * len(asked)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (one_too_few, "5 images must get 5 labels, found 4"),
        (unknown, r"labels must be some that were taught, found \['cow'\]"),
        (unseeded, "the same seed must give the same predictions"),
        (changing, "must not be changed"),
    ],
)
def test_a_learner_that_breaks_the_contract_is_refused(fit: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_learner(fit)
