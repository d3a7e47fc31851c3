"""Learners of plug-ins: `fit(images, labels, seed)` returns `predict(images)`, which returns labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from synthgen.errors import ModelError, UsageError
from synthgen.plugins import LEARNERS, Plugin, find_plugin, plugin

if TYPE_CHECKING:
    from synthgen.evaluating.arms import Lesson
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.learners import FitLesson
    from synthgen.evaluating.pixels import SquarePixels
    from synthgen.stats.search import Codes

Predict = Callable[["SquarePixels"], Sequence[str]]
FitLabels = Callable[["SquarePixels", list[str], int], Predict]


class OwnLearner:
    """A `Learner` of a plug-in. Its errors name the plug-in and the package.

    Args:
        fit: takes images [n, side, side, 3] of bytes, their labels and a seed, and returns what predicts labels.
        pixels: of every row.
        copies: augmented copies of each real image that have rows.
    """

    setting, unit, effort = "none", "fits", 1
    tuned_on: int | None = None
    settings: Sequence[float] = (0.0,)

    def __init__(self, offered: Plugin, fit: FitLabels, pixels: SquarePixels, copies: int) -> None:
        self._plugin, self._fit, self._pixels, self._copies = offered, fit, pixels, copies

    def copies(self, divided: Divided) -> int | None:
        """Return how many augmented copies of each real image have rows."""
        return self._copies

    def of_seed(
        self, divided: Divided, train: Codes, seed: tuple[int, int], on_step: Callable[[int], None]
    ) -> FitLesson:
        codes = {name: code for code, name in enumerate(divided.classes)}
        number = int(np.random.SeedSequence([*seed, *b"own"]).generate_state(1)[0]) >> 1

        def fit(lesson: Lesson, targets: Codes, tried: Sequence[int]) -> Codes:
            labels = [divided.classes[code] for code in lesson.classes.tolist()]
            with self._named("while it was fitted"):
                predict = self._fit(self._pixels[lesson.rows], labels, number)
            if not callable(predict):
                raise self._broken(f"fit returned {type(predict).__name__}, of a function that predicts labels")
            with self._named("while it predicted"):
                found = predict(self._pixels[targets])
                said = [str(label) for label in found]
            on_step(1)
            return self._codes(said, codes, len(targets))[None]

        return fit

    def _codes(self, said: list[str], codes: dict[str, int], count: int) -> Codes:
        if len(said) != count:
            labels = "one label" if len(said) == 1 else f"{len(said):,} labels"
            raise self._broken(f"it predicted {labels} for {count:,} images")
        if strange := sorted(set(said) - codes.keys()):
            raise self._broken(f"it predicted {strange[0]!r}, which is no label of the images that it was given")
        return np.array([codes[label] for label in said], dtype=np.int64)

    def _broken(self, found: str) -> ModelError:
        return ModelError(f"the learner {self._plugin}: {found}", hint=self._plugin.report)

    def _named(self, when: str) -> AbstractContextManager[None]:
        """Name the plug-in in whatever is raised in the block. Nothing is tried again."""
        from synthgen.models.device import errors_of_plugin

        return errors_of_plugin(f"the learner {self._plugin}", when, lambda _, how: self._broken(f"it {how}"))


def load_fit(name: str, own: Sequence[str]) -> tuple[Plugin, FitLabels]:
    """Import the learner of a plug-in.

    Args:
        own: the names of synthgen's own learners.

    Raises:
        UsageError: none of that name is installed, its name collides, it cannot be imported, or is no function.
    """
    offered = plugin(LEARNERS, name, own)
    fit = offered.load()
    if not callable(fit):
        what = f"the learner {offered} is not usable: expected a function, found {type(fit).__name__}"
        raise UsageError(what, hint=offered.report)
    return offered, fit


def refuse_namesake(name: str) -> None:
    """Refuse a name of synthgen's own that a plug-in has, too: nobody could tell which of the two learns.

    Raises:
        UsageError: a plug-in has it.
    """
    try:
        find_plugin(LEARNERS, name, [name])
    except UsageError as error:
        raise UsageError(error.message, argument="learner", hint=error.hint) from error
