"""What is asked of a dataset, and how far that is answered."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AskedPoint:
    """One point that is asked.

    Attributes:
        key: such as '10(2)(a)' or 'composition: instances'.
        asked: in our own words.
        known: what is known, in sentences; empty if nothing is.
        open: what is not known, and who knows it; None if nothing is open.
        link: the part of an audit's page with the figures; None if there is none.
    """

    key: str
    asked: str
    known: tuple[str, ...]
    open: str | None
    link: str | None = None
