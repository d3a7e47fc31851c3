"""A judge that is trusted unchecked: recorded, and said wherever the verdict stands."""

import json

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from synthgen.auditing.compare import compare
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.report import AuditReport, audit_schema, render_tables, write_fragment, write_html, write_json
from tests.auditing.hair import EVEN, FRAME, GATES, HAIR, TRUTH, audited, judged, labels
from tests.auditing.report.demo import plain
from tests.page import Page


def printed(report: AuditReport) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(*render_tables(report), sep="")
    return " ".join(capture.get().split())


def test_trust_is_recorded_and_shown() -> None:
    report = plain(FRAME, HAIR, references=EVEN, gates=GATES[:1], trust_judge=True)
    found = json.loads(write_json(report))
    Draft202012Validator(audit_schema()).validate(found)
    assert (found["outcome"], found["trust_judge"], found["findings"]["trust_judge"]) == ("pass", True, True)
    checks = found["findings"]["gates"][0]["checks"]
    assert {check["unchecked"] for check in checks} == {"this judge has not been checked on this set"}
    words = "on the judge's word alone: nobody has checked it on this set (`trust_judge`)"
    assert words in printed(report)
    assert "<code>trust_judge</code>" in write_html(report)
    assert "<code>trust_judge</code>" in write_fragment(report)
    for text in (printed(report), Page(write_html(report)).text, Page(write_fragment(report)).text):
        assert words.replace("(`trust_judge`)", "") in text
        assert "Pass, on the judge's word alone" in text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "no gate was declared"),
        ({"known": ["hair"], "gates": GATES[:1]}, "no attribute was judged"),
        ({"labels": labels(dict.fromkeys(TRUTH, 30)), "gates": GATES[:1]}, "no gate rests on the judge's word alone"),
        ({"gates": ["hair: unknown <= 0.1"]}, "no gate rests on the judge's word alone"),
    ],
)
def test_trust_that_changed_nothing_says_so(given: dict[str, object], reason: str) -> None:
    report = plain(FRAME, HAIR, references=EVEN, trust_judge=True, **given)
    assert report.findings.caveats == (*report.findings.caveats[:-1], f"trusting the judge changed nothing: {reason}")
    assert "word alone" not in printed(report)


def test_a_gate_that_fails_on_trust_says_so_too() -> None:
    report = plain(FRAME, HAIR, references=EVEN, gates=["hair: share of long <= 0.1"], trust_judge=True)
    assert "Fail, on the judge's word alone" in printed(report)


def test_two_sets_that_the_judge_measured_differ_on_its_word_alone() -> None:
    mine, theirs = audited(), measure(judged(seed=1), HAIR, AuditOptions(references=EVEN))
    assert all(
        "which nothing checks" in (each.caveat or "")
        for each in compare(mine, theirs).differences
        if each.what != "unknown"
    )
    known = [measure(frame, HAIR, AuditOptions(known=["hair"])) for frame in (FRAME, judged(seed=1))]
    assert {each.caveat for each in compare(*known).differences} == {None}
