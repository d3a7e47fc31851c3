"""What the images themselves show, on a terminal."""

from collections.abc import Callable, Iterator

from rich.table import Table
from rich.text import Text

from synthgen.auditing.report.inspected import ISSUES, found_in_words
from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.words import percents
from synthgen.pages.page import short

_CLASSES = 12


def inspection_tables(report: AuditReport, make: Callable[..., Table]) -> Iterator[Table | Text]:
    """Render the issues of images, and the images of each class if nothing else tells them.

    Args:
        make: makes an empty table of a title, columns and a caption.
    """
    if report.inspection is not None:
        yield _issues(report, make)
    if not report.findings.attributes and report.judge is None:
        yield _classes(report, make)


def _issues(report: AuditReport, make: Callable[..., Table]) -> Table | Text:
    found = report.inspection
    assert found is not None, "asked only of a report with an inspection"
    aside = [f"{ISSUES[each.kind][0]}: {found_in_words(each)}" for each in found.issues if each.reason]
    aside += [f"{leak.near:,} of {short(leak.second, 20)} are in {short(leak.first, 20)}" for leak in found.leaks]
    caption = "\n".join((*aside, "issues.csv lists every image with an issue"))
    if not any(issue.images for issue in found.issues):
        return Text("\n".join(aside))
    table = make("the images themselves", "issue", ">images", ">share", "for example", caption=caption)
    for issue in (each for each in found.issues if each.images):
        row = (ISSUES[issue.kind][0], f"{issue.images:,}", percents(issue.share), short(issue.examples[0], 30))
        table.add_row(*map(Text, row))
    return table


def _classes(report: AuditReport, make: Callable[..., Table]) -> Table:
    """Render the largest classes."""
    ordered = sorted(report.findings.classes.items(), key=lambda each: (-each[1], each[0]))
    rest = ordered[_CLASSES:]
    caption = f"{len(rest):,} more classes, the smallest of {rest[-1][1]:,} images" if rest else ""
    table = make("classes", "class", ">images", caption=caption)
    for name, many in ordered[:_CLASSES]:
        table.add_row(Text(short(name, 40)), f"{many:,}")
    return table
