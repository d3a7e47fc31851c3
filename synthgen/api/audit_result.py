"""What an audit found, and how it is shown and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.auditing.places import GROUPS, ISSUES, JSON, REPORT, SHARES
from synthgen.files import expanded, write_file

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from synthgen.auditing.findings import Findings
    from synthgen.auditing.gates import GateOutcome
    from synthgen.auditing.report import AuditReport


@dataclass(frozen=True, slots=True, repr=False)
class Audit:
    """What an audit found.

    Example:
        >>> people = pandas.DataFrame({"label": ["chef", "nurse"] * 20, "tone": ["light"] * 30 + ["dark"] * 10})
        >>> shares = synthgen.audit(people, known={"tone": "tone"}).tables["shares"].set_index(["place", "value"])
        >>> shares.loc[("overall", "dark"), ["quoted", "quoted_low", "quoted_high"]].round(2).tolist()
        [0.25, 0.14, 0.4]
    """

    report: AuditReport

    @property
    def findings(self) -> Findings:
        return self.report.findings

    @property
    def outcome(self) -> GateOutcome | None:
        """The outcome of all gates together; None without gates."""
        return self.findings.outcome

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats on the set, on each attribute overall, on its images, and on figures estimated from a sample."""
        found, likeness = self.findings, (self.report.diversity, self.report.leakage)
        of_attributes = (
            f"{attribute.name}: {caveat}" for attribute in found.attributes for caveat in attribute.scopes[0].caveats
        )
        of_images = self.report.inspection.caveats if self.report.inspection else ()
        return (
            *found.caveats,
            *of_attributes,
            *of_images,
            *(caveat for each in likeness if each for caveat in each.caveats),
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name, such as 'shares', 'distances' and 'gates'; with a second set, also 'comparison'."""
        from synthgen.auditing.tables import comparison_table, tables

        comparison = self.report.comparison
        more = {"comparison": comparison_table(comparison)} if comparison is not None else {}
        return tables(self.findings) | more

    def to_dict(self) -> dict[str, Any]:
        """Return the content of audit.json."""
        from synthgen.auditing.report import write_json

        found: dict[str, Any] = json.loads(write_json(self.report))
        return found

    def rendered(self, said: Callable[[str], str] = str) -> list[Text | Table]:
        """Render the audit as tables for a terminal.

        Args:
            said: how sentences name arguments, which are in backticks; by default as they are named here.
        """
        from synthgen.auditing.report import render_tables

        return render_tables(self.report, said)

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write audit.json, report.html, groups.parquet, datasheet.md and, if the images were inspected, issues.csv.

        If audit.json leaves shares in classes out, because they are very many, shares.parquet has all of them. Each is
        written whole or not at all. A datasheet that somebody changed is kept, and datasheet.new.md written.
        An earlier report there is replaced.

        Raises:
            UsageError: a file there with one of these names is of no audit.
            StorageError: the folder cannot be written.
        """
        from synthgen.auditing.groups.export import write_export
        from synthgen.auditing.inspection.listing import write_issues
        from synthgen.auditing.questions.sheet import write_sheet
        from synthgen.auditing.report import shares_left_out, write_html, write_json, write_shares
        from synthgen.auditing.taken import check_replaceable, remove_old
        from synthgen.pages.page import write_page

        check_replaceable(expanded(folder))
        document, page = expanded(folder) / JSON, expanded(folder) / REPORT
        write_page(document, write_json(self.report).decode())
        write_page(page, write_html(self.report))
        if self.report.table is not None:
            write_file(document.parent / GROUPS, write_export(self.report.table))
        else:
            remove_old(document.parent / GROUPS)
        if shares_left_out(self.findings):
            write_file(document.parent / SHARES, write_shares(self.findings))
        else:
            remove_old(document.parent / SHARES)
        if self.report.inspection is not None:
            write_page(document.with_name(ISSUES), write_issues(self.report.issue_rows))
        else:
            remove_old(document.parent / ISSUES)
        if self.report.questions is not None:
            write_sheet(document.parent, self.report.set_name, self.report.questions)
        return document, page

    def __repr__(self) -> str:
        gates = f"gates: {self.outcome.value}" if self.outcome is not None else "no gates"
        return f"<Audit of {self.report.set_name}: {self.findings.images:,} images, {gates}>"

    def _repr_html_(self) -> str:
        """Show the verdict and the shares in a notebook."""
        from synthgen.auditing.report import write_fragment

        return write_fragment(self.report)
