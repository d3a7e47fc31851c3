"""What is asked of a dataset, added to its report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthgen.auditing.input.audited_set import RecordedRun
    from synthgen.auditing.report import AuditReport


def with_questions(report: AuditReport, run: RecordedRun | None) -> AuditReport:
    """Add what is asked of a dataset, answered as far as the report and the run know."""
    from synthgen.auditing.questions.article_10 import article_10
    from synthgen.auditing.questions.datasheet import datasheet
    from synthgen.auditing.questions.facts import facts_of
    from synthgen.auditing.questions.findings import NOTICE, Questions

    facts = facts_of(report, run)
    return replace(report, questions=Questions(NOTICE, article_10(facts), datasheet(facts)))
