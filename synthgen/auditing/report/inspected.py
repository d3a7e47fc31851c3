"""What was found by looking at the images without a model, in words and pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synthgen.auditing.inspection.findings import Extent, Inspection, Issue, IssueKind, Twins
from synthgen.auditing.report.report import AuditReport, ReportPicture
from synthgen.auditing.report.shelves import Shown, shown
from synthgen.auditing.report.words import capitalized, counted, percent, percents
from synthgen.pages.page import short

_ISSUES, _TWINS, _GROUPS, _CLASSES, _NAMED = 8, 4, 12, 40, 4
ISSUES: Mapping[IssueKind, tuple[str, str]] = {
    IssueKind.LEAK: ("leaks between splits", "also in another split"),
    IssueKind.CONFLICT: ("conflicting classes", "with two classes for the same pixels"),
    IssueKind.EXACT: ("exact duplicates", "with an exact duplicate"),
    IssueKind.NEAR: ("near-duplicates", "with a near-duplicate"),
    IssueKind.BLANK: ("blank", "blank"),
    IssueKind.DARK: ("dark", "dark"),
    IssueKind.BRIGHT: ("bright", "bright"),
    IssueKind.PLAIN: ("low information", "with little information"),
    IssueKind.BLURRY: ("blurry", "blurry"),
    IssueKind.GREY: ("greyscale among colour", "without colour"),
    IssueKind.COLOUR: ("colour among greyscale", "with colour"),
    IssueKind.SIZE: ("odd size", "of an odd size"),
    IssueKind.ASPECT: ("odd aspect ratio", "of an odd shape"),
    IssueKind.UNLIKE: ("unlike its class", "unlike their class"),
}
"""By issue: its name, and what is said of the images that have it."""


@dataclass(frozen=True, slots=True)
class ShownIssue:
    """An issue ready for the page.

    Attributes:
        found: how many images have it, with their share; or why it was not looked for.
        classes: the classes with most of them.
    """

    name: str
    rule: str
    images: int
    found: str
    classes: str
    pictures: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ShownTwins:
    """A group of repeated images ready for the page."""

    caption: str
    pictures: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Inspected:
    """The section of the page.

    Attributes:
        splits: the names of the splits; empty if there are none.
        counts: by class, its images in each split, or in the set.
        extents: of width, height and so on: name, least, quartiles, most.
    """

    issues: tuple[ShownIssue, ...]
    twins: tuple[ShownTwins, ...]
    splits: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    more_classes: int
    extents: tuple[tuple[str, tuple[str, ...]], ...]
    stored: tuple[tuple[str, str], ...]


def inspected(report: AuditReport) -> Inspected | None:
    """Prepare the section of the page; None if the images were not inspected."""
    found = report.inspection
    if found is None:
        return None
    columns = tuple(found.splits) or ("",)
    counts = [(name, tuple(each.get(column, 0) for column in columns)) for name, each in found.counts.items()]
    return Inspected(
        issues=tuple(_issue(each, report.issue_pictures) for each in found.issues if each.images or not each.reason),
        twins=tuple(_twins(each, report.issue_pictures) for each in found.twins[:_GROUPS]),
        splits=tuple(found.splits),
        counts=tuple(counts[:_CLASSES]),
        more_classes=len(counts[_CLASSES:]),
        extents=tuple(_extents(found)),
        stored=tuple(_stored(found)),
    )


def summary(found: Inspection) -> str:
    """Say in a sentence what is wrong with the images."""
    there = [issue for issue in found.issues if issue.images]
    if not found.images:
        return "No image could be opened."
    if not there:
        return f"No issue was found in {counted(found.images, 'image')}."
    named = [f"{issue.images:,} {ISSUES[issue.kind][1]} ({percent(issue.images / found.images)})" for issue in there]
    more = f", and {len(named) - _NAMED} more kinds of issue" if len(named) > _NAMED + 1 else ""
    shown = named[:_NAMED] if more else named
    return f"Of {counted(found.images, 'image')}: {', '.join(shown)}{more}."


def found_in_words(issue: Issue) -> str:
    """Say how many images have an issue, or why it was not looked for."""
    if issue.reason:
        return f"not looked for: {issue.reason}"
    return percents(issue.share)


def _issue(issue: Issue, pictures: Mapping[str, ReportPicture]) -> ShownIssue:
    classes = [f"{short(name, 40)} {many:,}" for name, many in list(issue.classes.items())[:_NAMED]]
    more = len(issue.classes) - len(classes)
    examples = (pictures[name] for name in issue.examples[:_ISSUES] if name in pictures)
    return ShownIssue(
        capitalized(ISSUES[issue.kind][0]),
        issue.rule,
        issue.images,
        found_in_words(issue),
        ", ".join(classes) + (f", {more} more" if more > 0 else ""),
        tuple(map(shown, examples)),
    )


def _twins(group: Twins, pictures: Mapping[str, ReportPicture]) -> ShownTwins:
    kind = "with the same pixels" if group.exact else "nearly the same"
    parts = [f"{group.images:,} {kind}"]
    for what, names in (("classes", group.classes), ("splits", group.splits)):
        different = list(dict.fromkeys(name for name in names if name is not None))
        if len(different) > 1:
            parts.append(f"{what} {', '.join(short(name, 30) for name in different)}")
    examples = (pictures[name] for name in group.examples[:_TWINS] if name in pictures)
    return ShownTwins("; ".join(parts), tuple(map(shown, examples)))


def _extents(found: Inspection) -> Iterator[tuple[str, tuple[str, ...]]]:
    rows: tuple[tuple[str, Extent | None, str], ...] = (
        ("width", found.stored.width, ",.0f"),
        ("height", found.stored.height, ",.0f"),
        ("width / height", found.stored.aspect_ratio, ".2f"),
        ("bytes", found.stored.bytes, ",.0f"),
    )
    for name, extent, form in rows:
        if extent is not None:
            values = extent.least, extent.lower_quartile, extent.median, extent.upper_quartile, extent.most
            yield name, tuple(format(value, form) for value in values)


def _stored(found: Inspection) -> Iterator[tuple[str, str]]:
    sizes = [f"{size} ({many:,})" for size, many in found.stored.sizes.items()]
    if found.stored.other_sizes:
        sizes.append(f"{counted(found.stored.other_sizes, 'more size')}")
    for name, several in (("sizes", sizes), *((name, _listed(each)) for name, each in _kinds(found))):
        if several:
            yield name, ", ".join(several)


def _kinds(found: Inspection) -> tuple[tuple[str, Mapping[str, int]], ...]:
    return ("formats", found.stored.formats), ("modes", found.stored.modes)


def _listed(counts: Mapping[str, int]) -> list[str]:
    return [f"{short(name, 20)} ({many:,})" for name, many in counts.items()]
