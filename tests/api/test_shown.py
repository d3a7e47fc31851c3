"""What a notebook and an interpreter show of results."""

from collections import Counter
from html.parser import HTMLParser

import pytest

import synthgen
from synthgen.fragments import fragment, paragraph, table
from synthgen.judging.calibration.threshold import Threshold
from synthgen.ledger.tally import Tally, tally
from synthgen.planning import Revisions, make_plan

SPEC = {
    "synthgen": 1,
    "name": "shown",
    "model": {"id": "bundled:workers", "steps": 1, "batch_size": 2},
    "classes": {"doctor": 2, "chef": 1},
    "prompts": {"templates": ["a {class}"]},
    "output": {"splits": {"train": 0.5, "test": 0.5}},
}


class Tags(HTMLParser):
    """The tags and the text of a page, which must close what it opens."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style"}
        assert not any("color:" in (value or "") or "background" in (value or "") for _, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> synthgen.RunResult:
    return synthgen.run(SPEC, tmp_path_factory.mktemp("shown") / "run", devices="cpu")


def test_values_are_short_on_a_line(result: synthgen.RunResult) -> None:
    spec, planned = synthgen.load_spec(SPEC), synthgen.plan(SPEC)
    _, state = synthgen.status(result.folder)
    reached = Threshold(0.5, 4, 3, 3, 0.9)
    calibration = synthgen.Calibration("a yield of 50%", {}, {"a": reached, "b": Threshold(None, 0, 0, 0, 0.0)})
    assert repr(spec) == "<Spec shown: 3 images in 2 classes, bundled:workers>"
    assert repr(planned) == f"<Plan shown: 3 images in 2 cells and 1 shard, {planned.fingerprint[:8]}>"
    attempts = result.tally.attempted
    assert repr(state) == f"<RunState 1 of 1 shards done: 3 accepted in {attempts} attempts>"
    assert repr(result) == f"<RunResult {result.folder}: 3 of 3 images from {attempts} attempts>"
    assert repr(result.tally) == f"<Tally {attempts} attempts in 2 classes: 3 accepted>"
    assert repr(calibration) == "<Calibration a yield of 50%: reached for 1 of 2 classes>"
    assert repr(synthgen.forecast(planned)).startswith("<Forecast about ")


def test_tables_for_notebooks_hold_the_counts_and_escape_names(result: synthgen.RunResult) -> None:
    planned = synthgen.plan(SPEC)
    for shown in (planned, result, result.tally):
        html = shown._repr_html_()
        page = Tags(html)
        assert {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"} == set(page.seen)
        assert "doctor" in page.text
    texts = Tags(result._repr_html_()).text
    assert texts[0] == "shown: 3 of 3 images"
    assert any(result.sheet in text for text in texts)
    assert Tags(planned._repr_html_()).text[3:7] == ["doctor", "2", "chef", "1"]


def test_what_looks_like_html_is_shown_as_text() -> None:
    named = {**SPEC, "model": {"id": "owner/name"}, "classes": {"<b>chef & co": 2}}
    planned = make_plan(synthgen.load_spec(named), Revisions("one", "two"))
    counts = tally(Counter({("<b>chef & co", "rejected", "<script>"): 1}), {"<b>chef & co": 2})
    assert "<b>chef & co" in Tags(planned._repr_html_()).text
    assert {"<b>chef & co", "<script>"} <= set(Tags(counts._repr_html_()).text)


def test_a_table_of_a_thousand_classes_stays_short() -> None:
    html = fragment("many", table(["class", "images"], ((f"c{number}", number) for number in range(1000))))
    page = Tags(html)
    assert page.seen.count("tr") == 31
    assert page.text[-1] == "and 970 more"
    assert "1,000" not in html
    assert Tags(paragraph("\u202e<script>")).text == ["<script>"]


def test_a_preview_has_no_quotas() -> None:
    counts = tally(Counter({("doctor", "accepted", None): 3, ("doctor", "rejected", "label"): 1}), {"doctor": None})
    assert isinstance(counts, Tally)
    texts = Tags(counts._repr_html_()).text
    counted = ["class", "accepted", "attempts", "doctor", "3", "4"]
    assert texts == ["3 of 4 attempts passed the filters (75%)", *counted, "not accepted", "attempts", "label", "1"]
