"""What is asked of a dataset: answered where the audit knows, and never called compliant."""

from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.questions.sheet import NEXT_SHEET, SHEET, sheet
from tests.page import Page

NOTICE = "This is no claim of compliance, and no legal advice."


@pytest.fixture(scope="module")
def found() -> synthgen.Audit:
    frame = pd.DataFrame({"label": ["chef", "nurse"] * 20, "tone": ["light"] * 30 + ["dark"] * 10})
    return synthgen.audit(frame, known={"tone": "tone"}, targets={"tone": "uniform"}, gates=["tone: tv <= 0.1"])


def test_every_point_is_asked_and_is_answered_or_open(found: synthgen.Audit) -> None:
    questions = found.to_dict()["questions"]
    assert [point["key"] for point in questions["article_10"]] == [f"10(2)({letter})" for letter in "abcdefgh"]
    groups = [group["name"] for group in questions["datasheet"]]
    assert groups == ["motivation", "composition", "collection", "preparation", "uses", "distribution", "maintenance"]
    points = [*questions["article_10"], *(point for group in questions["datasheet"] for point in group["points"])]
    assert all(point["known"] or point["open"] for point in points)
    keys = [point["key"] for point in points]
    assert len(set(keys)) == len(keys)


def test_the_answers_are_the_figures_of_the_audit(found: synthgen.Audit) -> None:
    points = {point.key: " ".join(point.known) for point in found.report.questions.article_10}  # type: ignore[union-attr]
    assert "40 images in 2 classes." in points["10(2)(e)"]
    shares = points["10(2)(f)"].replace("\N{NO-BREAK SPACE}", " ")
    assert "dark 25.0 % (14.2\N{EN DASH}40.2)" in shares
    assert "1 limit checked: 1 insufficient data." in points["10(2)(g)"]
    assert "tone is measured against uniform." in points["10(2)(d)"]
    assert "Not measured: diversity and leakage" in points["10(2)(h)"]


def test_no_file_claims_compliance(found: synthgen.Audit, tmp_path: Path) -> None:
    document, page = found.write(tmp_path)
    for text in (
        document.read_text("utf-8"),
        Page(page.read_text("utf-8")).text,
        (tmp_path / SHEET).read_text("utf-8"),
    ):
        assert NOTICE in text
        assert "complian" not in text.replace("no claim of compliance", "")


def test_every_link_of_the_page_leads_somewhere(found: synthgen.Audit, tmp_path: Path) -> None:
    page = Page(found.write(tmp_path)[1].read_text("utf-8"))
    targets = {given["id"] for _, given in page.tags if given.get("id")}
    links = {given["href"] for tag, given in page.tags if tag == "a" and given.get("href")}
    assert "#attribute-0" in links
    assert {link.removeprefix("#") for link in links if link and link.startswith("#")} <= targets


def test_a_datasheet_that_somebody_filled_in_is_kept(found: synthgen.Audit, tmp_path: Path) -> None:
    sheet_file, next_file = tmp_path / SHEET, tmp_path / NEXT_SHEET
    found.write(tmp_path)
    first = sheet_file.read_text("utf-8")
    sheet_file.write_bytes(first.replace("\n", "\r\n").encode())
    found.write(tmp_path)
    assert (sheet_file.read_text("utf-8"), next_file.exists()) == (first, False)

    filled = first.replace("The purpose: ask who owns the dataset.", "To test classifiers of portraits.")
    assert filled != first
    sheet_file.write_text(filled, "utf-8")
    found.write(tmp_path)
    assert (sheet_file.read_text("utf-8"), next_file.read_text("utf-8")) == (filled, first)
    next_file.write_text("mine", "utf-8")
    found.write(tmp_path)
    assert (sheet_file.read_text("utf-8"), next_file.read_text("utf-8")) == (filled, "mine")


def test_names_from_a_set_are_texts_in_the_datasheet() -> None:
    evil = "<script>alert(1)</script> [x](http://y) `z` \u202e# h"
    frame = pd.DataFrame({"label": [evil, "b"] * 4, "tone": ["light", "dark"] * 4})
    report = synthgen.audit(frame, known={"tone": "tone"}).report
    assert report.questions is not None
    text = sheet(f"a\n# {evil}", report.questions)
    assert "<script" not in text
    assert "[x](" not in text
    assert "\u202e" not in text
    assert sum(line.startswith("# ") for line in text.splitlines()) == 1
