"""Comparing earlier audits with this one: which numbers are comparable, and which of them moved beyond chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from synthgen.auditing.findings import place_of
from synthgen.auditing.trends.earlier import (
    AuditRecord,
    KnownAttribute,
    KnownEstimate,
    KnownScope,
    KnownSketch,
)
from synthgen.auditing.trends.findings import AuditedVersion, CountCourse, Course, GateCourse, Movement, Trends
from synthgen.auditing.trends.sketch import IdSketch, shared
from synthgen.stats.estimates import ALPHA, Estimate, difference, estimate, holm
from synthgen.stats.movement import p_of_difference

_PLAIN = ("raw", "clustered")
_NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class _Pair:
    """One number of an earlier version and of now."""

    subject: str
    place: str
    what: str
    earlier: KnownEstimate | None
    now: KnownEstimate | None


def find_trends(earlier: Sequence[tuple[str, AuditRecord]], now: AuditRecord) -> Trends:
    """Compare earlier audits, the oldest first, with this one.

    Numbers are the quoted ones. Each earlier version is compared with this one, and Holm's correction is for all
    comparisons together.
    """
    versions, movements = [], []
    compared: list[dict[tuple[str, str, str], KnownEstimate | None]] = []
    for index, (place, record) in enumerate(earlier):
        reasons: list[str] = []
        pairs = list(_pairs(record, now, reasons))
        compared.append({(pair.subject, pair.place, pair.what): pair.earlier for pair in pairs})
        movements += [_movement(index, pair) for pair in pairs if pair.earlier is not None and pair.now is not None]
        later = [other.provenance.created for _, other in earlier[index + 1 :]] + [now.provenance.created]
        versions.append(_version(place, record, now, reasons, later))

    adjusted = holm([each.p_value for each in movements])
    movements = [
        replace(each, adjusted=p, beyond_chance=bool(each.difference.value) if p is None else p < ALPHA)
        for each, p in zip(movements, adjusted, strict=True)
    ]
    records = [record for _, record in earlier]
    return Trends(
        versions=tuple(versions),
        compared=sum(each.p_value is not None for each in movements),
        movements=tuple(movements),
        courses=tuple(_courses(compared, now)),
        counts=tuple(_counts([*records, now])),
        gates=tuple(_gates([*records, now])),
    )


def _movement(version: int, pair: _Pair) -> Movement:
    assert pair.earlier is not None and pair.now is not None, "only complete pairs move"  # noqa: PT018
    before, after = _estimate(pair.earlier), _estimate(pair.now)
    apart = difference(after, before)
    p = p_of_difference(apart)
    return Movement(version, pair.subject, pair.place, pair.what, before, after, apart, p, None, beyond_chance=False)


def _estimate(found: KnownEstimate) -> Estimate:
    return estimate(found.value, found.low, found.high)


def _version(
    place: str, record: AuditRecord, now: AuditRecord, reasons: Sequence[str], later: Sequence[str]
) -> AuditedVersion:
    common = _shared(record, now)
    return AuditedVersion(
        place=place,
        set_name=record.set_name,
        created=record.provenance.created,
        images=record.findings.images,
        shared_images=common,
        not_compared=tuple(dict.fromkeys(reasons)),
        caveats=tuple(_caveats(record, now, common, later)),
    )


def _caveats(record: AuditRecord, now: AuditRecord, common: float | None, later: Sequence[str]) -> Iterator[str]:
    if record.set_name != now.set_name:
        yield f"it is an audit of {record.set_name!r}, and this one of {now.set_name!r}"
    if any(record.provenance.created > created for created in later):
        yield "it was made after a later one of those given; the oldest should come first"
    if common is None:
        yield "whether it shares images with this set is not known; shared ones hide differences"
    elif common:
        yield (
            f"it shares about {common:,.0f} of {now.findings.images:,} images with this set, by their ids, so the two "
            "are not independent: intervals of differences are too wide"
        )
    asked = {each.attribute for each in record.provenance.questions}
    unknown = [each.name for each in record.findings.attributes if not each.known and each.name not in asked]
    if unknown:
        yield f"its audit does not record how the judge was asked about {', '.join(unknown)}"


def _shared(record: AuditRecord, now: AuditRecord) -> float | None:
    first, second = (_sketch(each.provenance.ids) for each in (record, now))
    return None if first is None or second is None else shared(first, second)


def _sketch(found: KnownSketch | None) -> IdSketch | None:
    return None if found is None else IdSketch(found.images, tuple(found.smallest))


def _pairs(record: AuditRecord, now: AuditRecord, reasons: list[str]) -> Iterator[_Pair]:
    """Pair the comparable numbers, and collect why others are not comparable."""
    earlier, later = record.findings, now.findings
    if (earlier.about, earlier.confidence) != (later.about, later.confidence):
        which = "its intervals are about something else" if earlier.about != later.about else "its confidence differs"
        reasons.append(f"everything: {which}")
        return
    mine = {each.name: each for each in later.attributes}
    for attribute in earlier.attributes:
        other = mine.pop(attribute.name, None)
        if other is None:
            reasons.append(f"{attribute.name}: not measured now")
        elif why := _other_question(attribute, other, record, now):
            reasons.append(f"{attribute.name}: {why}")
        else:
            yield from _of_attribute(attribute, other, reasons)
    reasons += [f"{name}: not measured then" for name in mine]
    yield from _of_diversity(record, now, reasons)
    yield from _of_issues(record, now, reasons)


def _other_question(first: KnownAttribute, second: KnownAttribute, record: AuditRecord, now: AuditRecord) -> str | None:
    """Say why an attribute of two audits is not the same measurement; None if it is, as far as the audits say."""
    if {*first.values} != {*second.values}:
        return "it had other values"
    if first.known != second.known:
        return "a column told it then, and a judge now" if first.known else "a judge told it then, and a column now"
    if first.known:
        return None
    if record.judge != now.judge:
        return "another judge, or another revision of it, measured it"
    asked = [{each.attribute: each.sha256 for each in of.provenance.questions} for of in (record, now)]
    hashes = [each.get(first.name) for each in asked]
    if None not in hashes and hashes[0] != hashes[1]:
        return "the judge was asked with other descriptions, or with another threshold"
    return None


def _of_attribute(first: KnownAttribute, second: KnownAttribute, reasons: list[str]) -> Iterator[_Pair]:
    scopes = {scope.class_name: scope for scope in second.scopes}
    lacking = [scope.class_name for scope in first.scopes if scope.class_name not in scopes]
    if lacking:
        reasons.append(f"{first.name}: {len(lacking):,} classes that are gone, such as {lacking[0]}")
    for scope in first.scopes:
        if (other := scopes.get(scope.class_name)) is not None:
            yield from _of_scope(first.name, scope, other, reasons)


def _of_scope(name: str, first: KnownScope, second: KnownScope, reasons: list[str]) -> Iterator[_Pair]:
    place, figures = place_of(first.class_name), (first.quote.figure, second.quote.figure)
    yield _Pair(name, place, "unknown", first.unknown_share, second.unknown_share)
    if None in figures:
        return
    if figures[0] != figures[1] and not {*figures} <= {*_PLAIN}:
        reasons.append(f"{name}, {place}: its figure was {figures[0]}, and is {figures[1]} now")
        return
    if first.shares_left_out or second.shares_left_out:  # what was kept was chosen by its share
        reasons.append(f"{name}: shares in classes, since they are too many for an audit.json")
    else:
        others = {share.value: share for share in second.shares}
        for share in first.shares:
            if (now := others.get(share.value)) is not None:
                yield _Pair(name, place, f"share of {share.value}", share.of(figures[0]), now.of(figures[1]))

    if not first.distances or not second.distances:
        return
    if not _same_shares(first.reference, second.reference):
        reasons.append(f"{name}: the distances, because the target was another")
        return
    measures = {each.measure: each.found for each in second.distances}
    for each in first.distances:
        yield _Pair(name, place, each.measure, each.found, measures.get(each.measure))


def _same_shares(first: Mapping[str, float] | None, second: Mapping[str, float] | None) -> bool:
    if first is None or second is None or first.keys() != second.keys():
        return False
    return all(abs(first[name] - second[name]) < _NEAR for name in first)


def _of_diversity(record: AuditRecord, now: AuditRecord, reasons: list[str]) -> Iterator[_Pair]:
    first, second = record.diversity, now.diversity
    if first is None or second is None:
        return
    if record.provenance.embedder is None or record.provenance.embedder != now.provenance.embedder:
        known = record.provenance.embedder is not None
        reasons.append(
            f"diversity: {'another judge embedded' if known else 'its audit does not say who embedded'} the images"
        )
        return
    others = {each.class_name: each for each in second.scopes}
    for scope in first.scopes:
        if (other := others.get(scope.class_name)) is None:
            continue
        place = place_of(scope.class_name)
        yield _Pair("diversity", place, "mean distance", scope.distance, other.distance)
        if scope.compared != other.compared:
            reasons.append(f"diversity, {place}: measured with {scope.compared} images then, and {other.compared} now")
            continue
        yield _Pair("diversity", place, "rke", scope.rke, other.rke)
        yield _Pair("diversity", place, "vendi", scope.vendi, other.vendi)
        if first.threshold == second.threshold:
            rates = scope.compared_duplicate_rate, other.compared_duplicate_rate
            yield _Pair("diversity", place, f"near-duplicates among {scope.compared}", *rates)
    if first.threshold != second.threshold:
        reasons.append(f"near-duplicates: their threshold was {first.threshold:g}, and is {second.threshold:g} now")


def _of_issues(record: AuditRecord, now: AuditRecord, reasons: list[str]) -> Iterator[_Pair]:
    """Pair the issues that each image has by itself. Repeats and leaks are counted: they are among the counts."""
    if record.inspection is None or now.inspection is None:
        return
    others = {issue.kind: issue for issue in now.inspection.issues}
    for issue in record.inspection.issues:
        other = others.get(issue.kind)
        if other is None or not _is_sampled(issue.share) or not _is_sampled(other.share):
            continue
        if issue.rule != other.rule:
            reasons.append(f"{issue.kind}: its rule was another")
        else:
            yield _Pair("images", "overall", issue.kind, issue.share, other.share)


def _is_sampled(found: KnownEstimate | None) -> bool:
    return found is not None and found.low < found.high


def _courses(
    compared: Sequence[Mapping[tuple[str, str, str], KnownEstimate | None]], now: AuditRecord
) -> Iterator[Course]:
    for attribute in now.findings.attributes:
        scope = attribute.scopes[0]
        for share in scope.shares:
            key = attribute.name, place_of(None), f"share of {share.value}"
            values = [*(found.get(key) for found in compared), share.of(scope.quote.figure)]
            yield Course(attribute.name, key[2], tuple(_estimate(each) if each else None for each in values))


def _counts(records: Sequence[AuditRecord]) -> Iterator[CountCourse]:
    yield CountCourse("images", tuple(each.findings.images for each in records))
    yield CountCourse("images left out", tuple(each.provenance.left_out for each in records))
    for name in dict.fromkeys(name for each in records for name in each.findings.classes):
        yield CountCourse(place_of(name), tuple(each.findings.classes.get(name, 0) for each in records))
    issues = [{issue.kind: issue for issue in each.inspection.issues} if each.inspection else {} for each in records]
    for kind in dict.fromkeys(kind for each in issues for kind in each):
        there = [found if (found := each.get(kind)) and not found.reason else None for each in issues]
        yield CountCourse(kind, tuple(each.images if each else None for each in there))


def _gates(records: Sequence[AuditRecord]) -> Iterator[GateCourse]:
    outcomes = [{gate.gate: gate.outcome for gate in each.findings.gates} for each in records]
    for gate in dict.fromkeys(gate for each in outcomes for gate in each):
        yield GateCourse(gate, tuple(each.get(gate) for each in outcomes))
