"""`issues.csv`: every issue of every image."""

import csv
from collections.abc import Iterable
from io import StringIO

from synthgen.auditing.inspection.findings import IssueRow


def write_issues(rows: Iterable[IssueRow]) -> str:
    """Write a row for each issue of an image: its id, class and split, the issue, its score, and the repeated image."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "class", "split", "issue", "score", "twin"])
    for row in rows:
        score = "" if row.score is None else f"{row.score:.6g}"
        writer.writerow([row.id, row.class_name or "", row.split or "", row.kind.value, score, row.twin or ""])
    return text.getvalue().encode("utf-8", "replace").decode()
