"""Pictures of each cell, so that readers can check the judge for themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.auditing.report.report import AuditReport, PictureCell, ReportPicture
from synthgen.pages.page import data_uri

PER_REPORT, PER_CELL = 1200, 8
"""At most this many pictures: at 3 kB each, some 5 MB."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture ready for the page; `uri` is None if a browser cannot show it."""

    id: str
    caption: str
    uri: str | None


@dataclass(frozen=True, slots=True)
class Shelf:
    class_name: str
    answers: tuple[tuple[str, tuple[Shown, ...]], ...]


@dataclass(frozen=True, slots=True)
class Shelves:
    """The pictures of one attribute, by class and answer."""

    name: str
    classes: tuple[Shelf, ...]


def shelves(report: AuditReport) -> tuple[Shelves, ...]:
    """Prepare the pictures of every attribute; none if no picture can be shown, as of a list without its files."""
    if not any(data_uri(picture.image) for cell in report.pictures.values() for picture in cell):
        return ()
    each = max(1, min(PER_CELL, PER_REPORT // max(len(report.pictures), 1)))
    names = [attribute.name for attribute in report.findings.attributes]
    found = (Shelves(name, tuple(_classes(report, name, each))) for name in names)
    return tuple(shelf for shelf in found if shelf.classes)


def _classes(report: AuditReport, name: str, each: int) -> Iterator[Shelf]:
    attribute = next(found for found in report.findings.attributes if found.name == name)
    for kind in report.findings.classes:
        cells = [
            (answer, report.pictures.get(PictureCell(name, kind, answer), ()))
            for answer in (*attribute.values, "not applicable", "unknown")
        ]
        answers = tuple((answer, tuple(map(shown, pictures[:each]))) for answer, pictures in cells if pictures)
        if answers:
            yield Shelf(kind, answers)


def shown(picture: ReportPicture) -> Shown:
    return Shown(picture.id, picture.caption, data_uri(picture.image))
