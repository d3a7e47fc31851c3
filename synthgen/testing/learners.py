"""The contract of a learner: what an evaluation relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from synthgen.testing.checking import require

if TYPE_CHECKING:
    from synthgen.evaluating.own_learner import FitLabels
    from synthgen.evaluating.pixels import SquarePixels

_LABELS = ["chef", "doctor", "pilot"] * 8
_SIDE, _SEED = 32, 7


def check_learner(fit: FitLabels) -> None:
    """Run every check of the contract.

    Args:
        fit: what the entry point names.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in LEARNER_CHECKS:
        check(fit)


def every_image_gets_a_label_that_was_taught(fit: FitLabels) -> None:
    """`fit` returns a function that gives every image one of the labels."""
    found = fit(_images(0), list(_LABELS), _SEED)(_images(1)[:5])
    require(len(found) == 5, f"5 images must get 5 labels, found {len(found)}")
    strange = {str(label) for label in found} - set(_LABELS)
    require(not strange, f"labels must be some that were taught, found {sorted(strange)}")


def one_label_is_enough(fit: FitLabels) -> None:
    """Images that all have one label can be learned: a small arm may have no others."""
    found = fit(_images(0)[:3], ["chef"] * 3, _SEED)(_images(1)[:2])
    require([*map(str, found)] == ["chef"] * 2, f"only 'chef' was taught, found {[*map(str, found)]}")


def the_seed_decides(fit: FitLabels) -> None:
    """The same images, labels and seed give the same predictions."""
    one, other = ([*map(str, fit(_images(0), list(_LABELS), _SEED)(_images(1)))] for _ in range(2))
    require(one == other, "the same seed must give the same predictions")


def the_images_stay_as_they_are(fit: FitLabels) -> None:
    """Neither `fit` nor what it returns changes the images that it is given."""
    images, labels, targets = _images(0), list(_LABELS), _images(1)
    fit(images, labels, _SEED)(targets)
    same = (images == _images(0)).all() and labels == _LABELS and (targets == _images(1)).all()
    require(same, "images and labels must not be changed: other learners get them, too")


def _images(seed: int) -> SquarePixels:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (len(_LABELS), _SIDE, _SIDE, 3), dtype=np.uint8)


LEARNER_CHECKS: tuple[Callable[[FitLabels], None], ...] = (
    every_image_gets_a_label_that_was_taught,
    one_label_is_enough,
    the_seed_decides,
    the_images_stay_as_they_are,
)
