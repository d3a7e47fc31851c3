"""Evaluations of sets that were looked at: the frozen test, leaks, arms, and verdicts that are known."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from synthgen.errors import UsageError
from synthgen.evaluating.arms import REAL, ArmKind, Pool, arms_of, draw, rivals_of
from synthgen.evaluating.contract import Divided, divide, split_training
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import UsefulnessFindings, findings_of
from synthgen.evaluating.gates import decide_usefulness_gates, parse_usefulness_gates
from synthgen.evaluating.learners import LEARNERS, learner_of
from synthgen.evaluating.looked_set import LookedSet
from synthgen.events import Event, StepProgress, ignore

CENTRES = np.random.default_rng(9).normal(size=(4, 24))
CLASSES = ("cat", "dog", "hen", "owl")


def looked(title: str, each: int, seed: int, *, classes: Sequence[str] = CLASSES, noise: float = 2.0) -> LookedSet:
    """A set with so many images of each class around the centre of the class."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(classes)), each)
    vectors = (CENTRES[codes] + rng.normal(size=(len(codes), 24)) * noise).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keys = tuple(sha256(f"{seed} {row}".encode()).digest() for row in range(len(codes)))
    ids = tuple(f"{title}-{row}" for row in range(len(codes)))
    return LookedSet(
        title, f"the set {title}", ids, tuple(classes[code] for code in codes.tolist()), keys, keys, vectors
    )


def relabelled(images: LookedSet) -> LookedSet:
    mixed = np.random.default_rng(1).permutation(images.labels)
    return LookedSet(images.title, images.source, images.ids, tuple(mixed), images.keys, images.hashes, images.vectors)


def joined(one: LookedSet, other: LookedSet) -> LookedSet:
    """The images of both, with the copies' own ids."""
    return LookedSet(
        one.title,
        one.source,
        (*one.ids, *(f"copy of {name}" for name in other.ids)),
        one.labels + other.labels,
        one.keys + other.keys,
        one.hashes + other.hashes,
        np.concatenate([one.vectors, other.vectors]),
    )


def found(divided: Divided, learner: str = "probe") -> UsefulnessFindings:
    trained = run_arms(divided, learner_of(learner), 5, 0, ignore)
    return findings_of(divided, trained, learner, 0.01, 0)


REAL_SET, TEST, OTHER = looked("real", 7, 5), looked("test", 100, 1), looked("synthetic", 60, 2)


@pytest.mark.parametrize("learner", LEARNERS)
def test_images_like_the_real_ones_help_and_mislabelled_ones_do_not(learner: str) -> None:
    divided = divide(REAL_SET, OTHER, TEST, looked("more real", 60, 3), 0, looked("unfiltered", 60, 4))
    copies = np.stack([divided.real.vectors] * 2, axis=1)
    helped = found(replace(divided, real=replace(divided.real, copies=copies)), learner)
    assert helped.verdict == "helps"
    assert not helped.blind
    control = next(each for each in helped.arms if each.arm.kind is ArmKind.SHUFFLED)
    assert control.difference is not None
    assert control.difference.high < 0
    assert {each.arm.kind for each in helped.arms} == set(ArmKind)
    assert helped.arm(REAL).difference is None

    harmed = found(divide(REAL_SET, relabelled(OTHER), TEST, None, 0), learner)
    assert harmed.verdict != "helps"
    most = harmed.arm("real + synthetic x8").difference
    assert most is not None
    assert most.high < 0


def test_without_a_test_that_labels_matter_to_nothing_is_claimed() -> None:
    alike = looked("real", 30, 0, noise=200.0)  # classes cannot be told apart
    blind = found(divide(alike, looked("synthetic", 60, 2), looked("test", 50, 1, noise=200.0), None, 0))
    assert blind.blind
    assert blind.verdict == "cannot tell"
    (check,) = decide_usefulness_gates(parse_usefulness_gates(["accuracy: difference >= -1"]), blind)
    assert check.outcome == "insufficient data"


def test_what_the_test_has_is_left_out_and_counted_apart_from_what_training_has() -> None:
    test_copies, train_copies = TEST.take(np.arange(7)), REAL_SET.take(np.arange(3))
    divided = divide(REAL_SET, joined(joined(OTHER, test_copies), train_copies), TEST, None, 0)
    (check,) = [each for each in divided.checks if each.title == "synthetic"]
    assert {each.other for each in check.test} == set(test_copies.ids)
    assert {each.id for each in check.train} == {f"copy of {name}" for name in train_copies.ids}
    assert divided.synthetic.ids == OTHER.ids


def test_independent_images_are_no_copies_however_many_the_test_has() -> None:
    def narrow(title: str, each: int, seed: int) -> LookedSet:
        """What there is to see has three dimensions: many images fill it."""
        images = looked(title, each, seed)
        noise = np.random.default_rng([seed, 1]).normal(size=(len(images), 3)) @ np.random.default_rng(4).normal(
            size=(3, 24)
        )
        vectors = CENTRES[[CLASSES.index(label) for label in images.labels]] + 0.3 * noise
        return replace(images, vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))

    test, made = narrow("test", 500, 1), narrow("synthetic", 100, 2)
    near = test.take(np.arange(50))  # re-encoded, so that the hashes differ
    shaken = near.vectors + np.random.default_rng(6).normal(size=near.vectors.shape).astype(np.float32) * 1e-5
    keys = tuple(sha256(key).digest() for key in near.keys)
    copies = replace(near, keys=keys, hashes=keys, vectors=shaken / np.linalg.norm(shaken, axis=1, keepdims=True))
    divided = divide(narrow("real", 10, 5), joined(made, copies), test, None, 0)
    real, synthetic = divided.checks
    assert len(real.test) <= 2
    found = {each.id for each in synthetic.test}
    assert {f"copy of {name}" for name in copies.ids} <= found
    assert len(found) <= 50 + 0.05 * len(made)


def test_a_copy_with_another_file_and_hash_is_found_by_its_embedding() -> None:
    blurred = looked("synthetic", 60, 2)
    vectors = blurred.vectors.copy()
    vectors[0] = TEST.vectors[5] + 1e-3
    near = LookedSet(
        blurred.title, "", blurred.ids, blurred.labels, blurred.keys, blurred.hashes,
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    )  # fmt: skip
    (check,) = [each for each in divide(REAL_SET, near, TEST, None, 0).checks if each.title == "synthetic"]
    assert [each.other for each in check.test] == ["test-5"]


def test_a_test_taken_from_the_real_set_is_split_by_source_and_stays_the_same() -> None:
    many = looked("real", 40, 4)
    people = [f"person {row % 40}" for row in range(len(many))]
    many = LookedSet(many.title, "", many.ids, many.labels, many.keys, many.hashes, many.vectors, {"person": people})
    divided = divide(many, OTHER, None, None, 0)
    of_test, of_real = (set(each.shared["person"]) for each in (divided.test, divided.real))
    assert not of_test & of_real
    assert len(divided.test) + len(divided.real) == len(many)
    assert divide(many, looked("synthetic", 9, 8), None, None, 0).test_sha256 == divided.test_sha256
    train, validation = split_training(divided.real, divided.groups, "0 0")
    persons = divided.real.shared["person"]
    assert not {persons[row] for row in train} & {persons[row] for row in validation}


def test_arms_are_nested_and_never_take_more_than_there_is() -> None:
    arms = arms_of(20, 50, 0, 1)
    assert [arm.ratio for arm in arms if arm.kind is ArmKind.MIXED] == [0.5, 1, 2, 2.5]
    rows = np.arange(70)
    pool = Pool(np.arange(90) % 4, rows[:20], rows[20:], rows[:0], np.arange(70, 90).reshape(20, 1))
    drawn = {arm.name: set(draw(arm, pool, rows[:20], (0, 1)).rows.tolist()) for arm in arms}
    assert drawn["real + synthetic x0.5"] < drawn["real + synthetic x1"] < drawn["real + synthetic x2"]
    assert drawn["real + synthetic x2.5 (all)"] == set(range(70))
    assert drawn["real oversampled x2.5"] == set(range(20))
    assert drawn["real + RandAugment"] == {*range(20), *range(70, 90)}
    close = arms_of(100, 204, 900, 1, unfiltered=True)  # x2 and x2.04 look the same
    for each in (arms, close, arms_of(100, 200, 900, 1, unfiltered=True)):
        assert len({arm.name for arm in each}) == len(each)


def test_rivals_are_augmentation_real_images_again_and_as_many_other_real_images_or_all_there_are() -> None:
    arms = arms_of(20, 200, 50, 1)
    by_name = {arm.name: [each.name for each in rivals_of(arm, arms)] for arm in arms if arm.kind is ArmKind.MIXED}
    assert by_name["real + synthetic x1"] == ["real + RandAugment", "real oversampled x8", "real + more real x1"]
    assert by_name["real + synthetic x8"] == [
        "real + RandAugment",
        "real oversampled x8",
        "real + more real x2.5 (all)",
    ]
    less = arms_of(43, 30, 57, None, unfiltered=True)
    assert [each.name for each in less if "more" in each.name or "unfiltered" in each.name] == [
        "real + more real x0.5",
        "real + more real x0.7 (matched)",
        "real + more real x1",
        "real + more real x1.3 (all)",
        "real + unfiltered x0.5",
        "real + unfiltered x0.7 (matched)",
    ]
    (whole,) = (arm for arm in less if arm.kind is ArmKind.MIXED and arm.whole)
    (other,) = (each for each in rivals_of(whole, less) if each.kind is ArmKind.MORE_REAL)
    rows = np.arange(130)
    pool = Pool(rows % 4, rows[:43], rows[43:73], rows[73:])
    for train in (rows[:40], rows[:43]):  # its number follows synthetic images, not those for training
        assert len(draw(other, pool, train, (0, 1)).rows) == len(draw(whole, pool, train, (0, 1)).rows)
    few = arms_of(20, 200, 5, None)
    assert {each.name for arm in few if arm.kind is ArmKind.MIXED for each in rivals_of(arm, few)} == {
        "real oversampled x8",
        "real + more real x0.25 (all)",
    }


def test_synthetic_images_with_wrong_labels_lose_against_other_real_ones() -> None:
    rival = looked("more real", 60, 8)
    lost = found(divide(REAL_SET, relabelled(OTHER), TEST, rival, 0))
    (name,) = (each for each in lost.rivals if "more real" in each)
    apart, other = lost.rivals[name].accuracy, lost.arm(name).scored.scores.accuracy
    assert apart.value == pytest.approx(lost.decisive.scored.scores.accuracy.value - other.value)
    assert apart.high < 0
    assert all("more real" not in each for each in found(divide(REAL_SET, OTHER, TEST, None, 0)).rivals)


def test_progress_counts_every_fit() -> None:
    events: list[Event] = []
    run_arms(divide(REAL_SET, OTHER, TEST, None, 0), learner_of("knn"), 5, 0, events.append)
    steps = [each for each in events if isinstance(each, StepProgress)]
    assert [each.done for each in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].total == len(steps)


@pytest.mark.parametrize(
    ("sets", "argument", "message"),
    [
        ((looked("real", 5, 0, classes=("cat",)), OTHER, TEST, None), "real", "one class, 'cat'"),
        (
            (REAL_SET, looked("synthetic", 9, 2, classes=("kat", "dog")), TEST, None),
            "synthetic",
            "1 class is not in the real",
        ),
        (
            (REAL_SET, looked("synthetic", 9, 2, classes=("1", "2")), TEST, None),
            "synthetic",
            "are not in the real set",
        ),
        (
            (
                REAL_SET,
                looked("synthetic", 9, 2, classes=("kat", "dogg")),
                looked("test", 9, 3, classes=("x", "y")),
                None,
            ),
            None,
            "2 sets do not have the classes of the real set:\n"
            "  the set synthetic: 2 classes are not in the real set: 'dogg', 'kat'\n  the set test: 2 classes are",
        ),
        ((REAL_SET, REAL_SET, TEST, None), "real", "are copies of real ones"),
        ((REAL_SET, OTHER, REAL_SET, None), "test", "images of the test are in the real set too"),
        ((REAL_SET, OTHER, TEST.take(np.arange(1)), None), "test", "one image"),
        (
            (REAL_SET.take(np.arange(6, 28)), OTHER, TEST, None),
            "real",
            "'cat' has one real image for training, and 2 are needed",
        ),
        (
            (looked("real", 1, 0), OTHER, TEST, None),
            "real",
            "4 classes have fewer than 2 real images for training: 'cat'",
        ),
    ],
)
def test_sets_that_do_not_go_together_are_refused_before_training(
    sets: tuple[LookedSet, LookedSet, LookedSet, None], argument: str | None, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        divide(*sets, 0)
    assert refused.value.argument == argument
    assert message in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("accuracy >= 1", "not understood"),
        ("accuracy: share >= 1", "not understood"),
        ("f1: difference >= 0.1", "'f1' is not measured"),
        ("accuracy: difference >= x", "'x' is not a limit"),
        ("accuracy: difference >= nan", "'nan' is not a limit"),
    ],
)
def test_gates_that_cannot_be_decided_are_refused(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_usefulness_gates([line])
