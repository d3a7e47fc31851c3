"""Every kind of page as it is drawn: on a phone and on a desk, light and dark, and on paper."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

import synthgen
from synthgen.auditing.deviations import Deviation
from synthgen.auditing.report import PictureCell, ReportPicture, write_html
from synthgen.auditing.report.shelves import shelves
from synthgen.auditing.report.trending import trending
from synthgen.auditing.trends.findings import CountCourse
from synthgen.ledger.columns import LedgerRow
from synthgen.pages.audit_labels import LabelSample, write_labelling
from synthgen.pages.page import isolated, short, write_page
from synthgen.pages.pilot_labels import PilotSample
from synthgen.pages.pilot_labels import write_labelling as write_pilot
from synthgen.pages.sheet import write_sheet
from synthgen.stats.estimates import Estimate
from tests.auditing.portraits import as_folder, table
from tests.auditing.report.test_trends import EVEN, SKEWED, record, report, trends
from tests.browsed import faults, shown
from tests.dataset.shards import ledger_row, portrait

LONG = "Donaudampfschifffahrtsgesellschaftskapitän " * 3
NAMES = ("doctor", "مهندس البرمجيات", "מהנדסת תוכנה", "软件工程师" * 12, "👩‍🔬 scientist", "<b>bold</b> & x", LONG)
KINDS = ("empty", "trends", "folder", "sheet", "many", "preview", "labels", "pilot")


def sheet_rows() -> list[LedgerRow]:
    kept: dict[str, Any] = {"image": {"path": "x.png"}}
    picture: dict[str, Any] = {"thumbnail": portrait(1, "JPEG")}
    rows = [ledger_row(at, name, prompt=f"{name}, {LONG}", **picture) for at, name in enumerate(NAMES)]
    rows += [ledger_row(20, "doctor", "rejected", "label", **kept), ledger_row(21, "doctor", "failed", "not_finite")]
    return [*rows, ledger_row(22, "doctor", "surplus", **kept, **picture)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "labels").mkdir()
    found = {kind: folder / f"{kind}.html" for kind in KINDS}
    now = report(SKEWED)
    as_folder(folder / "set", table()[:12])
    texts = {
        "empty": write_html(report({})),
        "trends": write_html(replace(now, trends=trends(now, record(report(EVEN))))),
    }
    for kind, text in texts.items():
        write_page(found[kind], text)
    found["folder"] = synthgen.audit(folder / "set").write(folder / "audit")[1]
    quotas = dict.fromkeys(NAMES, 2)
    write_sheet(sheet_rows(), found["sheet"], title="صور", quotas=quotas, reviewable=True)
    many = [ledger_row(at, f"class number {at % 60}") for at in range(90)]
    write_sheet(many, found["many"], title="many", quotas={f"class number {at}": 2 for at in range(60)})
    write_sheet(sheet_rows(), found["preview"], title=LONG, quotas=dict.fromkeys(NAMES))
    samples = [LabelSample(f"{name}/1.jpg", name, 1.0, portrait(1, "JPEG")) for name in NAMES]
    write_labelling(samples, {LONG: NAMES, "skin": ("light", "dark")}, folder / "labels", LONG)
    found["labels"] = folder / "labels" / "to-label.html"
    pilot = [PilotSample(at + 2, name, name, portrait(1, "JPEG")) for at, name in enumerate(NAMES)]
    write_pilot(pilot, dict.fromkeys(NAMES, LONG), found["pilot"], "pilot", "labels.csv")
    return found


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Tab:
    return browser.new_page()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_fault_at_any_width_in_any_light_nor_on_paper(
    tab: Tab, pages: dict[str, Path], kind: str
) -> None:
    assert faults(tab, pages[kind]) == {}


@pytest.mark.parametrize("kind", ["trends", "folder"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_first_screen_says_whether_the_set_is_skewed_and_whether_to_trust_it(
    tab: Tab, pages: dict[str, Path], kind: str, width: int
) -> None:
    shown(tab, pages[kind], width)
    box = tab.locator(".lead").last.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800


def test_the_sheet_is_reviewed_by_keyboard_and_shows_the_focus(
    tab: Tab, pages: dict[str, Path], tmp_path: Path
) -> None:
    shown(tab, pages["sheet"], 1280)
    tab.get_by_role("combobox").focus()
    seen = "getComputedStyle(document.activeElement).outlineStyle"
    for _ in range(20):
        tab.keyboard.press("Tab")
        assert tab.evaluate(seen) != "none"
        if tab.evaluate("document.activeElement.type") == "checkbox":
            break
    tab.keyboard.press("Space")
    assert tab.locator(".counts").inner_text() == "1 to exclude, 0 to include"
    for _ in range(20):
        tab.keyboard.press("Shift+Tab")
        if tab.evaluate("document.activeElement.className") == "save":
            break
    with tab.expect_download() as download:
        tab.keyboard.press("Enter")
    download.value.save_as(tmp_path / "review.csv")
    with (tmp_path / "review.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["decision"] for row in csv.DictReader(file)] == ["exclude"]


def test_numbers_after_a_name_from_the_right_stay_after_it(tab: Tab) -> None:
    text = "builder: מהנדסת תוכנה: فاتح 60% (95% interval 54 to 66%)"
    tab.set_content(f"<p style='white-space: nowrap'>{isolated(text)}</p>")
    places = tab.evaluate(
        """() => [...document.querySelectorAll('bdi')].map(each => each.getBoundingClientRect()).map(box => box.left)
        .concat((() => { const node = document.querySelector('p').lastChild, range = document.createRange();
            range.selectNodeContents(node); return range.getBoundingClientRect().left; })())"""
    )
    assert len(places) == 3
    assert places == sorted(places)
    assert isolated("<b>") == "&lt;b&gt;"


def test_a_line_never_ends_between_a_number_and_its_percent_sign() -> None:
    assert short("about  7.0\N{NO-BREAK SPACE}%,\n so ") == "about 7.0\N{NO-BREAK SPACE}%, so"


def test_a_list_without_its_files_has_no_shelves_of_empty_frames() -> None:
    for image, many in ((portrait(1, "JPEG"), 1), (None, 0)):
        pictures = {PictureCell("skin", "chef", "dark"): (ReportPicture("1.png", "", image),)}
        assert len(shelves(replace(report(EVEN), pictures=pictures))) == many


def test_an_exact_share_has_no_interval_and_a_count_that_was_not_taken_has_not_changed() -> None:
    exact, sampled = Estimate(0.16, 0.16, 0.16), Estimate(0.16, 0.1, 0.26)
    assert str(Deviation("light", exact, 1 / 3)) == "light 16% instead of 33%"
    assert str(Deviation("light", sampled, 1 / 3)) == "light 16% (95% interval 10 to 26%) instead of 33%"
    now = report(SKEWED)
    counts = tuple(CountCourse("blank", values) for values in ((0, None, None), (0, 1, None), (2, 2, 2)))
    found = trending(replace(trends(now, record(report(EVEN))), counts=counts))
    assert found is not None
    assert [values for _, values in found.counts] == [("0", "1", "–")]
