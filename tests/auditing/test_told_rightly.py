"""What a figure rests on, its p-value and its interval, as they are told."""

import numpy as np
import pytest
from rich.console import Console

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.judge_errors import disagreement
from synthgen.auditing.p_values import p_text
from synthgen.auditing.percentages import may_be_percentages
from synthgen.auditing.report import render_tables, write_html
from tests.auditing.hair import EVEN, FRAME, HAIR, audited, labels
from tests.auditing.report.demo import plain

NAMES = ("short", "long")
NBSP = "\N{NO-BREAK SPACE}"
ELSEWHERE = Confusion(NAMES, NAMES, ((120, 30), (10, 140)))
GATE = "hair overall: share of long >= 0.5"


def printed(*gates: str, **given: object) -> str:
    report = plain(FRAME, HAIR, references=EVEN, gates=gates, **given)
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(*render_tables(report), sep="")
    return capture.get()


@pytest.mark.parametrize("gate", [GATE, "hair overall: tv <= 0.1", "hair between classes: difference <= 0.1"])
def test_a_figure_that_a_refused_matrix_made_is_not_called_the_judges_word(gate: str) -> None:
    found = audited(confusions={"hair": ELSEWHERE}, gates=[gate]).gates[0]
    assert "(on the confusion matrix alone: " in found.reason
    assert "the judge's word" not in found.reason
    assert {check.word for check in found.checks} == {"on the confusion matrix alone"}
    bare = audited(gates=[gate]).gates[0]
    assert "(on the judge's word alone: " in bare.reason


def test_the_headline_of_a_trusted_matrix_names_it() -> None:
    shown = " ".join(printed(GATE, confusions={"hair": ELSEWHERE}, trust_judge=True).split())
    assert "on the confusion matrix alone" in shown
    assert "word alone" not in shown
    trusted = audited(confusions={"hair": ELSEWHERE}, gates=[GATE], trust_judge=True)
    assert trusted.rests_on == ("the confusion matrix alone",)
    few = audited(labels=labels({"chef": 4, "nurse": 4, "farmer": 4}), gates=[GATE]).gates[0]
    assert "(on too few labels alone: " in few.reason or "(on the judge's word, give or take" in few.reason
    report = plain(FRAME, HAIR, references=EVEN, gates=[GATE], confusions={"hair": ELSEWHERE}, trust_judge=True)
    assert "on the judge&#39;s word alone" not in write_html(report)


def test_no_p_value_is_told_as_zero() -> None:
    assert [p_text(value) for value in (0.0, 0.00025, 0.001, 0.0123, 0.42)] == [
        "p < 0.001", "p < 0.001", "p = 0.001", "p = 0.012", "p = 0.42",
    ]  # fmt: skip
    told = disagreement(50.0, np.arange(4000) / 4000)
    assert told is not None
    assert told.endswith("(p < 0.001)")


@pytest.mark.parametrize(
    ("counts", "noted"),
    [
        (((90, 10), (21, 79)), True),
        (((90, 9), (21, 80)), True),
        (((90, 10), (21, 29)), False),
        (((900, 100), (210, 790)), False),
    ],
)
def test_rows_of_about_a_hundred_may_be_percentages(counts: tuple[tuple[int, ...], ...], noted: bool) -> None:
    matrix = Confusion(NAMES, NAMES, counts)
    by_class = Confusion(NAMES, NAMES, ((180, 20), (42, 158)), (("chef", matrix), ("nurse", matrix)))
    assert bool(list(may_be_percentages({"hair": matrix}))) == noted
    assert bool(list(may_be_percentages({"hair": by_class}))) == noted
    told = [each for each in audited(confusions={"hair": matrix}).caveats if "if these are percentages" in each]
    assert len(told) == noted


def test_the_interval_of_a_slice_stays_in_one_line_at_80_columns() -> None:
    lines = printed(known=["hair"]).split("worst slices", 1)[1].splitlines()
    assert any(f"15.0{NBSP}% (11.4–19.5)" in line for line in lines)
    assert any("share (95 %)" in line and "reference" in line and "(Holm)" in line for line in lines)
    assert max(map(len, lines)) <= 80
