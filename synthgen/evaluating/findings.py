"""What an evaluation found: every arm with its intervals, and the verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthgen.evaluating.arms import REAL, Arm, ArmKind, rivals_of, unfiltered_twin
from synthgen.evaluating.attempts import NO_RUN
from synthgen.evaluating.contract import LEFT, Divided, LeakCheck
from synthgen.evaluating.experiment import TrainedArm
from synthgen.evaluating.hardest import NO_HARD_IMAGES, HardImages, hard_images
from synthgen.evaluating.slices import FEWEST, slices_of, small_slices
from synthgen.sets.near_names import listed
from synthgen.stats.estimates import Estimate
from synthgen.stats.paired import MeasuredScores, ScoredArm, Usefulness, score_arms, usefulness

BLIND = "shuffled labels did no harm: the experiment is blind"
"""The negative control failed: whatever helps the learner, it is not what images are labelled as."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundArm:
    """An arm and its scores.

    Attributes:
        images: that its learners were trained on, on average over seeds.
        setting: of the learner, chosen on validation.
        validation: accuracy there.
    """

    arm: Arm
    images: float
    setting: float
    validation: float
    scored: ScoredArm

    @property
    def difference(self) -> Estimate | None:
        """What it has more accuracy than real images alone; None of these."""
        return self.scored.difference.accuracy if self.scored.difference is not None else None

    @property
    def unfiltered(self) -> MeasuredScores | None:
        """What it has more than as many unfiltered images; None where there is no such arm."""
        return self.scored.beside.get(unfiltered_twin(self.arm).name)


@dataclass(frozen=True, slots=True, eq=False)
class FilterEffect:
    """What the filters of a run change: its images, compared with as many of its attempts as they came.

    Attributes:
        verdict: on the images that passed; None where there is nothing to compare them with.
        reason: why, in words.
        arm: the name of the unfiltered arm that the arm of the verdict is compared with.
        difference: what this has more than the unfiltered one.
    """

    verdict: Usefulness | None
    reason: str
    arm: str | None = None
    difference: MeasuredScores | None = None


@dataclass(frozen=True, slots=True, eq=False)
class UsefulnessFindings:
    """What an evaluation found.

    Attributes:
        verdict: on the arm `decided_by`.
        reason: why, in words.
        decided_by: the name of the mixed arm that was best in validation; of equals, the one with most images.
        blind: whether the control with shuffled labels did not hurt.
        smallest: the smallest effect of interest.
        counts: images by set, as they were used.
        left_out: by set, how many images could not be used, by reason.
        hardest: test images that the arm `decided_by` gets wrong with most seeds.
        training: of learners that see pixels, `image_size`, and what else a reader needs to repeat it.
        filters: what the filters of the run that made the synthetic set change.
        rivals: what the arm of the verdict has more than what could be had instead of it, by the names of those arms.
    """

    verdict: Usefulness
    reason: str
    decided_by: str
    blind: bool
    smallest: float
    learner: str
    seeds: int
    arms: tuple[FoundArm, ...]
    classes: tuple[str, ...]
    checks: tuple[LeakCheck, ...]
    cosine: float
    test_sha256: str
    test_groups: int
    counts: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...] = ()
    hardest: HardImages = NO_HARD_IMAGES
    training: Mapping[str, object] = field(default_factory=dict)
    filters: FilterEffect = FilterEffect(None, NO_RUN)
    rivals: Mapping[str, MeasuredScores] = field(default_factory=dict)

    def arm(self, name: str) -> FoundArm:
        """Return the arm of a name."""
        return next(each for each in self.arms if each.arm.name == name)

    @property
    def decisive(self) -> FoundArm:
        """The arm that the verdict is on."""
        return self.arm(self.decided_by)


def findings_of(
    divided: Divided,
    trained: Sequence[TrainedArm],
    learner: str,
    smallest: float,
    seed: int,
    unfiltered: str = NO_RUN,
) -> UsefulnessFindings:
    """Score the arms, and decide.

    Args:
        unfiltered: why there are no unfiltered images, if there are none.
    """
    present = [name for name in divided.classes if name in set(divided.test.labels)]
    codes = np.array([present.index(label) for label in divided.test.labels], dtype=np.int64)
    correct = {each.arm.name: each.correct for each in trained}
    slices = slices_of(divided.test, divided.test_groups)
    every = [each.arm for each in trained]
    rivals = {arm.name: [each.name for each in rivals_of(arm, every)] for arm in every if arm.kind is ArmKind.MIXED}
    beside = {
        arm.name: [*rivals[arm.name], *(name for name in [unfiltered_twin(arm).name] if name in correct)]
        for arm in every
        if arm.kind is ArmKind.MIXED
    }
    scored = score_arms(
        correct,
        REAL,
        codes,
        divided.test_groups,
        tuple(present),
        slices=slices,
        beside=beside,
        left=LEFT,
        seed=seed,
    )
    arms = tuple(
        FoundArm(each.arm, each.images, each.setting, each.validation, scored[each.arm.name]) for each in trained
    )

    mixed = [each for each in arms if each.arm.kind is ArmKind.MIXED]
    chosen = max(mixed, key=lambda each: (each.validation, each.arm.ratio))
    control = next(each for each in arms if each.arm.kind is ArmKind.SHUFFLED)
    blind = _of(control).high >= 0
    verdict, reason = _decided(_of(chosen), smallest, blind)
    counts = {each.title: len(each) for each in (divided.real, divided.test, divided.synthetic)}
    counts |= {each.title: len(each) for each in (divided.more_real, divided.unfiltered) if each is not None}
    return UsefulnessFindings(
        verdict=verdict,
        reason=reason,
        decided_by=chosen.arm.name,
        blind=blind,
        smallest=smallest,
        learner=learner,
        seeds=len(trained[0].correct),
        arms=arms,
        classes=divided.classes,
        checks=divided.checks,
        cosine=divided.cosine,
        test_sha256=divided.test_sha256,
        test_groups=len(np.unique(divided.test_groups)),
        counts=counts,
        left_out={},
        hardest=hard_images(divided, next(each for each in trained if each.arm == chosen.arm)),
        filters=_filters(chosen, smallest, blind, unfiltered),
        rivals={name: chosen.scored.beside[name] for name in rivals[chosen.arm.name]},
        notes=(
            *_notes(divided, present),
            *small_slices(divided.test, slices),
            *_ceiling(arms[0].scored.scores.accuracy.value, smallest),
        ),
    )


def _filters(chosen: FoundArm, smallest: float, blind: bool, unfiltered: str) -> FilterEffect:
    apart = chosen.unfiltered
    if apart is None:
        return FilterEffect(None, unfiltered)
    verdict, reason = _decided(apart.accuracy, smallest, blind)
    return FilterEffect(verdict, reason, unfiltered_twin(chosen.arm).name, apart)


def _of(arm: FoundArm) -> Estimate:
    assert arm.difference is not None, "only the real arm has none"
    return arm.difference


def _decided(difference: Estimate, smallest: float, blind: bool) -> tuple[Usefulness, str]:
    verdict = usefulness(difference, smallest)
    if blind:
        return Usefulness.CANNOT_TELL, BLIND
    if verdict is not Usefulness.CANNOT_TELL:
        side = "above" if verdict is Usefulness.HELPS else "below"
        return verdict, f"the interval lies {side} 0, and the difference is {smallest:g} or more"
    if difference.low <= 0 <= difference.high:
        wide = difference.half_width >= smallest
        more = "; more test images would narrow it" if wide else " and is narrow: little or no effect"
        return verdict, f"the interval contains 0{more}"
    return verdict, f"the difference is less than the smallest effect, {smallest:g}"


def _notes(divided: Divided, present: Sequence[str]) -> list[str]:
    found = []
    if untested := [name for name in divided.classes if name not in present]:
        found.append(f"the test has no image of {listed(untested, 3)}, of which nothing is measured")
    labels = np.array(divided.test.labels, dtype=object)
    if few := [name for name in present if len(np.unique(divided.test_groups[labels == name])) < FEWEST]:
        many = f"fewer than {FEWEST} independent images of {listed(few, 3)}"
        found.append(f"the test has {many}: what is said of these, and of the worst class, is uncertain")
    if missing := sorted(set(divided.classes) - set(divided.synthetic.labels)):
        found.append(f"the synthetic set has no image of {listed(missing, 3)}")
    return found


def _ceiling(accuracy: float, smallest: float) -> list[str]:
    if accuracy + smallest <= 1:
        return []
    return [f"real images alone get {accuracy:.3f} right: there is nothing left to gain"]
