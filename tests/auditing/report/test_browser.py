"""The report in a real browser, on a phone and on a desk: silent, alone, and no wider than the screen."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from synthgen.auditing.report import AuditReport, write_fragment, write_html
from synthgen.pages.page import write_page
from tests.auditing.report.demo import plain
from tests.browsed import faults
from tests.sets.sets import of_counts

PHONE, DESK = 390, 1280


def written(text: str, folder: Path) -> Path:
    write_page(folder / "report.html", text)
    return folder / "report.html"


@pytest.fixture(scope="module")
def pages(
    full_page: str, evil: AuditReport, evil_page: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    fragment = f"<!DOCTYPE html><meta charset=utf-8><body>{write_fragment(evil)}</body>"
    empty = write_html(plain(of_counts({}), {"skin": ("light", "dark")}))
    texts = {"tame": full_page, "hostile": evil_page, "empty": empty, "notebook": fragment}
    return {name: written(text, tmp_path_factory.mktemp(name)) for name, text in texts.items()}


def opened(browser: Browser, path: Path, width: int) -> tuple[Page, list[str]]:
    """The page, and all that it said or asked for besides itself."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: noise.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: noise.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(path.as_uri())
    noise.remove(path.as_uri())
    for summary in page.locator("summary").all():
        summary.click()
    return page, noise


_TOO_WIDE = """() => [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('.over') && !e.closest('svg')
        && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map(e => e.outerHTML.slice(0, 200))"""
"""Elements that reach beyond the screen, but for wide tables, which scroll in a frame of their own."""
_TEXT_OUTSIDE = """() => [...document.querySelectorAll('svg text')].filter(t => {
    const text = t.getBoundingClientRect(), figure = t.closest('figure').getBoundingClientRect();
    return text.left < figure.left - 8 || text.right > figure.right + 8;
}).map(t => t.textContent)"""


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", ["tame", "hostile", "empty", "notebook"])
def test_a_report_is_silent_alone_and_no_wider_than_the_screen(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    page, noise = opened(browser, pages[name], width)
    assert noise == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(_TOO_WIDE) == []
    assert page.evaluate(_TEXT_OUTSIDE) == []
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    page.close()


@pytest.mark.parametrize("name", ["tame", "hostile"])
def test_everything_that_a_report_may_hold_is_drawn_without_a_fault(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    page = browser.new_page()
    assert faults(page, pages[name]) == {}
    page.close()


@pytest.mark.parametrize("name", ["tame", "hostile"])
def test_the_verdict_is_seen_without_scrolling_on_a_phone(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page, _ = opened(browser, pages[name], PHONE)
    box = page.locator(".verdict").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800
    page.close()


def test_what_folds_is_printed(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["tame"].as_uri())
    card = page.locator(".card").first
    assert not card.is_visible()
    page.emulate_media(media="print")
    box = card.bounding_box()
    assert box is not None
    assert box["height"] > 50
    page.close()
