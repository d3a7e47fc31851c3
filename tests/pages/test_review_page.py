"""The review on the contact sheet, clicked in a browser: what is saved is what the command takes."""

import csv
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

import synthgen
from synthgen.pages.review_file import read_review_file
from synthgen.pages.sheet import write_sheet
from tests.dataset.shards import ledger_row
from tests.page import Page
from tests.pages.test_sheet import EVIL
from tests.running.noise import make_run, noise_plan
from tests.test_review import rows

KEPT = {"image": {"path": "x.png"}}


def opened(browser: Browser, path: Path) -> tuple[Tab, list[str]]:
    """The page, and all that it said or asked for besides itself."""
    tab, noise = browser.new_page(viewport={"width": 400, "height": 800}), list[str]()
    tab.on("console", lambda message: noise.append(message.text))
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("dialog", lambda dialog: noise.append(dialog.message))
    tab.on("request", lambda one: noise.append(one.url) if not one.url.startswith(("data:", "blob:")) else None)
    tab.goto(path.as_uri())
    noise.remove(path.as_uri())
    return tab, noise


def saved(tab: Tab, folder: Path) -> Path:
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save review.csv").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_open_tick_save_and_one_command(browser: Browser, tmp_path: Path) -> None:
    keeping = ("output.surplus=keep", "output.splits={train: 1}")
    make_run(tmp_path / "run", noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", *keeping))
    synthgen.finalize(tmp_path / "run")
    before = set(rows(tmp_path / "run"))
    tab, noise = opened(browser, tmp_path / "run/report.html")
    assert tab.get_by_role("button", name="Save review.csv").is_disabled()
    assert not tab.locator("figure", has_text="rejected").locator("[type=checkbox]").count(), "their pixels are gone"
    out = tab.locator("figure", has_text="accepted").nth(1)
    out.locator("label").click()
    taken = tab.locator("figure", has_text="surplus").first
    taken.locator("img").click()
    assert tab.locator(".counts").inner_text() == "1 to exclude, 1 to include"
    ids = [figure.locator(".id").inner_text() for figure in (out, taken)]
    path = saved(tab, tmp_path)
    assert "synthgen exclude RUN --file review.csv" in tab.locator(".next").inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    assert noise == []

    done = synthgen.exclude(tmp_path / "run", file=path, reviewer="ana").decided
    assert (done.excluded, done.included) == ((ids[0],), (ids[1],))
    assert set(rows(tmp_path / "run")) == before - {ids[0]} | {ids[1]}
    tab, noise = opened(browser, tmp_path / "run/report.html")
    assert "excluded by ana" in tab.locator("figure", has_text=ids[0]).inner_text()
    back = tab.locator("figure", has_text=ids[0]).locator("[type=checkbox]")
    assert (back.get_attribute("data-decision"), noise) == ("include", [])


def test_the_filter_shows_what_fits_and_hidden_ticks_are_saved(browser: Browser, tmp_path: Path) -> None:
    sheet = [ledger_row(i, "chef", prompt=f"a chef, take {i} of 9") for i in range(4)]
    sheet += [ledger_row(4, "=cmd,1", "rejected", "label", **KEPT), ledger_row(5, "chef", "rejected", "blank")]
    quotas = {"chef": 4, "=cmd,1": 1}
    write_sheet(sheet, tmp_path / "s.html", title="x", quotas=quotas, reviewable=True)
    tab, noise = opened(browser, tmp_path / "s.html")
    seen = tab.locator("figure:visible")
    assert seen.count() == 6
    tab.get_by_label("include").check()
    tab.get_by_role("searchbox").fill("TAKE 2")
    assert (seen.count(), tab.locator("section:visible").count()) == (1, 1)
    tab.get_by_label("exclude").and_(tab.locator(":visible")).check()
    tab.get_by_role("searchbox").fill("nothing like it")
    assert (seen.count(), tab.get_by_text("No picture on this page fits").is_visible()) == (0, True)
    tab.get_by_role("searchbox").fill("")
    tab.get_by_role("combobox").select_option("not accepted")
    assert seen.count() == 2
    path = saved(tab, tmp_path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(newline="", encoding="utf-8-sig") as file:
        found = list(csv.DictReader(file))
    assert [(row["id"], row["decision"], row["class"]) for row in found] == [
        ("00000-000002", "exclude", "chef"),
        ("00000-000004", "include", "'=cmd,1"),
    ]
    assert [(row.id, row.is_in) for row in read_review_file(path, is_in=False)] == [
        ("00000-000002", False),
        ("00000-000004", True),
    ]
    tab.get_by_role("combobox").select_option("ticked")
    assert seen.count() == 2
    tab.get_by_role("button", name="Clear").click()
    assert (seen.count(), noise) == (0, [])


def test_the_policy_allows_the_one_script_by_its_hash_and_no_other(browser: Browser, tmp_path: Path) -> None:
    sheet = [ledger_row(0, EVIL, prompt=EVIL), ledger_row(1, EVIL, "rejected", EVIL, message=EVIL, **KEPT)]
    write_sheet(sheet, tmp_path / "s.html", title=EVIL, quotas={EVIL: 1}, reviewable=True)
    text = (tmp_path / "s.html").read_text("utf-8")
    (body,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(sha256(body.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert not re.search(r"https?:|url\(|@import|eval\(|innerHTML", text)
    assert not [name for _, attributes in Page(text).tags for name in attributes if name.startswith("on")]
    foreign = text.replace("</body>", "<script>document.title = 'run'</script></body>")
    (tmp_path / "foreign.html").write_text(foreign, "utf-8")
    tab, noise = opened(browser, tmp_path / "foreign.html")
    assert tab.title() != "run"
    assert any("Content Security Policy" in each for each in noise)
    assert tab.locator("#review").is_visible()
