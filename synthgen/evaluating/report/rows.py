"""The rows of the page's tables, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synthgen.auditing.report.words import counted, percents, points
from synthgen.evaluating.arms import REAL, unfiltered_twin
from synthgen.evaluating.contract import LeakCheck
from synthgen.evaluating.findings import FoundArm, UsefulnessFindings
from synthgen.stats.estimates import Estimate
from synthgen.stats.paired import MeasuredScores

CLASSES_SHOWN, LEAKS_SHOWN = 30, 5
"""At most this many classes, groups of an attribute, and copies in each set are listed."""


@dataclass(frozen=True, slots=True)
class ArmRow:
    """An arm.

    Attributes:
        decides: whether the verdict is on it.
        side: 'pass' or 'fail' where the interval of its difference lies above or below 0.
        worst: the accuracy of its worst class.
    """

    name: str
    images: str
    accuracy: str
    difference: str
    side: str
    worst: str
    p_value: str
    decides: bool


@dataclass(frozen=True, slots=True)
class FilterRow:
    """So many synthetic images for each real one, and as many unfiltered ones.

    Attributes:
        ratio: how many, in words.
        difference: what the filtered ones have more.
        worst: in the accuracy of the worst class.
        side, worst_side, decides: as in `ArmRow`.
    """

    ratio: str
    filtered: str
    unfiltered: str
    difference: str
    side: str
    worst: str
    worst_side: str
    decides: bool


@dataclass(frozen=True, slots=True)
class RivalRow:
    """What could be had instead of synthetic images.

    Attributes:
        accuracy: its own.
        difference: what the arm of the verdict has more.
        group: in the accuracy of the worst group; empty without groups.
        side, group_side: as in `ArmRow`.
    """

    name: str
    accuracy: str
    difference: str
    side: str
    group: str
    group_side: str


@dataclass(frozen=True, slots=True)
class PartRow:
    """A class or a group of the test, with real images alone and with the arm that the verdict is on."""

    name: str
    real: str
    mixed: str
    difference: str
    side: str


@dataclass(frozen=True, slots=True)
class PartRows:
    """The classes of the test, or its groups by an attribute, that with the lowest accuracy first.

    Attributes:
        left_out: how many more there are.
        lost, won: in how many the interval of the difference lies below or above 0.
    """

    rows: tuple[PartRow, ...]
    left_out: int
    lost: int
    won: int


@dataclass(frozen=True, slots=True)
class LeakRow:
    """What was left out of a set.

    Attributes:
        pairs: some of the copies, each with what it is a copy of.
        more: how many more there are.
    """

    title: str
    images: int
    test: int
    train: int
    pairs: tuple[tuple[str, str, str], ...]
    more: int


def arm_rows(findings: UsefulnessFindings) -> list[ArmRow]:
    """List every arm, `real` first."""
    return [_arm(each, findings.decided_by) for each in findings.arms]


def rival_rows(findings: UsefulnessFindings) -> list[RivalRow]:
    """Compare the arm of the verdict with what could be had instead of it."""
    rivals = findings.rivals.items()
    return [
        RivalRow(
            name,
            percents(findings.arm(name).scored.scores.accuracy),
            points(apart.accuracy),
            _side(apart.accuracy),
            *(("", "") if apart.worst_group is None else (points(apart.worst_group), _side(apart.worst_group))),
        )
        for name, apart in rivals
    ]


def filter_rows(findings: UsefulnessFindings) -> list[FilterRow]:
    """Compare each ratio of synthetic images with as many unfiltered ones."""
    return [_filtered(findings, each) for each in findings.arms if each.unfiltered is not None]


def class_rows(findings: UsefulnessFindings) -> PartRows:
    """List the classes with the lowest accuracy in the arm of the verdict."""
    real, mixed, difference = _compared(findings)
    return _worst_first(real.classes, mixed.classes, difference.classes)


def group_rows(findings: UsefulnessFindings) -> dict[str, PartRows]:
    """List by attribute the groups with the lowest accuracy in the arm of the verdict."""
    real, mixed, difference = _compared(findings)
    return {
        name: _worst_first(real.groups[name], groups, difference.groups[name]) for name, groups in mixed.groups.items()
    }


def _compared(findings: UsefulnessFindings) -> tuple[MeasuredScores, MeasuredScores, MeasuredScores]:
    scored = findings.decisive.scored
    assert scored.difference is not None, "a mixed arm has a difference"
    return findings.arm(REAL).scored.scores, scored.scores, scored.difference


def _worst_first(
    real: Mapping[str, Estimate], mixed: Mapping[str, Estimate], differences: Mapping[str, Estimate]
) -> PartRows:
    worst = sorted(mixed, key=lambda name: (mixed[name].value, name))
    rows = (
        PartRow(name, percents(real[name]), percents(mixed[name]), points(differences[name]), _side(differences[name]))
        for name in worst[:CLASSES_SHOWN]
    )
    sides = [_side(each) for each in differences.values()]
    left_out = max(0, len(worst) - CLASSES_SHOWN)
    return PartRows(tuple(rows), left_out, sides.count("fail"), sides.count("pass"))


def leak_rows(findings: UsefulnessFindings) -> list[LeakRow]:
    """List what was left out of each set as a copy."""
    return [_leaks(check) for check in findings.checks]


def left_out(findings: UsefulnessFindings) -> Iterator[str]:
    """Say which images could not be used, and why."""
    for title, reasons in findings.left_out.items():
        for reason, count in reasons.items():
            yield f"{title}: {counted(count, 'image')} {reason}"


def _arm(found: FoundArm, decided_by: str) -> ArmRow:
    scored = found.scored
    chance = scored.adjusted
    return ArmRow(
        found.arm.name,
        f"{found.images:,.0f}",
        percents(scored.scores.accuracy),
        points(scored.difference.accuracy) if scored.difference is not None else "",
        _side(scored.difference.accuracy) if scored.difference is not None else "",
        percents(scored.scores.worst),
        "" if chance is None else "< 0.001" if chance < 0.001 else f"{chance:.3f}",
        found.arm.name == decided_by,
    )


def _filtered(findings: UsefulnessFindings, found: FoundArm) -> FilterRow:
    apart, other = found.unfiltered, findings.arm(unfiltered_twin(found.arm).name)
    assert apart is not None, "only those arms are listed"
    return FilterRow(
        f"×{found.arm.ratio:.2g}",
        percents(found.scored.scores.accuracy),
        percents(other.scored.scores.accuracy),
        points(apart.accuracy),
        _side(apart.accuracy),
        points(apart.worst),
        _side(apart.worst),
        found.arm.name == findings.decided_by,
    )


def _side(difference: Estimate) -> str:
    return "pass" if difference.low > 0 else "fail" if difference.high < 0 else ""


def _leaks(check: LeakCheck) -> LeakRow:
    near = [("test", each) for each in check.test] + [("training", each) for each in check.train]
    pairs = tuple((each.id, f"{each.other} ({where})", each.how) for where, each in near[:LEAKS_SHOWN])
    return LeakRow(check.title, check.images, len(check.test), len(check.train), pairs, len(near) - len(pairs))
