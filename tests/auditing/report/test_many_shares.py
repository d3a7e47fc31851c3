"""An audit.json of very many shares is short, says what it leaves out, and has it beside it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.auditing.report import many_shares
from tests.command import command_line

CITIES = tuple(f"city {number:02}" for number in range(12))


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(many_shares, "MOST_SHARES", 40)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"label": np.repeat([f"chef {number}" for number in range(6)], 40)})
    frame["city"] = rng.choice(CITIES, len(frame))
    frame["age"] = rng.choice(["young", "old"], len(frame))
    frame["id"] = frame.index.astype(str)
    table = tmp_path / "people.parquet"
    frame.to_parquet(table)
    return table


def audit(people: Path, *more: str, output: str = "audit") -> int:
    known = ("--known", "city=city", "--known", "age=age")
    return command_line(["audit", str(people), *known, "--output", str(people.with_name(output)), *more])


def test_what_is_left_out_is_told_and_stands_in_a_table(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = synthgen.audit(pd.read_parquet(people), known={"city": "city", "age": "age"})
    capsys.readouterr()
    assert audit(people, "--gate", "city within class: share of city 11 <= 0.9") == 0
    folder = people.with_name("audit")
    assert f"shares {folder / 'shares.parquet'}, all of them: audit.json lacks 48 in classes" in " ".join(
        capsys.readouterr().out.split()
    )

    found = json.loads((folder / "audit.json").read_text())["findings"]
    by_name = {each["name"]: each["scopes"] for each in found["attributes"]}
    assert [(len(scope["shares"]), scope["shares_left_out"]) for scope in by_name["age"]] == [(2, 0)] * 7
    assert [(len(scope["shares"]), scope["shares_left_out"]) for scope in by_name["city"]] == [(12, 0), *[(4, 8)] * 6]
    assert {check["place"] for check in found["gates"][0]["checks"]} == {f"class chef {number}" for number in range(6)}

    table = pd.read_parquet(folder / "shares.parquet")
    pd.testing.assert_frame_equal(table, whole.tables["shares"], check_dtype=False)
    for scope in by_name["city"][1:]:
        own = table[(table["attribute"] == "city") & (table["class"] == scope["class_name"])]
        kept = own["value"].isin([share["value"] for share in scope["shares"]])
        assert own["count"][kept].min() >= own["count"][~kept].max(), "without a target, the most frequent are kept"


def test_later_audits_do_not_compare_shares_that_were_chosen(people: Path) -> None:
    assert audit(people) == 0
    assert audit(people, "--since", str(people.with_name("audit")), output="later") == 0
    trends = json.loads((people.with_name("later") / "audit.json").read_text())["trends"]
    assert trends["versions"][0]["not_compared"] == [
        "city: shares in classes, since they are too many for an audit.json"
    ]
    compared = {(each["subject"], each["place"]) for each in trends["movements"] if each["what"].startswith("share")}
    assert ("age", "class chef 0") in compared
    assert [place for name, place in compared if name == "city"] == ["overall"]


def test_a_table_of_an_earlier_audit_does_not_stay(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit(people) == 0
    monkeypatch.setattr(many_shares, "MOST_SHARES", 1000)
    assert audit(people) == 0
    assert not people.with_name("audit").joinpath("shares.parquet").exists()
    assert 'shares_left_out": 8' not in people.with_name("audit").joinpath("audit.json").read_text()


def test_every_class_has_its_part() -> None:
    assert many_shares._most_of_each([2, 2, 12, 12]) == 12
    assert many_shares._most_of_each([2] * 100 + [10**6] * 100) == (many_shares.MOST_SHARES - 200) // 100
    assert many_shares._most_of_each([3] * many_shares.MOST_SHARES) == 1
