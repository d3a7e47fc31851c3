"""The audit's report: `audit.json` for machines, tables for terminals, `report.html` for people."""

from synthgen.audit.report.document import FORMAT, AuditDocument, audit_schema, write_json
from synthgen.audit.report.html import write_fragment, write_html
from synthgen.audit.report.report import AuditReport, Cell, Judge, NotMeasured, Picture, Provenance
from synthgen.audit.report.terminal import render_tables

__all__ = [
    "FORMAT",
    "AuditDocument",
    "AuditReport",
    "Cell",
    "Judge",
    "NotMeasured",
    "Picture",
    "Provenance",
    "audit_schema",
    "render_tables",
    "write_fragment",
    "write_html",
    "write_json",
]
