"""What an audit asks of a set, and what it sees there: the beginning of audits and of samples to label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synthgen.api.declaring import Declaration, declare, find_judges
from synthgen.api.looking import AuditQuestion, Observations, OnProgress, judge_of, look_at
from synthgen.api.subject import AuditedSet, open_subject
from synthgen.errors import UsageError
from synthgen.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.sets import ImageSet

_MOST_VALUES = 20
"""A column with at most this many values may have a different one for every image."""


class ObservedSet(NamedTuple):
    """A set, and what was seen in it."""

    images: ImageSet
    looked: Observations


@dataclass(frozen=True, slots=True, eq=False)
class AuditInput:
    """An opened set, and what is asked of it. No image has been looked at yet.

    Attributes:
        frame: id, label, prompt if the set has one, and the known attributes.
        images_from: a folder, besides the set's own, that may hold images which are named by path.
    """

    subject: AuditedSet
    declared: Declaration
    question: AuditQuestion
    frame: pd.DataFrame
    images_from: Path | None = None

    def look(self, on_progress: OnProgress) -> ObservedSet:
        """Answer the question on every image: see `look_at`."""
        return ObservedSet(self.subject.images, look_at(self.subject, self.frame, self.question, on_progress))

    def beside(self, place: str, label: str | None) -> AuditInput:
        """Open another set and ask the first judge the same about it. Its class column may have another name."""
        from synthgen.sets import read_frame

        here = Path(place).expanduser().exists()
        subject = open_subject(place, images_from=self.images_from if here else None)
        own = label if label in subject.images.columns else None
        question = replace(self.question, judges=self.question.judges[:1])
        return AuditInput(subject, self.declared, question, read_frame(subject.images, own, question.known))

    @property
    def same_judge(self) -> bool:
        """Whether the attributes were measured by the judge that filtered."""
        run, judges = self.subject.run, self.question.judges
        return run is not None and bool(self.question.attributes) and judges[:1] == (judge_of(run),)


def begin(
    place: str,
    spec: Spec | Path | None,
    attributes: Path | None,
    known: Mapping[str, str],
    label: str | None,
    split: str | None,
    judges: Sequence[str],
    cache: Path,
    device: str,
    trust: bool,
    images_from: Path | None = None,
) -> AuditInput:
    """Open a set and work out what to ask of it.

    Raises:
        SynthgenError: as `api.audit`.
    """
    from synthgen.sets import read_frame

    subject = open_subject(place, split, images_from)
    declared = declare(subject.run, spec, attributes)
    judged = {name: each for name, each in declared.attributes.items() if name not in known}

    needed = bool(judged) or subject.run is not None
    if not (needed or known or judges):
        hint = "Give --spec or --attributes, name columns with --known, or give a --judge for diversity alone."
        raise UsageError(f"{subject.images.source}: it is not said what to measure", hint=hint)

    found = find_judges(judges, subject.run, declared, needed)
    question = AuditQuestion(judged, known, found, cache, device, trust)
    return AuditInput(subject, declared, question, read_frame(subject.images, label, known), images_from)


def values_of(begun: AuditInput, others: Sequence[AuditInput]) -> dict[str, tuple[str, ...]]:
    """Collect the values of each attribute: those declared, or for a column those that occur in any of the sets.

    Raises:
        UsageError: a column has fewer than two values, so many that they seem to be measurements, or values that
            differ only in case.
    """
    from synthgen.spec import ASIDE

    found = {name: tuple(attribute.values) for name, attribute in begun.declared.attributes.items()}
    for name, column in begun.question.known.items():
        if name in found:
            continue
        seen = {value for each in (begun, *others) for value in each.frame[name].dropna().unique()}
        found[name] = tuple(sorted(seen - set(ASIDE)))
        _check_values(f"--known {name}={column}", seen, found[name], sum(len(each.frame) for each in (begun, *others)))
    return found


def _check_values(place: str, seen: Collection[str], values: Sequence[str], images: int) -> None:
    from synthgen.spec import ASIDE

    if len(values) < 2:
        there = ", ".join(sorted(seen)) or "nothing"
        hint = "An attribute needs two values or more; --attributes can declare those that do not occur."
        raise UsageError(f"{place}: the column holds {there}", hint=hint)
    written: dict[str, str] = {}
    for value in (*ASIDE, *sorted(values, reverse=True)):  # lowercase first
        other = written.setdefault(value.casefold(), value)
        if other != value:
            what = f"{place}: the column holds {value!r}" + (f" and {other!r}" if other in values else "")
            raise UsageError(what, hint=f"Write it as {other!r}: case is no difference of values.")
    if len(values) > max(_MOST_VALUES, images / 2):
        what = f"{place}: the column holds {len(values):,} values in {images:,} images, such as {values[0]!r}"
        raise UsageError(what, hint="An attribute has few values: make a column of ranges, if these are measurements.")
