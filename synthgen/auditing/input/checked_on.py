"""What a judge was checked on, where that is known, and the comparison of a set with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.auditing.input.audited_set import was_asked
from synthgen.auditing.input.observations import judge_of

if TYPE_CHECKING:
    from synthgen.auditing.domain import CheckedOn, Domain
    from synthgen.auditing.input.audit_input import AuditInput, ObservedSet
    from synthgen.auditing.input.judges import JudgeId
    from synthgen.auditing.report import AuditReport


def checked_on(judge: JudgeId) -> CheckedOn | None:
    """Return the pictures that this revision of a judge was checked on; None if they are not known."""
    from synthgen.auditing.domain import CheckedOn
    from synthgen.bundled.profile import read_profile

    profile = read_profile()
    return CheckedOn(profile.vectors, profile.name) if judge.revision == profile.judge else None


def with_domain(report: AuditReport, asked: AuditInput, seen: ObservedSet) -> AuditReport:
    """Add to a report whether its set looks like what its judge was checked on, or that nobody knows."""
    from synthgen.auditing.report import NotMeasured

    domain = look_at_domain(asked, seen)
    if domain is not None or report.judge is None or not report.findings.images:
        return replace(report, domain=domain)
    why = f"nothing says what {report.judge.name} was checked on, so no alarm can ring"
    unknown = NotMeasured("whether the judge knows such pictures", why)
    return replace(report, not_measured=(*report.not_measured, unknown))


def look_at_domain(asked: AuditInput, seen: ObservedSet) -> Domain | None:
    """Compare a set with what its first judge was checked on; None if that is not known, or nothing was judged.

    Where a run's record has the answers, only distances are compared: no model is loaded for more.
    """
    from synthgen.auditing.domain import compare_domain

    judges, attributes, vectors = asked.question.judges, asked.question.attributes, seen.looked.vectors
    if not judges or not attributes or vectors is None:
        return None
    known = checked_on(judges[0])
    if known is None:
        return None
    run = asked.subject.run
    recorded = run is not None and judges[0] == judge_of(run) and was_asked(run, attributes)
    answers = None if recorded else asked.question.cached.of(judges[0]).answers
    return compare_domain(vectors, known, attributes, answers)
