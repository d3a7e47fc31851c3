"""`audit.json`: the findings for machines, with stable names."""

import json
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from synthgen.auditing.compare import Comparison
from synthgen.auditing.domain import Domain
from synthgen.auditing.embeddings import Diversity, Leakage
from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.inspection.findings import Inspection
from synthgen.auditing.questions.findings import Questions
from synthgen.auditing.report.many_shares import shortened
from synthgen.auditing.report.report import AuditProvenance, AuditReport, JudgeCheck, JudgeInfo, NotMeasured
from synthgen.auditing.report.trust import AuditTrust, trust_of
from synthgen.auditing.trends.findings import Trends
from synthgen.auditing.undeclared.findings import Undeclared

FORMAT: Final = 1
"""Incremented when a name is removed or changes its meaning. New names may be added at any time."""


@dataclass(frozen=True, slots=True)
class AuditDocument:
    """The content of `audit.json`.

    No number in it is NaN or infinite. What could not be measured is null, with the reason beside it.

    Attributes:
        outcome: of all gates; null without gates.
        trust: what the figures rest on; null if no attribute was measured. See also `domain`.
        predictions: the column of a downstream model's predictions; null without one.
        trust_judge: whether gates accepted the judge's word where nothing checks it: see `unchecked` of their checks.
    """

    format: Literal[1]
    title: str
    set_name: str
    source: str
    outcome: GateOutcome | None
    trust: AuditTrust | None
    judge: JudgeInfo | None
    second_judge: JudgeInfo | None
    same_judge: bool
    trust_judge: bool
    judge_check: JudgeCheck | None
    domain: Domain | None
    findings: Findings
    diversity: Diversity | None
    leakage: Leakage | None
    undeclared: Undeclared | None
    predictions: str | None
    inspection: Inspection | None
    compared_with: str | None
    comparison: Comparison | None
    trends: Trends | None
    not_measured: tuple[NotMeasured, ...]
    questions: Questions | None
    provenance: AuditProvenance


def document(report: AuditReport) -> AuditDocument:
    """Return the report without its pictures; of very many shares in classes, those that tell most."""
    return AuditDocument(
        format=FORMAT,
        title=report.title,
        set_name=report.set_name,
        source=report.source,
        outcome=report.findings.outcome,
        trust=trust_of(report.findings),
        judge=report.judge,
        second_judge=report.second_judge,
        same_judge=report.same_judge,
        trust_judge=report.findings.trust_judge,
        judge_check=report.judge_check,
        domain=report.domain,
        findings=shortened(report.findings),
        diversity=report.diversity,
        leakage=report.leakage,
        undeclared=report.undeclared,
        predictions=report.predictions,
        inspection=report.inspection,
        compared_with=report.compared_with,
        comparison=report.comparison,
        trends=report.trends,
        not_measured=report.not_measured,
        questions=report.questions,
        provenance=report.provenance,
    )


def write_json(report: AuditReport) -> bytes:
    """Write `audit.json` in UTF-8. A lone surrogate in a label, which UTF-8 cannot encode, becomes '?'.

    Raises:
        ValueError: a number is NaN or infinite, which is a bug in synthgen.
    """
    text = json.dumps(document(report), default=_members, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "replace")


def _members(part: object) -> dict[str, object]:
    """Return the fields of a dataclass. `asdict` would copy all that is in them, which takes long for many classes."""
    return {each.name: getattr(part, each.name) for each in fields(part)}  # type: ignore[arg-type]


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema of `audit.json`, draft 2020-12."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(AuditDocument).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "synthgen audit"}
