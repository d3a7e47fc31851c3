"""What moved since earlier audits: from their audit.json, which anyone may have written."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

import synthgen
from synthgen.auditing.report import (
    FORMAT,
    AskedQuestion,
    AuditReport,
    JudgeInfo,
    render_tables,
    write_html,
    write_json,
)
from synthgen.auditing.trends import earlier
from synthgen.auditing.trends.earlier import AuditRecord, read_record
from synthgen.auditing.trends.findings import Trends
from synthgen.auditing.trends.of_report import with_trends
from synthgen.auditing.trends.sketch import shared, sketch_of
from synthgen.errors import UsageError
from synthgen.stats.distance import uniform
from synthgen.stats.estimates import Estimate, difference, holm, wilson
from synthgen.stats.movement import p_of_difference
from tests.auditing.report.demo import plain
from tests.auditing.report.hostile import ATTACKS
from tests.command import call
from tests.page import Page
from tests.sets.sets import of_counts

test_proportions_2indep.__test__ = False
SKIN = {"skin": ("light", "medium", "dark")}
EVEN = {"chef": {"light": 100, "medium": 100, "dark": 100}, "doctor": {"light": 100, "medium": 100, "dark": 100}}
SKEWED = {"chef": {"light": 50, "medium": 50, "dark": 200}, "doctor": {"light": 101, "medium": 99, "dark": 100}}
Change = Callable[[dict[str, Any]], None]


def report(counts: Mapping[str, Mapping[str, int]], **given: object) -> AuditReport:
    found = plain(of_counts(counts), SKIN, **{"references": {"skin": uniform(SKIN["skin"])}, **given})
    return replace(found, judge=None if given.get("known") else JudgeInfo("a/b", "1"))


def record(found: AuditReport, change: Change = lambda document: None) -> AuditRecord:
    document = json.loads(write_json(found))
    change(document)
    return read_record("audit.json", json.dumps(document).encode())


def trends(now: AuditReport, *before: AuditRecord) -> Trends:
    found = with_trends(now, [(f"audit{at}", each) for at, each in enumerate(before)]).trends
    assert found is not None
    return found


def test_what_moved_beyond_chance_is_found_and_the_rest_is_not() -> None:
    found = trends(report(SKEWED), record(report(EVEN)))
    places = {each.place for each in found.moved}
    assert places == {"overall", "class chef"}
    dark = next(each for each in found.moved if (each.place, each.what) == ("class chef", "share of dark"))
    assert [dark.earlier.value, dark.now.value] == pytest.approx([1 / 3, 2 / 3])
    low, high = confint_proportions_2indep(200, 300, 100, 300, method="newcomb", compare="diff")
    assert [dark.difference.low, dark.difference.high] == pytest.approx([low, high])
    assert found.compared == len(found.movements) == 3 * (3 + 1 + 4)
    assert found.versions[0].not_compared == ()
    assert [each.values[-1].value for each in found.courses if each.values[-1]] == pytest.approx(
        [151 / 600, 149 / 600, 0.5]
    )


@pytest.mark.parametrize(("first", "second"), [((30, 100), (45, 100)), ((300, 1000), (345, 1000)), ((5, 50), (5, 50))])
def test_the_p_value_fits_the_interval_and_the_score_test(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, other = wilson(*first), wilson(*second)
    assert one is not None
    assert other is not None
    apart = difference(other, one)
    found = p_of_difference(apart)
    assert found is not None
    assert (found < 0.05) == (not apart.low <= 0 <= apart.high)
    expected = test_proportions_2indep(*second, *first, method="score", compare="diff")
    assert found == pytest.approx(float(expected.pvalue), abs=0.01)


def test_a_number_without_an_interval_has_no_p_value() -> None:
    assert p_of_difference(Estimate(0.1, 0.1, 0.1)) is None
    exact = trends(
        report(SKEWED, known=("skin",), about_set=True), record(report(EVEN, known=("skin",), about_set=True))
    )
    assert exact.compared == 0
    assert {each.place for each in exact.moved} == {"overall", "class chef", "class doctor"}


def test_nothing_moves_by_chance_in_more_than_one_of_twenty_comparisons() -> None:
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(300):
        counts = rng.multinomial(200, [0.2, 0.3, 0.5], size=(2, 4))
        apart = [
            difference(*(found for found in map(wilson, pair, (200, 200)) if found))
            for scope in range(4)
            for pair in counts[:, scope].T.tolist()
        ]
        false += any(p is not None and p < 0.05 for p in holm([p_of_difference(each) for each in apart]))
    assert false <= 0.08 * 300


def _renamed(document: dict[str, Any]) -> None:
    document["findings"]["attributes"][0]["values"][0] = "pale"


def _scope(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["findings"]["attributes"][0]["scopes"][1]
    return found


def _labelled(document: dict[str, Any]) -> None:
    _scope(document)["quote"]["figure"] = "labels"


def _asked(document: dict[str, Any]) -> None:
    document["provenance"]["questions"] = [{"attribute": "skin", "column": None, "sha256": "1"}]


APART: dict[str, tuple[Change, str]] = {
    "other values": (_renamed, "skin: it had other values"),
    "another judge": (lambda found: found["judge"].update(revision="2"), "skin: another judge, or another revision"),
    "a column": (lambda found: found["findings"]["attributes"][0].update(known=True), "skin: a column told it then"),
    "corrected": (_labelled, "skin, class chef: its figure was labels, and is raw now"),
    "about the set": (
        lambda found: found["findings"].update(about="set"),
        "everything: its intervals are about something",
    ),
    "another target": (lambda found: _scope(found)["reference"].update(dark=0.4), "skin: the distances, because"),
    "nothing": (lambda found: found["findings"].update(attributes=[]), "skin: not measured then"),
    "another threshold": (_asked, "skin: the judge was asked with other descriptions, or with another threshold"),
}


@pytest.mark.parametrize(("change", "why"), APART.values(), ids=APART)
def test_what_is_not_the_same_measurement_is_named_and_not_compared(change: Change, why: str) -> None:
    now = report(SKEWED)
    question = AskedQuestion("skin", None, "2")
    now = replace(now, provenance=replace(now.provenance, questions=(question,)))
    found = trends(now, record(report(EVEN), change))
    assert any(why in reason for reason in found.versions[0].not_compared), found.versions
    whole = trends(now, record(report(EVEN)))
    assert len(found.movements) < len(whole.movements)


def test_an_audit_of_an_older_release_is_read() -> None:
    def older(document: dict[str, Any]) -> None:
        for name in ("inspection", "trends"):
            document.pop(name, None)
        for name in ("questions", "embedder", "ids", "left_out"):
            document["provenance"].pop(name, None)

    found = trends(report(SKEWED), record(report(EVEN), older))
    assert found.moved
    assert any("does not record how the judge was asked about skin" in each for each in found.versions[0].caveats)


def test_several_versions_are_one_family_and_give_one_course() -> None:
    found = trends(report(SKEWED), record(report(EVEN)), record(report(SKEWED)))
    assert {each.version for each in found.moved} == {0}
    assert found.compared == 48
    assert [len(each.values) for each in found.courses] == [3, 3, 3]
    gated = record(report(EVEN, gates=["skin: unknown <= 0.5"]))
    assert trends(report(SKEWED), gated).gates[0].outcomes == ("pass", None)


BROKEN: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "is damaged"),
    "deep": (b"[" * 100_000, "is damaged"),
    "another schema": (b'{"runs": []}', "is not an audit.json"),
    "a list": (b"[]", "is not an audit.json"),
    "a newer format": (b'{"format": 2, "findings": {}}', "has format 2, and this version of synthgen reads format 1"),
    "nothing in it": (b'{"format": 1, "findings": {}}', "set_name: Field required"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_audit_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_bytes(content)
    refuses(tmp_path, [tmp_path], message)


def refuses(folder: Path, since: object, message: str) -> None:
    frame = pd.DataFrame({"label": ["a", "b"] * 4, "tone": ["x", "x", "y", "y"] * 2})
    with pytest.raises(UsageError) as caught:
        synthgen.audit(frame, known={"tone": "tone"}, since=since)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert caught.value.argument == "since"
    assert caught.value.hint


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(write_json(report(EVEN)))
    refuses(tmp_path, [tmp_path / "none.json"], "there is no such file")
    refuses(tmp_path, tmp_path, "there is no such file")
    refuses(tmp_path, [good, tmp_path / "." / "good.json"], "is given twice")
    os.mkfifo(tmp_path / "pipe")
    refuses(tmp_path, tmp_path / "pipe", "there is no such file")
    text = good.read_text("utf-8")
    for wrong in ("NaN", "1e999", "7.0", '"0.5"'):
        changed = json.loads(text)
        changed["findings"]["attributes"][0]["scopes"][0]["shares"][0]["raw"]["value"] = "HERE"
        (tmp_path / "wrong.json").write_text(json.dumps(changed).replace('"HERE"', wrong))
        refuses(tmp_path, [tmp_path / "wrong.json"], "findings.attributes.0.scopes.0.shares.0.raw")
    monkeypatch.setattr(earlier, "MOST_BYTES", 1000)
    refuses(tmp_path, [good], "is larger than")


def test_names_from_an_earlier_audit_cannot_act_on_the_page(evil: AuditReport) -> None:
    attacked = record(evil)
    document = json.loads(write_json(evil))
    document["set_name"], document["provenance"]["created"] = ATTACKS[0], ATTACKS[1]
    document["findings"]["gates"].append({"gate": ATTACKS[5], "outcome": ATTACKS[0], "reason": "", "checks": []})
    tampered = read_record("x", json.dumps(document).encode())
    page = write_html(with_trends(evil, [(ATTACKS[0], attacked), ("b", tampered)]))
    assert "What moved" in Page(page).text
    assert "script" not in {tag for tag, _ in Page(page).tags}
    assert "<img src=x" not in page


def test_ids_are_sketched_unless_they_number_the_rows() -> None:
    assert sketch_of(f"{row:06d}" for row in range(9)) is None
    few, more = (sketch_of(map(str, range(*ends))) for ends in ((0, 100), (60, 200)))
    assert few is not None
    assert more is not None
    assert shared(few, more) == 40
    first, second = (sketch_of(map(str, range(*ends))) for ends in ((0, 20_000), (10_000, 30_000)))
    assert first is not None
    assert second is not None
    assert shared(first, second) == pytest.approx(10_000, rel=0.25)


def test_the_format_is_that_of_the_document() -> None:
    assert earlier._FORMAT == FORMAT


def test_one_command_tells_what_moved(tmp_path: Path) -> None:
    for name, counts in (("v1", EVEN), ("v2", SKEWED)):
        frame = of_counts(counts).assign(id=[f"{name}-{row}" for row in range(600)])
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    synthgen.audit(tmp_path / "v1.csv", known={"skin": "skin"}).write(tmp_path / "first")
    done = call("audit", "v2.csv", "--known", "skin=skin", "--since", "first", "-o", "now", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "what moved beyond chance" in done.stdout
    found = json.loads((tmp_path / "now" / "audit.json").read_text("utf-8"))["trends"]
    assert found["versions"][0]["shared_images"] == 0
    moved = {(each["place"], each["what"]) for each in found["movements"] if each["beyond_chance"]}
    assert ("class chef", "share of dark") in moved
    assert not any(place == "class doctor" for place, _ in moved)
    text = Page((tmp_path / "now" / "report.html").read_text("utf-8")).text
    assert "What moved" in text
    assert "+33.3 (" in text


def test_if_nothing_moved_that_is_said() -> None:
    same = with_trends(report(EVEN), [("a", record(report(EVEN)))])
    assert "none of 24 differences is beyond chance" in str(render_tables(same)[1])
    assert "none of 24 differences is beyond chance" in Page(write_html(same)).text
