"""A set, opened, and what is asked of it: the beginning of audits and of samples to label."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synthgen.auditing.input.answerable import answerable
from synthgen.auditing.input.audited_set import AuditedSet, OpenRun, open_audited
from synthgen.auditing.input.cached_judge import CachedJudges
from synthgen.auditing.input.declaration import Declaration, declare, find_judges
from synthgen.auditing.input.judges import Judges
from synthgen.auditing.input.observations import AuditQuestion, Observations, judge_of, look_at
from synthgen.auditing.input.query import AuditQuery
from synthgen.auditing.places import embeddings_folder
from synthgen.errors import UsageError
from synthgen.events import OnProgress
from synthgen.files import expanded

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.sets import ImageSet, SetSource

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
        bare: whether nothing is asked, so that the images are inspected and no attribute is measured.
    """

    subject: AuditedSet
    declared: Declaration
    question: AuditQuestion
    frame: pd.DataFrame
    bare: bool = False

    def look(self, on_progress: OnProgress) -> ObservedSet:
        """Answer the question on every image: see `look_at`."""
        return ObservedSet(self.subject.images, look_at(self.subject, self.frame, self.question, on_progress))

    def beside(self, place: SetSource, query: AuditQuery, open_run: OpenRun) -> AuditInput:
        """Open another set and ask the first judge the same about it. Its class column may have another name.

        With labels, which may show that another judge is better, all judges are asked.
        """
        from synthgen.sets import allowing_remote, read_frame

        elsewhere = isinstance(place, str | os.PathLike) and not expanded(place).exists()
        with allowing_remote(query.allow_remote):
            subject = open_audited(place, open_run, images_from=None if elsewhere else query.images_from)
        label = query.label if query.label in subject.images.columns else None
        there = [column for column in query.cluster if column in subject.images.columns]
        judges = self.question.judges if query.labels is not None else self.question.judges[:1]
        question = replace(self.question, judges=judges)
        return AuditInput(
            subject, self.declared, question, read_frame(subject.images, label, question.known, clusters=there)
        )

    @property
    def same_judge(self) -> bool:
        """Whether the attributes were measured by the judge that filtered."""
        run, judges = self.subject.run, self.question.judges
        return run is not None and bool(self.question.attributes) and judges[:1] == (judge_of(run),)


def open_input(place: SetSource, query: AuditQuery, open_run: OpenRun, judges: Judges) -> AuditInput:
    """Open a set and work out what to ask of it.

    Raises:
        SynthgenError: as `synthgen.audit`.
    """
    from synthgen.sets import allowing_remote, read_frame

    with allowing_remote(query.allow_remote):
        subject = open_audited(place, open_run, query.split, query.images_from, classless=query.is_bare)
    declared = declare(subject.run, query.spec, query.attributes)
    judged = {name: attribute for name, attribute in declared.attributes.items() if name not in query.known}

    needed = bool(judged) or subject.run is not None
    bare = query.is_bare and subject.run is None
    if not (bare or needed or query.known or query.judges):
        hint = "Give `spec` or `attributes`, name columns with `known`, or give `judges` for diversity alone."
        raise UsageError(f"{subject.images.source}: nothing to measure", hint=hint)

    found = find_judges(query.judges, subject.run, declared, needed, judges)
    asked = answerable(found, judged, judges)
    cached = CachedJudges(judges, query.cache or _own_cache(place, judges))
    question = AuditQuestion(
        judged, query.known, found, cached, asked.attributes, declared.definitions, asked.unanswered
    )
    frame = read_frame(subject.images, query.label, query.known, query.predictions, query.cluster, classless=bare)
    return AuditInput(subject, declared, question, frame, bare)


def _own_cache(place: SetSource, judges: Judges) -> Path | None:
    """Return the folder of this set's embeddings in the user's own cache.

    It is never the set's folder, or that of a run: whoever handed the set over could put embeddings there that turn the
    verdict.
    """
    if judges.cache is None:
        return None
    name = os.path.realpath(expanded(place)) if isinstance(place, str | os.PathLike) else type(place).__name__
    return embeddings_folder(judges.cache) / sha256(os.fsencode(name)).hexdigest()[:16]


def values_of(first: AuditInput, others: Sequence[AuditInput]) -> dict[str, tuple[str, ...]]:
    """Collect the values of each attribute: those declared, or for a column those that occur in any of the sets.

    Raises:
        UsageError: a column has fewer than two values, so many that they seem to be measurements, or values that
            look alike. Two sets write a class differently.
    """
    from synthgen.spec import ASIDE

    values = {name: tuple(attribute.values) for name, attribute in first.declared.attributes.items()}
    several = (first, *others)
    _check_classes(several)
    for name, column in first.question.known.items():
        if name in values:
            continue
        seen = {value for each in several for value in each.frame[name].dropna().unique()}
        values[name] = tuple(sorted(seen - set(ASIDE)))
        _check_values(f"{name}={column}", seen, values[name], sum(len(each.frame) for each in several))
    return values


def _check_classes(several: Sequence[AuditInput]) -> None:
    """Check that what is declared, and every set, write each class in the same way."""
    from synthgen.spec import alike, difference

    places = dict.fromkeys(several[0].declared.classes or (), "the spec")
    for each in several:
        for name in each.frame["label"].dropna().unique():
            places.setdefault(name, each.subject.images.source)
    if (pair := alike(places)) is not None:
        first, second = (f"{name!a} in {places[name]}" for name in pair)
        what = f"the classes {first} and {second} differ {difference(*pair)}"
        raise UsageError(what, hint="If they are one class, write it in one way.")


def _check_values(place: str, seen: Collection[str], values: Sequence[str], images: int) -> None:
    from synthgen.spec import ASIDE, difference, folded

    if len(values) < 2:
        there = ", ".join(sorted(seen)) or "nothing"
        hint = "An attribute needs two values or more; `attributes` can declare those that do not occur."
        raise UsageError(f"{place}: the column holds {there}", argument="known", hint=hint)

    written: dict[str, str] = {}
    for value in (*ASIDE, *sorted(values, reverse=True)):  # lowercase first
        other = written.setdefault(folded(value), value)
        if other != value:
            differ = difference(value, other)
            shown, correct = (repr(each) if "case" in differ else ascii(each) for each in (value, other))
            what = f"{place}: the column holds {shown}" + (f" and {correct}" if other in values else "")
            hint = f"Write it as {correct}: values must differ in more than {differ.removeprefix('only in ')}."
            raise UsageError(what, argument="known", hint=hint)

    if len(values) > max(_MOST_VALUES, images / 2):
        what = f"{place}: the column holds {len(values):,} values in {images:,} images, such as {values[0]!r}"
        hint = "An attribute has few values. If these are measurements, make a column of ranges."
        raise UsageError(what, argument="known", hint=hint)
