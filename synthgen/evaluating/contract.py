"""What every evaluation keeps to: a frozen test, split by source, and nothing in training that shows it. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

import numpy as np

from synthgen.dataset.against import NearOther, OtherSet, compare
from synthgen.dataset.splits import assign_splits
from synthgen.errors import UsageError
from synthgen.evaluating.looked_set import LookedSet, near_cosine
from synthgen.sets.complaints import Complaints
from synthgen.sets.near_names import listed, meant
from synthgen.spec import AgainstSpec, Splits
from synthgen.stats.search import Codes

TEST_SHARE, VALIDATION_SHARE = 0.4, 0.2
"""Of the real set where no test is given, and of what is left for training."""
LEFT = VALIDATION_SHARE / (1 - VALIDATION_SHARE)
"""Images for validation for each one for training: so many a seed leaves out, and others train on."""
FEWEST = 2
"""Images of each class that training and validation need, and test images in all."""
_ENOUGH = 5
"""Images of a class, each by itself, of which `FEWEST` are left for training beside a test of `TEST_SHARE`."""
_OVERLAP = 0.1
"""Beyond this share of its images in the real set, a test is not one."""
_DEVELOPMENT, _TEST, _TRAIN, _VALIDATION = "development", "test", "train", "validation"


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """What was left out of a set because it is in another one, by hash or embedding.

    Attributes:
        title: the checked set, in words.
        test: its images that are near to one of the test, each with the nearest.
        train: those that are near to no test image, but to a real one for training or validation.
    """

    title: str
    images: int
    test: tuple[NearOther, ...]
    train: tuple[NearOther, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """The sets of an experiment, free of leaks.

    Attributes:
        real: for training and validation.
        groups: of `real`: what belongs together has the same number.
        test_groups: those of the test.
        classes: of the real set, sorted.
        cosine: from which on two images count as copies.
        checks: what was left out of each set.
        unfiltered: at least as many as `synthetic` has; None if there are not.
    """

    real: LookedSet
    test: LookedSet
    synthetic: LookedSet
    more_real: LookedSet | None
    groups: Codes
    test_groups: Codes
    classes: tuple[str, ...]
    cosine: float
    checks: tuple[LeakCheck, ...]
    unfiltered: LookedSet | None = None

    @property
    def test_sha256(self) -> str:
        """A hash of the test's files, whatever their order: two evaluations with the same one had the same test."""
        return sha256(b"".join(sorted(self.test.keys))).hexdigest()


def divide(
    real: LookedSet,
    synthetic: LookedSet,
    test: LookedSet | None,
    more_real: LookedSet | None,
    seed: int,
    unfiltered: LookedSet | None = None,
) -> Divided:
    """Freeze the test, and leave out what is in it too.

    Raises:
        UsageError: the sets do not go together, or have too few images.
    """
    check_classes(real, [synthetic, *(each for each in (test, more_real) if each is not None)])
    least = near_cosine([real, *([test] if test is not None else [])], seed)
    groups, checks = real.groups(least), []
    if test is None:
        sides = np.array(_sides(real, groups, {_DEVELOPMENT: 1 - TEST_SHARE, _TEST: TEST_SHARE}, f"{seed} test"))
        kept = np.flatnonzero(sides == _DEVELOPMENT)
        test = replace(real.take(np.flatnonzero(sides == _TEST)), title=_TEST)
    else:
        near = _near(real, test, least)
        _check_overlap(real, test, near)
        checks.append(LeakCheck(real.title, len(real), tuple(near.values()), ()))
        kept = _without(real, near)
    development, groups = real.take(kept), groups[kept]
    _check_sizes(development, test, sorted(set(real.labels)))

    clean, check = _cleaned(synthetic, test, development, least)
    checks.append(check)
    more = None
    if more_real is not None:
        more, check = _cleaned(more_real, test, development, least)
        checks.append(check)
    if unfiltered is not None:
        kept, check = _checked(unfiltered, test, development, least)
        checks.append(check)
        unfiltered = unfiltered.take(kept) if len(kept) >= len(clean) else None
    classes = tuple(sorted(set(real.labels)))
    whole = test.groups(least)
    return Divided(development, test, clean, more, groups, whole, classes, least, tuple(checks), unfiltered)


def split_training(real: LookedSet, groups: Codes, seed: str) -> tuple[Codes, Codes]:
    """Divide rows into those for training and those for validation, by group.

    Every class has an image for training: one of which all would be for validation is used for training instead.

    Raises:
        UsageError: nothing is left for validation, because all images belong together.
    """
    sides = np.array(_sides(real, groups, {_TRAIN: 1 - VALIDATION_SHARE, _VALIDATION: VALIDATION_SHARE}, seed))
    labels = np.array(real.labels, dtype=object)
    for name in set(real.labels) - set(labels[sides == _TRAIN]):
        sides[np.isin(groups, groups[labels == name])] = _TRAIN
    train, validation = np.flatnonzero(sides == _TRAIN), np.flatnonzero(sides == _VALIDATION)
    if not len(validation):
        what = f"{real.source}: its {len(real):,} images for training belong together so that none validates"
        raise UsageError(what, argument="real", hint="Give more images, or images of more sources.")
    return train, validation


def _sides(images: LookedSet, groups: Codes, splits: Splits, seed: str) -> list[str]:
    codes = {name: code for code, name in enumerate(sorted(set(images.labels)))}
    ids = [f"{seed} {row} {key.hex()}" for row, key in enumerate(images.keys)]
    return assign_splits(ids, [(codes[label],) for label in images.labels], splits, groups.tolist())


def _near(images: LookedSet, other: LookedSet, least: float) -> dict[int, NearOther]:
    """Return by row the images that are near to one of another set."""
    rule = AgainstSpec.model_validate({"sets": ["./other"], "min_cosine": least})
    there = OtherSet(other.title, other.ids, other.hashes, other.vectors, "")
    rows = [str(row) for row in range(len(images))]
    (found,) = compare(rows, images.hashes, images.vectors, [there], rule)
    near = {int(each.id): each for each in found.near}
    return {row: NearOther(images.ids[row], near[row].other, near[row].bits, near[row].cosine) for row in sorted(near)}


def _without(images: LookedSet, near: dict[int, NearOther]) -> Codes:
    return np.setdiff1d(np.arange(len(images)), np.array([*near], dtype=np.int64))


def _cleaned(images: LookedSet, test: LookedSet, real: LookedSet, least: float) -> tuple[LookedSet, LeakCheck]:
    """Leave out what is in the test or in the real set.

    Raises:
        UsageError: nothing is left.
    """
    kept, check = _checked(images, test, real, least)
    if not len(kept):
        what = f"all {len(images):,} images of {images.source} are copies of real ones"
        hint = (
            f"Give another set: {len(check.test):,} are in the test, and {len(check.train):,} in the training images."
        )
        raise UsageError(what, argument=images.argument, hint=hint)
    return images.take(kept), check


def _checked(images: LookedSet, test: LookedSet, real: LookedSet, least: float) -> tuple[Codes, LeakCheck]:
    """Return the rows that are neither in the test nor in the real set, and what the others are copies of."""
    of_test, of_real = _near(images, test, least), _near(images, real, least)
    of_train = {row: each for row, each in of_real.items() if row not in of_test}
    check = LeakCheck(images.title, len(images), tuple(of_test.values()), tuple(of_train.values()))
    return _without(images, {**of_test, **of_train}), check


class Labelled(Protocol):
    """A set of which the classes are known, looked at or not."""

    @property
    def source(self) -> str:
        """What it is and where it is, in words."""

    @property
    def argument(self) -> str:
        """The argument of `synthgen.evaluate` that gave it."""

    @property
    def labels(self) -> Sequence[str]:
        """The class of each image that has one."""


def check_classes(real: Labelled, others: Sequence[Labelled]) -> None:
    """Check that the real set has two classes or more, and other sets no others.

    Raises:
        UsageError: naming all sets that have others.
    """
    classes = sorted(set(real.labels))
    if len(classes) < 2:
        there = f"one class, {classes[0]!r}" if classes else "no image with a class"
        raise UsageError(f"{real.source} has {there}", argument="real", hint="A learner needs two classes or more.")
    complaints, arguments = Complaints("sets do not have the classes of the real set"), list[str]()
    for other in others:
        theirs = sorted(set(other.labels))
        unknown = [name for name in theirs if name not in classes]
        if theirs and not unknown:
            continue
        arguments.append(other.argument)
        if not theirs:
            complaints.add(f"{other.source} has no image with a class", "Label its images.")
            continue
        are = "class is" if len(unknown) == 1 else "classes are"
        names = f"Name its classes as the real set does. Real: {listed(classes)}. Here: {listed(theirs)}."
        what = f"{other.source}: {len(unknown):,} {are} not in the real set: {listed(unknown)}"
        complaints.add(what, f"{meant(unknown, classes)}{names}")
    complaints.refuse(argument=arguments[0] if len(arguments) == 1 else None)


def _check_overlap(real: LookedSet, test: LookedSet, near: dict[int, NearOther]) -> None:
    there = len({each.other for each in near.values()})
    if there > _OVERLAP * len(test):
        first = next(iter(near.values()))
        what = f"{there:,} of the {len(test):,} images of the test are in the real set too, such as {first.other}"
        hint = "Give a test that the real set has no image of, or leave `test` out: it is then taken from the real set."
        raise UsageError(what, argument="test", hint=hint)


def _check_sizes(real: LookedSet, test: LookedSet, classes: Sequence[str]) -> None:
    if len(test) < FEWEST:
        many = "one image" if len(test) == 1 else "no images"
        what = f"the test has {many}, of {FEWEST} that are needed at least"
        raise UsageError(what, argument="test", hint="Give more test images: hundreds tell small differences.")
    counts = Counter(real.labels)
    few = [name for name in classes if counts[name] < FEWEST]
    if few:
        left = {0: "no real images", 1: "one real image"}
        what = f"the class {few[0]!r} has {left[counts[few[0]]]} for training, and {FEWEST} are needed"
        if len(few) > 1:
            what = f"{len(few):,} classes have fewer than {FEWEST} real images for training: {listed(few)}"
        hint = f"Give {FEWEST} or more real images of each class that the test has not."
        if test.title == _TEST and test.source == real.source:
            hint = f"{TEST_SHARE:.0%} of them are the test: give {_ENOUGH} or more of each class, or `test` by itself."
        raise UsageError(what, argument="real", hint=hint)
