"""The audit's report: `audit.json` for machines, tables for terminals, `report.html` for people."""

from synthgen.auditing.report.document import FORMAT, AuditDocument, audit_schema, write_json
from synthgen.auditing.report.html import write_fragment, write_html
from synthgen.auditing.report.many_shares import shares_left_out, write_shares
from synthgen.auditing.report.report import (
    AskedQuestion,
    AuditProvenance,
    AuditReport,
    JudgeCheck,
    JudgeInfo,
    NotMeasured,
    PictureCell,
    ReportPicture,
)
from synthgen.auditing.report.terminal import render_tables
from synthgen.auditing.report.words import how_to_check

__all__ = [
    "FORMAT",
    "AskedQuestion",
    "AuditDocument",
    "AuditProvenance",
    "AuditReport",
    "JudgeCheck",
    "JudgeInfo",
    "NotMeasured",
    "PictureCell",
    "ReportPicture",
    "audit_schema",
    "how_to_check",
    "render_tables",
    "shares_left_out",
    "write_fragment",
    "write_html",
    "write_json",
    "write_shares",
]
