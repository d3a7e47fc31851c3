"""The learner of an evaluation: found by its name before anything is looked at, and given the images that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from synthgen.errors import UsageError
from synthgen.evaluating.arms import COPIES
from synthgen.evaluating.learners import LEARNERS
from synthgen.events import OnProgress, StepProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from synthgen.api.set_looker import SetLooker
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.learners import Learner
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.evaluating.own_learner import FitLabels
    from synthgen.evaluating.pixels import SquarePixels
    from synthgen.models.classifiers import Classifier
    from synthgen.plugins import Plugin
    from synthgen.sets import ImageSet
    from synthgen.stats.search import Vectors

NETWORK, PRETRAINED = "timm:", ":pretrained"
STEPS = 200
"""The optimiser's steps of a network, in every fit."""
_PROBED = 64
"""So many real images tell which size images have."""
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ChosenLearner:
    """A learner that exists.

    Attributes:
        name: as the user named it.
        classifier: if it is a network of timm.
        own: if it is one of a plug-in.
        side: of the squares that images are made into; None if it is chosen by the images.
        steps: of a network's optimiser.
    """

    name: str
    classifier: Classifier | None = None
    own: tuple[Plugin, FitLabels] | None = None
    side: int | None = None
    steps: int = STEPS

    def facts(self, side: int) -> dict[str, object]:
        """Return what a reader needs to repeat the training, besides the learner's name."""
        found: dict[str, object] = {"image_size": side}
        if self.own is not None:
            found["package"] = self.own[0].release
        if self.classifier is not None:
            found["steps"] = self.steps
            if self.classifier.weights is not None:
                found["weights"] = f"{self.classifier.hub_id}@{self.classifier.commit}"
        return found


def choose_learner(name: str, side: int | None, steps: int | None, *, allow_remote: bool) -> ChosenLearner:
    """Find a learner by its name.

    Raises:
        UsageError: there is no such learner, two have its name, or it takes no such option.
        ModelError: its weights cannot be downloaded.
    """
    from synthgen.evaluating.own_learner import load_fit, refuse_namesake

    if name in LEARNERS or name.startswith(NETWORK):
        refuse_namesake(name)
    if steps is not None and not name.startswith(NETWORK):
        hint = "Name a network, such as timm:resnet18, or leave it out."
        raise UsageError(f"the learner {name} has no steps to choose", argument="steps", hint=hint)
    if name in LEARNERS:
        if side is not None:
            hint = "Name a network, such as timm:resnet18, or leave it out."
            raise UsageError(f"the learner {name} sees no pixels", argument="image_size", hint=hint)
        return ChosenLearner(name)
    if name.startswith(NETWORK):
        from synthgen.models.classifiers import find_classifier

        network = name.removeprefix(NETWORK)
        pretrained = network.endswith(PRETRAINED)
        found = find_classifier(network.removesuffix(PRETRAINED), pretrained=pretrained, allow_remote=allow_remote)
        if side is not None or found.fixed or pretrained:
            from synthgen.evaluating.network import check_network

            side = side or found.side
            check_network(found, side)
        return ChosenLearner(name, classifier=found, side=side, steps=steps or STEPS)
    try:
        return ChosenLearner(name, own=load_fit(name, LEARNERS), side=side)
    except UsageError as error:
        network = f"{NETWORK}NAME is a network of timm."
        raise UsageError(error.message, argument="learner", hint=f"{error.hint or ''} {network}".strip()) from error


def ready_learner(
    chosen: ChosenLearner,
    divided: Divided,
    opened: Mapping[str, ImageSet],
    looker: SetLooker,
    device: str,
    on_progress: OnProgress,
) -> tuple[Learner, Divided, dict[str, object]]:
    """Give a learner the images that it learns from.

    Args:
        opened: the sets by the titles of those that were looked at.

    Returns:
        The learner, what was divided, with what else it needs; and what a reader needs to repeat it.

    Raises:
        UsageError: the images do not fit into memory, or one cannot be read any more.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.
    """
    if chosen.classifier is None and chosen.own is None:
        from synthgen.evaluating.learners import learner_of

        copies = _embedded_copies(divided.real, opened[divided.real.title], looker, on_progress)
        return learner_of(chosen.name), replace(divided, real=replace(divided.real, copies=copies)), {}

    from synthgen.evaluating.pixels import automatic_side, check_pixels
    from synthgen.evaluating.rows import trained_sets

    side = chosen.side or automatic_side(_sizes(divided.real, opened[divided.real.title]))
    copied = COPIES if chosen.own is not None else 0
    check_pixels(sum(map(len, trained_sets(divided))) + copied * len(divided.real) + len(divided.test), side)
    if chosen.classifier is not None:
        from synthgen.evaluating.network import NetworkLearner, check_network
        from synthgen.models.device import open_device

        check_network(chosen.classifier, side)
        pixels = _pixels(divided, opened, side, copied, on_progress)
        classes, opened_device = len(divided.classes), open_device(device)
        return (
            NetworkLearner(chosen.classifier, classes, chosen.steps, pixels, opened_device),
            divided,
            chosen.facts(side),
        )
    from synthgen.evaluating.own_learner import OwnLearner

    assert chosen.own is not None
    pixels = _pixels(divided, opened, side, copied, on_progress)
    return OwnLearner(*chosen.own, pixels, copied), divided, chosen.facts(side)


def _sizes(looked: LookedSet, images: ImageSet) -> list[tuple[int, int]]:
    """Return the sizes of some images, which are spread over the set."""
    from PIL import Image

    places = looked.places[:: -(-len(looked) // _PROBED)]
    found = []
    for data in images.some(places):
        if isinstance(data, bytes):
            with Image.open(BytesIO(data)) as picture:
                found.append(picture.size)
    return found


def _pictures(looked: LookedSet, images: ImageSet) -> Iterator[list[Image]]:
    """Decode the images of a set, some at a time.

    Raises:
        UsageError: one cannot be read any more.
    """
    from synthgen.images import LeftOut, decode

    with ThreadPoolExecutor() as threads:  # decoders let other threads work
        for start in range(0, len(looked), _AT_ONCE):
            batch = images.some(looked.places[start : start + _AT_ONCE])
            found = []
            decoded = threads.map(lambda data: data if isinstance(data, LeftOut) else decode(data), batch)
            for row, picture in enumerate(decoded, start):
                if isinstance(picture, LeftOut):
                    what = f"{looked.source}: the image {looked.ids[row]} is one {picture.reason}"
                    hint = "It could be read a moment ago: does something change the set?"
                    raise UsageError(what, argument=looked.argument, hint=hint)
                found.append(picture.image)
            yield found


def _pixels(
    divided: Divided, opened: Mapping[str, ImageSet], side: int, copies: int, on_progress: OnProgress
) -> SquarePixels:
    """Read all images as squares, with copies of the real ones, in the order of `evaluating.rows`."""
    from synthgen.evaluating.augmenting import augmented_copy, copy_key
    from synthgen.evaluating.pixels import squared
    from synthgen.evaluating.rows import trained_sets

    sets = [*trained_sets(divided), divided.test]
    total = sum(map(len, sets))
    found = np.empty((total + copies * len(divided.real), side, side, 3), np.uint8)
    of_copies = found[total - len(divided.test) : len(found) - len(divided.test)]
    row = 0
    for looked in sets:
        row += copies * len(divided.real) * (looked is divided.test)
        first = row
        for batch in _pictures(looked, opened[looked.title]):
            for picture in batch:
                found[row] = squared(picture, side)
                for number in range(copies * (looked is divided.real)):
                    key = copy_key(looked.keys[row - first], number)
                    of_copies[(row - first) * copies + number] = squared(augmented_copy(picture, key), side)
                row += 1
            on_progress(StepProgress("reading images", "images", min(row, total), total))
    return found


def _embedded_copies(looked: LookedSet, images: ImageSet, looker: SetLooker, on_progress: OnProgress) -> Vectors:
    """Embed augmented copies of every image, [n, copies, d]."""
    from synthgen.evaluating.augmenting import augmented_copy, copy_key

    keys = [[copy_key(file, number) for number in range(COPIES)] for file in looked.keys]
    if any(looker.lacks_look(key) for each in keys for key in each):
        row = 0
        for batch in _pictures(looked, images):
            made: dict[bytes, Image] = {}
            for picture in batch:
                made |= {key: augmented_copy(picture, key) for key in keys[row] if looker.lacks_look(key)}
                row += 1
            looker.add_looks(made)
            on_progress(StepProgress("augmenting real images", "images", row, len(looked)))
        looker.flush()
    return looker.looks([key for each in keys for key in each]).reshape(len(looked), COPIES, -1)
