"""The page of an evaluation, for people: `report.html`."""

from synthgen.evaluating.report.html import write_html
from synthgen.evaluating.report.report import (
    HARD_SHOWN,
    SYNTHETIC,
    TEST,
    EvaluationPictures,
    EvaluationReport,
)

__all__ = ["HARD_SHOWN", "SYNTHETIC", "TEST", "EvaluationPictures", "EvaluationReport", "write_html"]
