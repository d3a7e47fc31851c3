"""The contact sheet of all pictures: nothing is left out, ticks go from page to page, and pages are renewed."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, expect
from playwright.sync_api import Page as Tab

import synthgen
from synthgen.errors import StorageError, UsageError
from synthgen.pages import whole
from synthgen.store import open_store
from tests.command import call, result
from tests.pages.test_review_page import saved
from tests.running.noise import make_run, noise_plan
from tests.running.tables import ledger_of
from tests.test_review import rows

PLAN = noise_plan(
    "classes={doctor: 12, chef: 9}", "output.shard_size=8", "output.surplus=keep", "output.splits={train: 1}"
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    make_run(run, PLAN)
    synthgen.finalize(run)
    synthgen.sheet(run, per_page=5)
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def pages(run: Path) -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted((run / "sheet").glob("*-*.html"))}


def ids_on(text: str) -> list[str]:
    return [part.partition("<")[0] for part in text.split('<p class="id">')[1:]]


def made(run: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (run / "sheet").glob("*.html")}


def test_every_picture_is_on_one_page_of_bounded_size(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(finished, PLAN)
    for verdict in ("accepted", "surplus", "rejected"):
        shown = [ids_on(text) for page, text in pages(finished).items() if page.startswith(verdict)]
        assert all(0 < len(each) <= 5 for each in shown)
        wanted = sorted((row["class"] != "doctor", row["id"]) for row in ledger if row["verdict"] == verdict)
        assert [name for each in shown for name in each] == [name for _, name in wanted]
    before = pages(finished)
    monkeypatch.setattr(whole, "_HELD", 1)  # all waits on the disk
    shutil.rmtree(finished / "sheet")
    assert synthgen.sheet(finished, per_page=5).written == len(before)
    assert pages(finished) == before
    assert [path.name for path in finished.glob(".*")] == []


@pytest.fixture
def private(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 400, "height": 800}) as context:
        yield context


def noticed(context: BrowserContext, path: Path) -> tuple[Tab, list[str]]:
    tab, noise = context.new_page(), list[str]()

    def answer(dialog: Dialog) -> None:
        noise.append(dialog.message)
        dialog.accept()

    tab.on("console", lambda message: noise.append(message.text))
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("dialog", answer)
    tab.on(
        "request", lambda one: noise.append(one.url) if not one.url.startswith(("data:", "blob:", "file:")) else None
    )
    tab.goto(path.as_uri())
    return tab, noise


@pytest.mark.parametrize("storage", [True, False])
def test_ticks_of_several_pages_are_saved_by_one_button(private: BrowserContext, run: Path, storage: bool) -> None:
    if not storage:
        private.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('none') }})")
    before = set(rows(run))
    tab, noise = noticed(private, run / "sheet/index.html")
    assert tab.get_by_role("button", name="Save review.csv").is_disabled()
    tab.locator("table a").first.click()
    out = [tab.locator("figure").nth(1)]
    out[0].locator("label").click()
    ids = [tab.locator("figure .id").nth(1).inner_text()]
    tab.get_by_role("link", name="accepted 2 →").first.click()
    assert tab.locator(".counts").inner_text() == "1 to exclude, 0 to include"
    tab.locator("figure img").first.click()
    ids.append(tab.locator("figure .id").first.inner_text())
    tab.reload()
    assert tab.locator("figure [type=checkbox]").first.is_checked()
    tab.get_by_role("link", name="All pages").first.click()
    assert tab.locator(".numbers a[data-to=accepted-0001][data-ticks='1']").count() == 1
    tab.get_by_label("surplus 1").click()
    tab.get_by_label("include").first.check()
    taken = tab.locator("figure .id").first.inner_text()
    assert tab.locator(".counts").inner_text() == "2 to exclude, 1 to include"
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    path = saved(tab, run.parent)
    with path.open(newline="", encoding="utf-8-sig") as file:
        found = [(row["id"], row["decision"], row["page"]) for row in csv.DictReader(file)]
    assert sorted(found) == sorted(
        [(ids[0], "exclude", "accepted-0001"), (ids[1], "exclude", "accepted-0002"), (taken, "include", "surplus-0001")]
    )
    assert noise == [""], "the browser asks before it reloads a page whose ticks are not saved, and that is all"

    stamps = made(run)
    done = synthgen.exclude(run, file=path, reviewer="ana").decided
    assert (sorted(done.excluded), done.included) == (sorted(ids), (taken,))
    assert set(rows(run)) == before - set(ids) | {taken}
    changed = {name for name, stamp in made(run).items() if stamps[name] != stamp}
    assert changed == {"accepted-0001.html", "accepted-0002.html", "surplus-0001.html", "index.html"}
    assert ids_on(pages(run)["accepted-0001"])[1] == ids[0], "it stays where it was"
    assert "excluded by ana" in pages(run)["accepted-0001"]
    assert synthgen.verify(run) == []
    tab.get_by_role("button", name="Clear all pages").click()
    assert noise[1:] == ["Clear the ticks of all pages?"]
    assert tab.locator(".counts").inner_text() == "0 to exclude, 0 to include"


def test_a_going_back_and_a_second_tab_lose_no_tick(private: BrowserContext, run: Path) -> None:
    tab, _ = noticed(private, run / "sheet/accepted-0001.html")
    tab.locator("figure label").first.click()
    tab.get_by_role("link", name="accepted 2 →").first.click()
    tab.locator("figure label").first.click()
    other, _ = noticed(private, run / "sheet/rejected-0001.html")
    # One tab hears of another's ticks a little later.
    expect(other.locator(".counts")).to_have_text("2 to exclude, 0 to include")
    tab.go_back()
    expect(tab.locator(".counts")).to_have_text("2 to exclude, 0 to include")
    tab.locator("figure label").last.click()
    expect(other.locator(".counts")).to_have_text("3 to exclude, 0 to include")
    tab.locator("figure label").last.click()
    other.goto(
        f"{(run / 'sheet/accepted-0003.html').as_uri()}#x~accepted-0001.1.e9-9~%3Cb%3E.zz.e1-1~saved.zzz~a-1.zz.q"
    )
    # Older words and others' texts count for nothing.
    expect(other.locator(".counts")).to_have_text("2 to exclude, 0 to include")


def test_pages_are_verified_mended_and_renewed_and_what_lies_beside_them_stays(run: Path) -> None:
    (run / "sheet/review.csv").write_text("id\n", "utf-8")
    page, record = run / "sheet/accepted-0002.html", run / "sheet/synthgen.json"
    before, intact = pages(run), record.read_bytes()
    page.write_bytes(page.read_bytes().replace(b"</html>", b"</body>", 1))
    (run / "sheet/index.html").unlink()
    assert {found.place for found in synthgen.verify(run)} == {"sheet/accepted-0002.html", "sheet/index.html"}
    assert "discarded pages of the contact sheet" in call("repair", run, folder=run).stdout
    synthgen.finalize(run)
    assert (pages(run), synthgen.verify(run), record.read_bytes()) == (before, [], intact)
    record.write_bytes(intact.replace(b'"per_page": 5', b'"per_page": 6'))
    assert [found.place for found in synthgen.verify(run)] == ["sheet/synthgen.json"]
    synthgen.repair(run)
    assert (pages(run), synthgen.verify(run)) == ({}, [])
    assert synthgen.sheet(run, per_page=5).written == len(before)
    assert (pages(run), (run / "sheet/review.csv").exists()) == (before, True)
    record.unlink()
    assert [found.place for found in synthgen.verify(run)] == ["sheet/synthgen.json"]
    assert synthgen.remove(run).kept == ()


def test_what_cannot_be_shown_is_counted_and_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    plan = noise_plan("classes={doctor: 5}", "output.rejects.keep=scores")
    make_run(tmp_path / "run", plan)
    counts = synthgen.status(tmp_path / "run")[1].counts
    done = result(call("sheet", "run", "--per-page", "3", "--json", folder=tmp_path).stdout)
    assert (done["pages"], done["pictures"], done["written"]) == (2, 5, 2)
    assert sum(done["hidden"].values()) == sum(counts.values()) - 5
    assert "were rejected, and output.rejects.keep: scores kept no thumbnails" in done["hidden"]
    with pytest.raises(UsageError, match="at most 1000"):
        synthgen.sheet(tmp_path / "run", per_page=1001)
    shutil.rmtree(tmp_path / "run/sheet")
    (tmp_path / "run/sheet").mkdir()
    (tmp_path / "run/sheet/mine.txt").write_text("x")
    with pytest.raises(StorageError, match="synthgen did not make it"):
        synthgen.sheet(tmp_path / "run")
    assert synthgen.finalize(tmp_path / "run").summary.rows == 5
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        synthgen.sheet(tmp_path / "empty")


def test_several_files_make_one_review_and_contradictions_are_refused(run: Path) -> None:
    first, second = sorted(rows(run))[:2]
    files = [run.parent / "a.csv", run.parent / "b.csv"]
    files[0].write_text(f"id,decision\n{first},exclude\n", "utf-8")
    files[1].write_text(f"id,decision\n{second},exclude\n{first},include\n", "utf-8")
    with pytest.raises(UsageError, match=r"b\.csv:3"):
        synthgen.exclude(run, file=files)
    assert len(rows(run)) == 21
    files[1].write_text(f"id,decision\n{second},exclude\n", "utf-8")
    assert result(call("exclude", run, "--file", files[0], "--file", files[1], "--json", folder=run).stdout)[
        "excluded"
    ] == [first, second]


def test_pages_that_were_not_finished_are_no_damage_and_are_finished_next_time(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, out = pages(run), sorted(rows(run))[0]

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(whole, "write_index", stop)
        with pytest.raises(KeyboardInterrupt):
            synthgen.exclude(run, [out], reviewer="ana")
    assert synthgen.verify(run) == []
    assert synthgen.finalize(run).summary.rows == 20
    changed = [page for page, text in pages(run).items() if before[page] != text]
    assert (len(changed), synthgen.verify(run)) == (1, [])
    assert [path.name for path in run.rglob(".*")] == []


@pytest.mark.slow
def test_a_bucket_has_the_pages_too(s3: Callable[[str], str]) -> None:
    address = f"{s3('good')}/run"
    make_run(address, noise_plan("classes={doctor: 3}"))
    synthgen.finalize(address)
    done = synthgen.sheet(address, per_page=2)
    names = open_store(address).names("sheet")
    assert (done.pages + 2, "sheet/index.html" in names) == (len(names), True)
    image = next(iter(ids_on(open_store(address).read("sheet/accepted-0001.html").decode())))
    synthgen.exclude(address, [image], reviewer="ana")
    assert "excluded by ana" in open_store(address).read("sheet/accepted-0001.html").decode()
    assert (synthgen.verify(address), synthgen.sheet(address).written) == ([], 0)
    assert synthgen.remove(address).kept == ()
