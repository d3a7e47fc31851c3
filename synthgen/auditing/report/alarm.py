"""The domain alarm in words, which stands before the verdict."""

from typing import NamedTuple

from synthgen.auditing.findings import Figure
from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.words import capitalized


class Alarm(NamedTuple):
    """What is said before anything else if a judge was checked on other pictures."""

    headline: str
    sentence: str


def alarm(report: AuditReport) -> Alarm | None:
    """Return the alarm, with what rests on the judge nevertheless; None if it does not ring."""
    domain = report.domain
    if domain is None or domain.alarm is None:
        return None
    parts = [f"{capitalized(domain.alarm)}. How often it errs there says nothing about this set"]
    if report.findings.on_trust:
        parts.append("a gate was decided on its word alone (`trust_judge`)")
    figures = {scope.quote.figure for each in report.findings.attributes for scope in each.scopes if not each.known}
    if Figure.MATRIX in figures:
        parts.append("a confusion matrix corrects only if it was measured on pictures like these")
    if Figure.LABELS in figures:
        parts.append("figures corrected by labels of this set hold all the same")
    else:
        parts.append("label a sample of this set by eye before you believe its figures")
    return Alarm(f"This judge was checked on other pictures than these: {domain.checked_on}.", "; ".join(parts) + ".")
