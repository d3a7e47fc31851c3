"""Classes stand in one order everywhere, and a chart shows the intervals that hold together."""

from pathlib import Path

import synthgen
from synthgen.auditing.report import write_html
from synthgen.auditing.report.composition import composition
from tests.auditing.audits import JUDGE
from tests.auditing.portraits import as_csv, table
from tests.auditing.report.demo import plain
from tests.page import Page
from tests.sets.sets import of_counts

SPEC = """synthgen: 1
name: people
model: {id: "bundled:workers"}
classes: {doctor: 3, chef: 3}
prompts: {templates: ["a {class}"]}
attributes:
  skin: {values: {light: [light skin], medium: [medium skin], dark: [dark skin]}}
"""


def test_every_section_has_the_classes_in_the_order_that_was_given(tmp_path: Path) -> None:
    place = as_csv(tmp_path / "set", table())
    (tmp_path / "spec.yaml").write_text(SPEC)
    found = synthgen.audit(
        place,
        spec=tmp_path / "spec.yaml",
        known={"skin": "skin"},
        judges=[JUDGE],
        inspect=True,
        cache=tmp_path / "cache",
        device="cpu",
    )
    order = ["doctor", "chef"]
    report = found.report
    assert report.inspection is not None
    assert report.diversity is not None
    assert list(report.findings.classes) == order
    assert list(report.inspection.counts) == order
    assert [scope.class_name for scope in report.diversity.scopes] == [None, *order]
    assert [scope.class_name for scope in report.findings.attributes[0].scopes] == [None, *order]


def test_a_chart_shows_intervals_that_hold_together_around_the_others() -> None:
    counts = {kind: {"light": 30, "medium": 20, "dark": 10} for kind in ("chef", "doctor")}
    report = plain(of_counts(counts), {"skin": ("light", "medium", "dark")})
    drawn = composition("a", report.findings.attributes[0])
    share = report.findings.attributes[0].scopes[0].shares[0]
    assert share.raw is not None
    assert share.simultaneous is not None
    assert share.simultaneous.low < share.raw.low < share.raw.high < share.simultaneous.high
    assert f"jointly {share.simultaneous.low:.0%} to {share.simultaneous.high:.0%}" in drawn.charts[0].svg
    assert "the interval when all are read together" in Page(write_html(report)).text
    exact = plain(of_counts(counts), {"skin": ("light", "medium", "dark")}, known=["skin"], about_set=True)
    assert "jointly" not in composition("a", exact.findings.attributes[0]).charts[0].svg
    assert "the interval when all are read together" not in Page(write_html(exact)).text
