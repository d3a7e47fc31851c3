"""Asked points with their answers: plain values with stable names, ready for JSON."""

from dataclasses import dataclass

from synthgen.records import AskedPoint

NOTICE = (
    "This is no claim of compliance, and no legal advice. It lists what is asked, in short and in other words than the "
    "sources, with what this audit knows. What is open is for people to answer."
)


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """Points that belong together."""

    name: str
    points: tuple[AskedPoint, ...]


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of a dataset.

    Attributes:
        notice: that nothing here is a claim of compliance.
        article_10: the points (a) to (h) of Article 10(2) of Regulation (EU) 2024/1689, the AI Act.
        datasheet: the questions of "Datasheets for Datasets" (Gebru and others 2021), by group.
    """

    notice: str
    article_10: tuple[AskedPoint, ...]
    datasheet: tuple[QuestionGroup, ...]
