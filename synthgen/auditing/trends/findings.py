"""What moved between earlier audits and this one: plain values with stable names, ready for JSON."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class AuditedVersion:
    """An earlier version of the set.

    Attributes:
        place: the file or folder of its audit, as it was given.
        created: when it was audited.
        shared_images: an estimate of the images that it has in common with the audited set, by their ids; None if the
            audits do not say it.
        not_compared: what cannot be compared with the audited set, and why.
        caveats: what a reader must know of the rest.
    """

    place: str
    set_name: str
    created: str
    images: int
    shared_images: float | None
    not_compared: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """One number in an earlier version and now.

    Attributes:
        version: the index of the earlier version.
        subject: the attribute; 'diversity' or 'images' for numbers that belong to none.
        place: 'overall' or a class.
        what: 'share of VALUE', 'unknown', a measure of distance, of diversity, or an issue of images.
        difference: now minus earlier, with MOVER's interval: see `stats.estimates.difference`.
        p_value: of no difference: see `stats.movement.p_of_difference`; None if both numbers are exact.
        adjusted: the p-value by Holm's correction for all movements of all versions.
        beyond_chance: whether that is below 0.05; if both numbers are exact, whether they differ.
    """

    version: int
    subject: str
    place: str
    what: str
    earlier: Estimate
    now: Estimate
    difference: Estimate
    p_value: float | None
    adjusted: float | None
    beyond_chance: bool


@dataclass(frozen=True, slots=True)
class Course:
    """One number over all versions, the audited set last. None where a version lacks it or cannot be compared."""

    subject: str
    what: str
    values: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class CountCourse:
    """One count over all versions, the audited set last; None where it is not known."""

    what: str
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class GateCourse:
    """What became of one gate in all versions, the audited set last; None where it was not given."""

    gate: str
    outcomes: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """What moved since earlier versions.

    Attributes:
        versions: the earlier ones, the oldest first.
        compared: how many movements were tested together.
        movements: every number of every version that can be compared with the same of now.
        courses: shares overall, for each value of each attribute.
        counts: images, classes, images left out, and issues of images.
    """

    versions: tuple[AuditedVersion, ...]
    compared: int
    movements: tuple[Movement, ...]
    courses: tuple[Course, ...]
    counts: tuple[CountCourse, ...]
    gates: tuple[GateCourse, ...]

    @property
    def moved(self) -> tuple[Movement, ...]:
        """The movements beyond chance, the surest first."""
        found = [each for each in self.movements if each.beyond_chance]
        return tuple(sorted(found, key=lambda each: (each.adjusted or 0.0, -abs(each.difference.value))))
