"""What nobody declared, for readers: each split with its pictures and the shares of the classes."""

from dataclasses import dataclass

from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.shelves import Shown, shown
from synthgen.auditing.report.words import counted, p_value, percents, spoken
from synthgen.auditing.undeclared.findings import Undeclared, UndeclaredShare, UndeclaredSplit
from synthgen.pages.page import short

_SPLITS, _CLASSES = 12, 24


@dataclass(frozen=True, slots=True)
class SplitView:
    """A split.

    Attributes:
        where: the images that were split, in words.
        part: of the image in which the sides differ, in words.
        rows: a class, its images, its share in words, and whether it is compared.
        hidden: classes that are not shown.
    """

    where: str
    part: str
    apart: str
    test: str
    first: tuple[Shown, ...]
    second: tuple[Shown, ...]
    rows: tuple[tuple[str, int, str, bool], ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class UndeclaredView:
    found: Undeclared
    splits: tuple[SplitView, ...]
    hidden: int


def undeclared(report: AuditReport) -> UndeclaredView | None:
    found = report.undeclared
    if found is None:
        return None
    return UndeclaredView(
        found, tuple(_view(report, each) for each in found.splits[:_SPLITS]), len(found.splits[_SPLITS:])
    )


def undeclared_line(report: AuditReport) -> str | None:
    """Write what nobody declared in a line; None if it was not asked for."""
    found = report.undeclared
    if found is None:
        return None
    if found.reason is not None:
        return f"What nobody declared was not searched: {found.reason}."
    if not found.splits:
        return f"What nobody declared: nothing beyond chance among {counted(found.tested, 'split')} of the images."
    told = "; ".join(_told(each) for each in found.splits[:3])
    more = f"; {len(found.splits) - 3} more" if len(found.splits) > 3 else ""
    many = counted(len(found.splits), "split")
    return f"Nobody declared {many} of the images in which classes differ (report.html shows them): {told}{more}."


def _told(split: UndeclaredSplit) -> str:
    low, high = _ends(split)
    return (
        f"{_where(split)}, from {low.share.value:.0%} of {short(low.class_name, 24)} "
        f"to {high.share.value:.0%} of {short(high.class_name, 24)}"
    )


def _ends(split: UndeclaredSplit) -> tuple[UndeclaredShare, UndeclaredShare]:
    compared = sorted((each for each in split.shares if each.compared), key=lambda each: each.share.value)
    return compared[0], compared[-1]


def _where(split: UndeclaredSplit) -> str:
    if split.attribute is None or split.value is None:
        return "all images"
    return f"{short(spoken(split.attribute), 24)} {short(split.value, 24)}"


def _part(split: UndeclaredSplit) -> str:
    if split.part is None:
        return "in the whole image"
    left, top, right, bottom = split.part
    across = ("left", "centre", "right")[min(2, int(1.5 * (left + right)))]
    down = ("top", "middle", "bottom")[min(2, int(1.5 * (top + bottom)))]
    if (across, down) == ("centre", "middle"):
        return "in a part at the centre of the image"
    return f"in a part at the {down} {across} of the image"


def _view(report: AuditReport, split: UndeclaredSplit) -> SplitView:
    there = report.undeclared_pictures
    order = sorted(split.shares, key=lambda each: (not each.compared, -each.share.value))
    return SplitView(
        _where(split),
        _part(split),
        f"{split.apart:.1f}",
        f"{p_value(split.p_value)}, corrected {p_value(split.adjusted)}",
        tuple(shown(there[name]) for name in split.first if name in there),
        tuple(shown(there[name]) for name in split.second if name in there),
        tuple((each.class_name, each.images, percents(each.share), each.compared) for each in order[:_CLASSES]),
        len(order[_CLASSES:]),
    )
