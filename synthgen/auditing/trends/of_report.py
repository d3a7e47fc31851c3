"""The trends of a report: what moved since the audits that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.auditing.report import AuditReport
    from synthgen.auditing.trends.earlier import AuditRecord


def read_since(given: Sequence[Path]) -> list[tuple[str, AuditRecord]]:
    """Read the earlier audits that the user names: see `read_earlier`."""
    if not given:
        return []
    from synthgen.auditing.trends.earlier import read_earlier

    return read_earlier(given)


def with_trends(report: AuditReport, earlier: Sequence[tuple[str, AuditRecord]]) -> AuditReport:
    """Add to a report what moved since earlier audits, the oldest first."""
    if not earlier:
        return report
    from synthgen.auditing.report import write_json
    from synthgen.auditing.trends.compare import find_trends
    from synthgen.auditing.trends.earlier import read_record

    now = read_record(report.source, write_json(report))  # in the same form as the others
    return replace(report, trends=find_trends(earlier, now))
