"""`issues.csv`: every issue of every image."""

import csv
from collections.abc import Iterable
from io import StringIO

from synthgen.auditing.inspection.findings import IssueRow
from synthgen.pages.cells import inert_cell


def write_issues(rows: Iterable[IssueRow]) -> str:
    """Write a row for each issue of an image: its id, class and split, the issue, its score, and the repeated image.

    Names that a spreadsheet would run as formulas have an apostrophe before them.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "class", "split", "issue", "score", "twin"])
    for row in rows:
        score = "" if row.score is None else f"{row.score:.6g}"
        names = [inert_cell(each or "") for each in (row.id, row.class_name, row.split, row.twin)]
        writer.writerow([*names[:3], row.kind.value, score, names[3]])
    return text.getvalue().encode("utf-8", "replace").decode()
