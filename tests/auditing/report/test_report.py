"""The report says what was found, to machines and to people, and nothing that it is told to show can act."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from synthgen import Audit
from synthgen.auditing.embeddings import measure_diversity, measure_leakage
from synthgen.auditing.report import (
    FORMAT,
    AuditDocument,
    AuditReport,
    audit_schema,
    render_tables,
    write_fragment,
    write_html,
    write_json,
)
from synthgen.auditing.report.chart import Line, chart
from synthgen.stats.distance import uniform
from synthgen.stats.estimates import Estimate
from tests.auditing.report.demo import plain
from tests.auditing.report.hostile import ATTACKS
from tests.page import Page
from tests.sets.sets import of_counts

SKIN = {"skin": ("light", "medium", "dark")}
FEW = {"chef": {"light": 6, "dark": 2, "unknown": 2}, "doctor": {"light": 9, "medium": 1}}
EVEN = {"skin": uniform(SKIN["skin"])}


def small(**given: object) -> AuditReport:
    return plain(of_counts(FEW), SKIN, **given)


def printed(report: AuditReport, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(*render_tables(report), sep="")
    return capture.get()


EMPTY = plain(of_counts({}), SKIN)
UNKNOWN = plain(of_counts({"chef": {"unknown": 5}}), SKIN, references=EVEN, gates=["skin: tv <= 0.1"])
ONE = plain(of_counts({"chef": {"light": 1}}), SKIN, references=EVEN)
STRANGE = {"empty": EMPTY, "all unknown": UNKNOWN, "one image": ONE, "no reference": small()}


@pytest.mark.parametrize("report", STRANGE.values(), ids=STRANGE)
def test_what_shows_nothing_is_still_a_report(report: AuditReport) -> None:
    Draft202012Validator(audit_schema()).validate(json.loads(write_json(report)))
    assert "NaN" not in write_json(report).decode()
    page = Page(write_html(report))
    assert "Pass" not in page.text
    assert "nan" not in page.words
    assert printed(report)


def test_json_is_what_its_schema_says(full: AuditReport) -> None:
    schema = audit_schema()
    Draft202012Validator.check_schema(schema)
    found = json.loads(write_json(full))
    Draft202012Validator(schema).validate(found)
    assert list(found) == list(schema["properties"]) == [field.name for field in fields(AuditDocument)]
    assert (found["format"], found["outcome"], found["same_judge"]) == (1, "fail", True)
    assert found["findings"]["attributes"][0]["scopes"][0]["shares"][2]["value"] == "dark"
    del found["findings"]["attributes"][0]["scopes"][0]["shares"][2]["value"]
    assert not Draft202012Validator(schema).is_valid(found)


def test_no_name_of_the_format_is_lost() -> None:
    """What is in this file, pipelines may read. Whoever takes a name away counts up FORMAT and begins a new file."""
    names = Path(__file__).with_name(f"names-{FORMAT}.txt").read_text("utf-8").split()
    schema = audit_schema()
    there = {f"{kind}.{name}" for kind, found in schema["$defs"].items() for name in found.get("properties", ())}
    there |= set(schema["properties"])
    assert set(names) <= there, f"lost: {sorted(set(names) - there)}"
    assert there <= set(names), f"new, to be added to the file: {sorted(there - set(names))}"


def test_a_number_that_is_none_is_never_written() -> None:
    report = small()
    broken = replace(report.findings, confidence=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(replace(report, findings=broken))


def test_the_verdict_comes_first_and_gives_its_reasons(full_page: str) -> None:
    text = Page(full_page).text
    told = "1 of 4 gates failed; not enough data to decide 2; 1 passed. For gates that depend on the unchecked judge"
    order = ("✕ Fail", told, "✕ fail", "overall: tv <= 0.08", "? class doctor", "✓ pass")
    places = [text.index(words) for words in (*order, "Images 384")]
    assert places == sorted(places)
    assert "at most 0.08 is allowed" in text
    assert "crosses the limit 0.2" in text
    assert "The judge is also the filter." in text


def test_without_a_reference_there_is_no_verdict() -> None:
    text = Page(write_html(small())).text
    assert "No verdict No target was given" in text
    assert "fall in this range" not in text
    assert "Skin , distance : no target was given" in text


def test_without_attributes_the_verdict_says_what_is_missing() -> None:
    report = small()
    assert "No attribute was measured" not in printed(report)
    bare = replace(report, findings=replace(report.findings, attributes=()))
    assert "No attribute was measured, because none was given." in " ".join(printed(bare).split())


def test_too_few_images_are_neither_pass_nor_fail() -> None:
    report = small(references=EVEN, gates=["skin: tv <= 0.3"])
    assert "? Insufficient data" in Page(write_html(report)).text
    assert "? insufficient data" in printed(report)


def test_every_section_has_its_figures(full: AuditReport, full_page: str) -> None:
    page = Page(full_page)
    headings = [
        f"{name} "
        for name in ("Skin tone", "Class and attribute", "Compared with the real set", "Effect of the filters")
    ]
    for heading in (
        *headings,
        "Two judges",
        "Two sets",
        "Diversity",
        "Compared with the reference’s images",
        "Pictures",
        "How to read this",
        "What was not measured",
    ):
        assert heading in page.text
    assert page.text.count("never identity") == 1
    assert "Cohen’s κ" in page.text
    assert "fewer than 10 images" in page.text
    share = full.findings.attributes[0].scopes[0].shares[2].labels
    assert share is not None
    assert f"{100 * share.value:.1f} % ({100 * share.low:.1f}–{100 * share.high:.1f})" in page.text.replace("\xa0", " ")


def test_a_report_is_the_same_bytes_each_time(full: AuditReport, full_page: str) -> None:
    assert full_page == write_html(full)
    assert not re.search(r"<metadata|dc:date|matplotlib", full_page)


def test_figures_share_a_page_without_sharing_ids(full_page: str) -> None:
    page = Page(full_page)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 20
    referred = {(attributes.get("href") or "")[1:] for tag, attributes in page.tags if tag in ("use", "a")}
    referred |= set(re.findall(r"url\(#([^)]+)\)", full_page))
    assert referred - {""} <= set(ids)


def test_a_figure_tells_its_numbers_to_who_cannot_see_it() -> None:
    line = Line("doctor", Estimate(0.25, 0.2, 0.31), target=0.33)
    root = ElementTree.fromstring(chart("one", "share of dark", [line, Line("nurse", None)]))
    title, desc = root[0], root[1]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert (title.text, desc.text) == ("share of dark", "doctor: 25%, 20% to 31%, target 33%; nurse: none.")


@pytest.mark.parametrize("attack", [*ATTACKS, "half a \ud800 character"], ids=lambda attack: ascii(attack[:24]))
def test_hostile_names_are_inert_in_a_figure(attack: str) -> None:
    svg = chart("k", attack, [Line(attack, Estimate(0.5, 0.4, 0.6))])
    page = Page(f"<body>{svg}<p>after</p></body>")
    assert {tag for tag, _ in page.tags} <= {
        "body",
        "svg",
        "title",
        "desc",
        "defs",
        "clippath",
        "rect",
        "g",
        "path",
        "use",
        "text",
        "p",
    }
    assert len(svg) < 20_000
    assert page.words[-1] == "after"
    ElementTree.fromstring(svg)


def test_hostile_names_are_inert_in_the_page(evil: AuditReport, evil_page: str) -> None:
    for text in (evil_page, write_fragment(evil)):
        page = Page(text)
        assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & {tag for tag, _ in page.tags}
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert {(attributes["src"] or "")[:16] for tag, attributes in page.tags if tag == "img"} <= {"data:image/jpeg;"}
        assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text)
        assert "W" * 500 not in text
        assert "alert(1)" in page.text


def test_nothing_is_fetched(full_page: str) -> None:
    assert "default-src 'none'; img-src data:" in full_page
    assert not re.search(r"@import|url\((?!#)", full_page)
    assert set(re.findall(r"https?://[^\"<\s]+", full_page)) == {"http://www.w3.org/2000/svg"}


def test_hostile_names_are_inert_on_a_terminal(evil: AuditReport) -> None:
    text = printed(evil)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert "[bold" in text


def test_the_terminal_shows_every_value_with_its_interval(full: AuditReport) -> None:
    text = printed(full).replace("\xa0", " ")
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"overall +light +\d+ +\d+\.\d % \(\d+\.\d–\d+\.\d\) +33\.3 %", text)
    assert re.search(r"unknown +\d+ +\d+\.\d % of all", text)
    assert re.search(r"skin tone +overall +0\.\d\d \(0\.\d\d–0\.\d\d\) +≤ 0\.\d\d", text)


def test_a_class_with_too_few_labels_says_that_it_is_not_corrected() -> None:
    frame = of_counts({"chef": {"light": 40, "dark": 40}, "doctor": {"light": 30, "dark": 50}})
    labels = frame[frame["label"] == "chef"].sample(60, random_state=0)[["id", "skin"]]
    page = Page(write_html(plain(frame, SKIN, labels=labels)))
    assert "Quote the figure corrected by labels" in page.text
    assert "Exceptions: for doctor quote the figure as measured, widened." in page.text
    text = printed(plain(frame, SKIN, labels=labels))
    assert "skin, corrected by labels" in text
    assert re.search(r"doctor +light .*\n *as measured, widened +medium", text)


def test_many_classes_stay_a_page() -> None:
    frame = pd.DataFrame({"label": [f"class {index:03}" for index in range(120) for _ in range(3)]})
    frame["skin"] = (["light", "medium", "dark"] * 120)[: len(frame)]
    report = plain(frame.assign(id=[str(row) for row in range(len(frame))]), SKIN)
    page = write_html(report)
    assert len(page) < 1_000_000
    assert "96 more classes in audit.json" in Page(page).text
    assert len(json.loads(write_json(report))["findings"]["attributes"][0]["scopes"]) == 121


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_a_sample_gave_says_so_where_it_stands(full: AuditReport, share: float) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 24))
    rows[: round(400 * share)] = np.repeat(rows[: round(200 * share)], 2, axis=0)
    ids = [f"i{row}" for row in range(400)]
    order = np.random.default_rng(1).permutation(400)
    diversity = measure_diversity(ids, ["a"] * 400, rows[order], most_compared=200)
    leakage = measure_leakage(ids, ["a"] * 400, rows[order], ids[:50], ["a"] * 50, rows[:50], most_compared=120)
    report = replace(full, diversity=diversity, leakage=leakage, duplicates={}, reference_duplicates={})
    text = Page(write_html(report)).text
    mine = "estimated from 50 images drawn at random, each compared with all 400"
    theirs = "estimated from 120 images drawn at random of 400"
    assert f"share of images with a near-duplicate in their class; {mine}" in text
    assert f"share of images that nearly repeat one of the reference; {theirs}" in text
    assert f"median cosine; 1: identical; {theirs}" in text
    told = "found by an index, so there may be more" if share else "None was found by an index"
    assert f"{told} ({mine})" in text
    assert f"among {diversity.scopes[0].compared} images" in text
    assert [note for note in Audit(report).notes if "estimated from" in note] == [*diversity.caveats, *leakage.caveats]
    Draft202012Validator(audit_schema()).validate(json.loads(write_json(report)))


def test_a_notebook_shows_the_verdict_and_the_shares(full: AuditReport) -> None:
    page = Page(write_fragment(full))
    assert page.tags[0] == ("div", {"class": "synthgen-audit"})
    assert "✕ Fail: Portraits of workers" in page.text
    assert page.text.count("share (95 %)") == 3


def test_arguments_in_notes_are_set_as_code(full: AuditReport) -> None:
    note = "name the folder of <the> images with `images_from`"
    noted = replace(full, findings=replace(full.findings, caveats=(note,)))
    assert "<p>Name the folder of &lt;the&gt; images with <code>images_from</code>.</p>" in write_html(noted)
    assert json.loads(write_json(noted))["findings"]["caveats"] == [note]


def test_groups_and_a_models_errors_stand_in_the_page_and_on_the_terminal(full: AuditReport, full_page: str) -> None:
    page, text = Page(full_page).text, printed(full).replace("\xa0", " ")
    for shown in ("Worst slices", "Combinations: skin tone × hair length", "Association within strata"):
        assert shown in page
    assert "column predicted differ from its classes" in page
    assert "outside the classes count as errors: astronaut." in page
    assert "as you chose" in page
    assert re.search(r"slices? searched", page)
    assert "worst slices" in text
    assert "model's errors, by skin tone" in text
    assert re.search(r"which nothing\s+checks", text)
