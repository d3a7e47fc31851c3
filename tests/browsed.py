"""What is wrong with a page as a browser draws it."""

from pathlib import Path

from playwright.sync_api import Page

_FAULTS = Path(__file__).with_suffix(".js").read_text("utf-8")
_PAPER = 670
"""Pixels: A4 within the page's margins, at 96 dots an inch."""


def shown(tab: Page, path: Path, width: int, *, scheme: str = "light", media: str = "screen") -> None:
    """Open a page, with everything that folds unfolded; on paper, it must unfold by itself."""
    tab.set_viewport_size({"width": width, "height": 800})
    tab.emulate_media(media=media, color_scheme=scheme)  # type: ignore[arg-type]
    tab.goto(path.as_uri())
    if media == "screen":
        tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def faults(tab: Page, path: Path) -> dict[str, list[str]]:
    """List what is wrong: text that is cut, covered, outside or too faint, a page that scrolls sideways, pictures
    without a text, headings that skip a level, links that lead nowhere, and on paper what does not belong there.

    Returns:
        Faults by where they are seen; empty if there are none.
    """
    found = {}
    shown(tab, path, 1280)
    found["1280, light"] = tab.evaluate(_FAULTS)
    tab.emulate_media(color_scheme="dark")
    found["1280, dark"] = tab.evaluate(_FAULTS)
    tab.set_viewport_size({"width": 400, "height": 800})
    found["400, dark"] = tab.evaluate(_FAULTS)
    shown(tab, path, _PAPER, scheme="dark", media="print")
    found["paper"] = tab.evaluate(_FAULTS)
    return {where: told for where, told in found.items() if told}
