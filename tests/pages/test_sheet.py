"""The contact sheet: one file, nothing active in it, borderline first, honest about what it leaves out."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.errors import StorageError
from synthgen.ledger.composition import BalanceRequest
from synthgen.pages.sheet import ledger_rows, write_sheet
from synthgen.records import Cell, Reason, Rule
from tests.dataset.shards import ledger_row
from tests.page import Page

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def ids(page: Page) -> list[str]:
    return re.findall(r"\b\d{5}-\d{6}\b", page.text)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    rows = [
        ledger_row(0, EVIL),
        ledger_row(1, EVIL, "rejected", EVIL, message=EVIL, attribute_skin_tone=EVIL, prompt=EVIL),
    ]
    write_sheet(rows, tmp_path / "s.html", title=EVIL, quotas={EVIL: 1}, facts={EVIL: EVIL})
    page = Page((tmp_path / "s.html").read_text("utf-8"))
    assert not {"script", "iframe", "object", "link", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert {(attributes["src"] or "")[:16] for tag, attributes in page.tags if tag == "img"} == {"data:image/webp;"}
    assert "alert('x')" in page.text


def test_nothing_is_fetched(tmp_path: Path) -> None:
    write_sheet([ledger_row(0, "chef")], tmp_path / "s.html", title="x", quotas={"chef": None})
    text = (tmp_path / "s.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|url\(|@import", text)


def test_the_verdict_comes_first(tmp_path: Path) -> None:
    rows = [ledger_row(i, "chef") for i in range(3)]
    rows += [
        ledger_row(3, "chef", "rejected", "label"),
        ledger_row(4, "chef", "failed", message="not finite"),
    ]
    counted = write_sheet(rows, tmp_path / "s.html", title="workers", quotas={"chef": 4, "doctor": 2})
    page = Page((tmp_path / "s.html").read_text("utf-8"))
    assert "3 of 6 images accepted from 5 attempts ✕ 3 short" in page.text
    assert "1 label the judge does not see its class in it" in page.text
    assert "no image" in page.text
    assert "not finite" in page.text
    assert counted.missing == 3


def test_a_preview_has_no_quotas(tmp_path: Path) -> None:
    rows = [ledger_row(0, "chef"), ledger_row(1, "chef", "rejected", "label", thumbnail=None)]
    write_sheet(rows, tmp_path / "s.html", title="preview", quotas={"chef": None})
    page = Page((tmp_path / "s.html").read_text("utf-8"))
    assert "1 of 2 attempts accepted" in page.text
    assert "asked for" not in page.text
    assert "no thumbnail kept" in page.text


def test_borderline_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [ledger_row(i, "chef", score_label_posterior=0.5 + i / 100) for i in reversed(range(40))]
    rows += [ledger_row(100 + i, "chef", "rejected", "label", score_label_posterior=0.4 - i / 100) for i in range(30)]
    limits = {"chef": [Rule(Reason.LABEL, "label_posterior", floor=0.5)]}
    write_sheet(rows, tmp_path / "s.html", title="x", quotas={"chef": 40}, limits=limits, per_class=6)
    page = Page((tmp_path / "s.html").read_text("utf-8"))
    assert ids(page) == [f"00000-{i:06d}" for i in [*range(6), *range(100, 106)]]
    assert "34 more are not shown: these 6 are the closest" in page.text
    assert "24 more are not shown" in page.text
    assert "these 6 are the rejected ones closest to the filters’ limits, then failed and surplus ones" in page.text
    assert "0.400 < 0.5" in page.text


def test_a_score_that_is_not_a_number_has_no_margin(tmp_path: Path) -> None:
    rows = [
        ledger_row(0, "chef", "rejected", "clip", score_clip_score=float("nan")),
        ledger_row(1, "chef", "rejected", "clip", score_clip_score=0.19),
    ]
    limits = {"chef": [Rule(Reason.CLIP, "clip_score", floor=0.2)]}
    write_sheet(rows, tmp_path / "s.html", title="x", quotas={"chef": 1}, limits=limits)
    assert ids(Page((tmp_path / "s.html").read_text("utf-8"))) == ["00000-000001", "00000-000000"]


def test_the_sheet_of_very_many_classes_stays_small(tmp_path: Path) -> None:
    rows = (ledger_row(i % 50, f"class {i % 800}") for i in range(3200))
    write_sheet(rows, tmp_path / "s.html", title="x", quotas={f"class {i}": 4 for i in range(800)})
    assert (tmp_path / "s.html").stat().st_size < 8_000_000


def test_rows_come_from_committed_ledgers(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([ledger_row(0, "chef"), ledger_row(1, "chef")]), tmp_path / "l.parquet")
    assert [row["id"] for row in ledger_rows([tmp_path / "l.parquet"])] == ["00000-000000", "00000-000001"]


def test_a_sheet_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "s.html").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_sheet([], tmp_path / "s.html", title="x", quotas={})
    assert [path.name for path in tmp_path.iterdir()] == ["s.html"]


LIMITS = {
    "chef": [
        Rule(Reason.LABEL, "label_posterior", floor=0.5),
        Rule(Reason.UNSAFE, "unsafe_posterior", ceiling=0.4),
        Rule(Reason.ATTRIBUTE, "skin_tone_posterior", floor=0.99),
    ]
}
SKIN = {"skin_tone": ("light", "dark", "unknown")}


@pytest.mark.parametrize(
    ("reason", "more", "shown"),
    [
        ("attribute", {"attribute_skin_tone": "unknown"}, "skin tone posterior 0.700 < 0.99"),
        (
            "attribute",
            {"attribute_skin_tone": "unknown", "score_skin_tone_posterior": 0.98997},
            "skin tone posterior 0.98997 < 0.99",
        ),
        (
            "attribute",
            {"attribute_skin_tone": "unknown", "posteriors_skin_tone": {"light": 0.3, "dark": 0.7}},
            "likeliest: skin tone 'dark'",
        ),
        ("attribute", {"score_skin_tone_posterior": 1.0}, "no cell asks for skin tone 'dark'"),
        ("unsafe", {}, "unsafe posterior 0.800 > 0.4"),
        ("unsafe", {"score_unsafe_posterior": float("nan")}, "unsafe posterior none > 0.4"),
        ("duplicate", {"message": "repeats 00000-000001: 3 of 256 bits differ"}, "repeats 00000-000001: 3 of 256"),
    ],
)
def test_a_reject_shows_what_decided_and_no_other_limit(
    tmp_path: Path, reason: str, more: dict[str, object], shown: str
) -> None:
    scores = {"score_unsafe_posterior": 0.8, "score_skin_tone_posterior": 0.7}
    rows = [ledger_row(2, "chef", "rejected", reason, **{**scores, **more})]
    write_sheet(
        rows,
        tmp_path / "s.html",
        title="x",
        quotas={"chef": 1},
        limits=LIMITS,
        asked=BalanceRequest(SKIN, ("skin_tone",)),
    )
    text = Page((tmp_path / "s.html").read_text("utf-8")).text
    assert shown in text
    assert reason == "attribute" or "< 0.99" not in text
    assert reason == "unsafe" or "> 0.4" not in text


def test_a_class_shows_its_cells_and_what_nothing_balances(tmp_path: Path) -> None:
    cells = tuple(Cell(f"chef, skin_tone={tone}", "chef", 0, 2, (("skin_tone", tone),)) for tone in ("light", "dark"))
    asked = BalanceRequest({**SKIN, "hat": ("tall", "not applicable", "unknown")}, ("skin_tone",), cells)
    hats = ("tall", "unknown", "not applicable")
    rows = [ledger_row(i, "chef", attribute_hat=hat) for i, hat in enumerate(hats)]
    write_sheet(rows, tmp_path / "s.html", title="x", quotas={"chef": 4}, asked=asked)
    text = Page((tmp_path / "s.html").read_text("utf-8")).text
    assert "balance skin tone: 1 of 2 cells are full" in text
    assert "light 0 / 2 0% dark 3 / 2 100%" in text
    assert "hat measured tall 1 33% not applicable 1 33% unknown 1 33%" in text


def test_of_very_many_cells_the_emptiest_are_shown(tmp_path: Path) -> None:
    tones = tuple(f"tone {i}" for i in range(300))
    cells = tuple(Cell(tone, "chef", 0, 3 if tone == "tone 200" else 1, (("skin_tone", tone),)) for tone in tones)
    asked = BalanceRequest({"skin_tone": tones, "hat": tones}, ("skin_tone",), cells)
    rows = [ledger_row(i, "chef", attribute_hat=f"tone {i % 20}", attribute_skin_tone="tone 0") for i in range(30)]
    write_sheet(rows, tmp_path / "s.html", title="x", quotas={"chef": 300}, asked=asked)
    text = Page((tmp_path / "s.html").read_text("utf-8")).text
    assert text.count("0 / 1") == 23
    assert "tone 200 0 / 3" in text
    assert "1 of 300 cells are full; the ones shown lack the most images." in text
    assert "289 others 10 33%" in text
