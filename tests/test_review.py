"""A reviewer's word: images taken out of a run and into it, by decisions that change nothing that was committed."""

import json
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.auditing.input.audited_set import RecordedRun, read_ledger
from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.running import carry_decisions, deciding, open_run, read_state, top_up, work
from synthgen.running.decisions import ReviewDecision, keep_decision
from synthgen.seal import seal, unseal
from synthgen.store import Location, RunStore, open_store
from tests.command import call, result
from tests.running.noise import BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import ledger_of

PLAN = noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", "output.splits={train: 0.5, test: 0.5}")
KEEPING = noise_plan(
    "classes={doctor: 6, chef: 4}", "output.shard_size=5", "output.rejects.keep=images", "output.splits={train: 1}"
)


def made(location: Location, plan: Any = PLAN) -> Location:
    make_run(location, plan)
    synthgen.finalize(location)
    return location


def rows(run: Path) -> dict[str, dict[str, Any]]:
    """The rows of the dataset by id, each with its split, less scores that are not numbers."""
    files = sorted((run / "dataset/data").glob("*.parquet"))
    found = [{**row, "split": file.name.partition("-")[0]} for file in files for row in pq.read_table(file).to_pylist()]
    return {row["id"]: {name: value for name, value in row.items() if value == value} for row in found}  # noqa: PLR0124


def of_verdict(run: Location, verdict: str) -> list[str]:
    return [row["id"] for row in ledger_of(run, open_run(open_store(run))) if row["verdict"] == verdict]


def refused(action: Callable[[], object]) -> SynthgenError:
    with pytest.raises(SynthgenError) as found:
        action()
    return found.value


def committed(run: Path) -> dict[str, bytes]:
    """What no decision may change."""
    return {str(path): path.read_bytes() for name in ("shards", "ledger", "done") for path in (run / name).iterdir()}


def test_an_excluded_image_leaves_the_dataset_alone_and_undone_it_comes_back(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    before, files = rows(run), committed(run)
    out = sorted(before)[2]
    done = synthgen.exclude(run, [out], reason="six  fingers\n", reviewer="ana")
    assert (done.decided.number, done.decided.excluded) == (1, (out,))
    now = rows(run)
    assert (len(now), before.keys() - now.keys()) == (9, {out})
    others = [name for name in before if name != out]
    assert {name: now[name]["image"] for name in now} == {name: before[name]["image"] for name in others}
    assert sum(before[name]["split"] != now[name]["split"] for name in now) <= 1, "only the cut moves"
    assert "| taken out | 1 | ana | six fingers |" in (run / "dataset/README.md").read_text("utf-8")
    assert committed(run) == files
    assert synthgen.verify(run) == []

    again = synthgen.exclude(run, [out], reviewer="ana")
    assert (again.decided.number, again.decided.unchanged) == (None, (out,))
    back = synthgen.exclude(run, [out], undo=True, reviewer="bo")
    assert back.decided.undone == (out,)
    assert rows(run) == before
    assert "included_by" not in next(iter(rows(run).values()))
    assert synthgen.exclude(run, [out], undo=True).decided.unchanged == (out,)


@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_a_top_up_fills_the_cells_of_excluded_images(place: str) -> None:
    made(place)
    doctors = [name for name in of_verdict(place, "accepted") if by_class(place)[name] == "doctor"]
    done = synthgen.exclude(place, doctors[:2], reviewer="ana")
    assert done.result is not None
    assert (done.result.missing, [short.cell for short in done.result.shortfalls]) == (2, ["doctor"])

    store = open_store(place)
    plan = top_up(store, open_run(store), read_state(open_run(store), store))
    assert plan.additions[-1].quotas == {"doctor": 2}
    work(plan, store, NoiseGenerator(), BrightnessJudge(), range(plan.shard_count))
    assert synthgen.finalize(place).missing == 0
    assert top_up(store, plan, read_state(plan, store)) == plan
    back = synthgen.exclude(place, doctors[:1], undo=True)
    assert back.result is not None
    assert (back.decided.overfilled, back.result.summary.classes["doctor"]) == ({"doctor": 1}, 7)
    assert synthgen.verify(place) == []


def by_class(run: Location) -> dict[str, str]:
    return {row["id"]: row["class"] for row in ledger_of(run, open_run(open_store(run)))}


def test_a_rejected_image_whose_pixels_are_kept_is_taken_in(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, KEEPING)
    first = synthgen.finalize(run)
    before, wrong = rows(run), of_verdict(run, "rejected")[0]
    kept = next(row for row in ledger_of(run, KEEPING) if row["id"] == wrong)["image"]["bytes"]
    done = synthgen.include(run, [wrong], reviewer="ana")
    kind = by_class(run)[wrong]
    assert done.decided.overfilled == {kind: 1}
    now = rows(run)
    assert now.keys() - before.keys() == {wrong}
    assert (now[wrong]["class"], now[wrong]["included_by"]) == (kind, "ana")
    assert Image.open(BytesIO(now[wrong]["image"]["bytes"])).tobytes() == Image.open(BytesIO(kept)).tobytes()
    assert {row["included_by"] for name, row in now.items() if name != wrong} == {None}
    assert done.result is not None
    assert done.result.tally.accepted == first.tally.accepted + 1
    out = synthgen.exclude(run, [wrong], reviewer="bo")
    assert out.decided.excluded == (wrong,)
    assert rows(run) == before
    synthgen.include(run, [wrong], reviewer="bo")
    assert rows(run)[wrong]["included_by"] == "bo"


def test_what_cannot_be_decided_is_refused_by_name_and_nothing_is_decided(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    good, bad = of_verdict(run, "accepted"), of_verdict(run, "rejected")
    table = tmp_path / "ids.csv"
    strange = [f"00009-{number:06d}" for number in range(12)]
    table.write_text("\ufeffid\n" + "".join(f"{name}\n" for name in strange), "utf-8")
    error = refused(lambda: synthgen.exclude(run, file=table))
    assert f"{table}:2: {strange[0]}" in error.message
    assert "and 2 more" in error.message
    assert (strange[9] in error.message, strange[10] in error.message) == (True, False)
    assert "rejected (label)" in refused(lambda: synthgen.exclude(run, [good[0], bad[0]])).message
    gone = refused(lambda: synthgen.include(run, [bad[0]]))
    assert "without kept pixels" in gone.message
    assert "`output.rejects.keep: images`" in (gone.hint or "")
    table.write_text(f"id,decision\n{good[0]},exclude\n{good[1]},\n{good[0]},include\n", "utf-8")
    both = refused(lambda: synthgen.exclude(run, file=table)).message
    assert (f"{table}:2" in both, f"{table}:4" in both) == (True, True)
    assert "every image" in refused(lambda: synthgen.exclude(run, good)).message
    assert refused(lambda: synthgen.exclude(run)).argument == "ids"
    assert not (run / "decisions").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name\nx\n", ":1: no column 'id'"),
        ("id,Decision\n00000-000000,include\n", "did you mean 'decision'"),
        ("id,decisions\n00000-000000,include\n", "did you mean 'decision'"),
        ("id,id\n00000-000000,\n", "twice"),
        ("id,decision\n00000-000000,drop\n", ":2: expected exclude, include or nothing, found 'drop'"),
        ("id,decision\n,exclude\n", ":2: no id"),
        ("id,decision\n00000-000000,\n", "names no image"),
        ("", "no column 'id'"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str, told: str) -> None:
    made(tmp_path / "run")
    (tmp_path / "ids.csv").write_text(text, "utf-8")
    error = refused(lambda: synthgen.exclude(tmp_path / "run", file=tmp_path / "ids.csv"))
    assert isinstance(error, UsageError)
    assert told in error.message


def test_a_file_for_people_decides_row_by_row(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run, KEEPING)
    good, bad = of_verdict(run, "accepted"), of_verdict(run, "rejected")
    text = f"\ufeffid;decision;note\r\n'{good[0]};exclude;=1\r\n{good[1]};;\r\n{bad[0]};INCLUDE;ok\r\n"
    (tmp_path / "ids.csv").write_text(text, "utf-8")
    done = synthgen.exclude(run, file=tmp_path / "ids.csv", reviewer="ana").decided
    assert (done.excluded, done.included) == ((good[0],), (bad[0],))


def test_every_changed_byte_of_a_decision_is_damage_that_is_named(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    good = of_verdict(run, "accepted")
    for name in good[:2]:
        synthgen.exclude(run, [name], reviewer="ana")
    path = run / "decisions/00001.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert [each.place for each in synthgen.verify(run)] == ["decisions/00001.json"], place
    for action in (synthgen.status, synthgen.finalize, lambda run: synthgen.exclude(run, [good[2]])):
        error = refused(lambda action=action: action(run))  # type: ignore[misc]
        assert (isinstance(error, StorageError), "decisions/00001.json" in error.message) == (True, True)
    assert [each.place for each in synthgen.repair(run).findings] == ["decisions/00001.json"]
    path.unlink()
    assert "expected decisions/00001.json before it" in synthgen.verify(run)[0].message
    path.write_bytes(whole)
    assert synthgen.verify(run) == []


def test_a_decision_that_is_gone_is_not_forgotten_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = tmp_path / "run"
    made(run)
    synthgen.exclude(run, of_verdict(run, "accepted")[:1], reviewer="ana")
    (run / "decisions/00001.json").unlink()
    synthgen.finalize(run)
    assert "decisions/00001.json is missing: the dataset is made without what was decided there" in caplog.text
    caplog.clear()
    synthgen.finalize(run)
    assert caplog.text == ""


def test_a_decision_with_values_of_other_types_is_damage(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    synthgen.exclude(run, of_verdict(run, "accepted")[:1], reviewer="ana")
    path = run / "decisions/00001.json"
    content, _ = unseal(path.read_text())
    for key in content:
        values: tuple[object, ...] = ([3], {}, -1, ["../x"])
        for value in values:
            path.write_text(seal(json.dumps({**content, key: value}, indent=1)))
            assert "decisions/00001.json" in synthgen.verify(run)[0].place, (key, value)
            assert isinstance(refused(lambda: synthgen.status(run)), StorageError)


def test_the_ledger_reads_as_reviewed_in_audits(tmp_path: Path) -> None:
    from synthgen.api.auditing import open_recorded
    from synthgen.auditing.input.audited_set import read_ledger

    run = tmp_path / "run"
    made(run, KEEPING)
    good, bad = of_verdict(run, "accepted"), of_verdict(run, "rejected")
    before = Counter(read_ledger(open_recorded(run), [])[0]["verdict"])
    synthgen.exclude(run, good[:3], reviewer="ana")
    synthgen.include(run, bad[:1], reviewer="ana")
    now, _ = read_ledger(open_recorded(run), [])
    assert Counter(now["verdict"])["accepted"] == before["accepted"] - 2
    assert Counter(now["reason"])["reviewer"] == 3
    assert "taken out by a reviewer" in (run / "report.html").read_text("utf-8")
    assert f"{len(good) - 2} images" in repr(synthgen.audit(run, known={"words": "prompt"}, seed=1))


def test_by_the_command_line_it_is_one_command_and_an_envelope(tmp_path: Path) -> None:
    made(tmp_path / "run")
    good = of_verdict(tmp_path / "run", "accepted")
    done = call("exclude", "run", *good[:2], "--reason", "blurred", "--reviewer", "ana", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = result(done.stdout)
    assert (found["excluded"], found["missing"], found["decision"]) == (good[:2], 2, 1)
    said = call("exclude", "run", good[0], folder=tmp_path)
    assert "unchanged 1 image" in said.stdout
    assert "synthgen run run --top-up" in said.stdout
    wrong = call("include", "run", "00000-999999", folder=tmp_path)
    assert (wrong.returncode, "does not have this image: 00000-999999" in wrong.stderr) == (2, True)


def test_a_run_made_again_keeps_what_was_decided_and_what_no_longer_holds_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    made(run, KEEPING)
    good, bad = of_verdict(run, "accepted"), of_verdict(run, "rejected")
    synthgen.exclude(run, good[:1], reviewer="ana")
    synthgen.include(run, bad[:1], reviewer="ana")
    stricter = synthgen.rejudge(run, ["safety.above=0.4"], again)
    assert rows(again).keys() == rows(run).keys()
    assert {row.get("included_by") for row in rows(again).values()} == {None, "ana"}
    assert (len(stricter.review.excluded), len(stricter.review.included)) == (1, 1)
    assert json.loads((again / "decisions/00001.json").read_text())["carried"] is True

    assert carry_decisions(open_store(run), open_store(tmp_path / "other")) == 2
    make_run(tmp_path / "other", PLAN)  # of the same attempts, without the pixels of rejected ones
    other = synthgen.finalize(tmp_path / "other")
    assert (other.review.void, len(other.review.excluded)) == ((bad[0],), 1)
    assert "has no effect" in caplog.text
    assert synthgen.verify(tmp_path / "other") == []
    synthgen.exclude(again, good[1:2], reviewer="bo")
    assert carry_decisions(open_store(run), open_store(again)) == 0, "it has its own"


def test_an_audit_reads_the_ledger_of_a_reviewed_run_in_which_a_shard_rejected_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    out = of_verdict(run, "accepted")[0]
    synthgen.exclude(run, [out], reviewer="ana")
    state = read_state(open_run(open_store(run)), open_store(run))
    ledgers = [run / record.ledger.name for record in state.done.values()]
    for file in ledgers[1:]:  # as if every attempt had been accepted
        table = pq.read_table(file)
        nothing = pa.nulls(len(table), table.schema.field("reason").type)
        pq.write_table(table.set_column(table.schema.get_field_index("reason"), "reason", nothing), file)
    recorded = RecordedRun(run, open_run(open_store(run)), (), tuple(ledgers), state.review)
    frame, _ = read_ledger(recorded, [])
    assert (frame["reason"] == "reviewer").sum() == 1
    assert (frame["verdict"] == "accepted").sum() == state.accepted == PLAN.spec.total - 1


def test_two_reviewers_at_once_both_have_their_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    made(run)
    good, keep = of_verdict(run, "accepted"), keep_decision

    def second(store: RunStore, number: int, decision: ReviewDecision) -> bool:
        monkeypatch.setattr(deciding, "keep_decision", keep)
        synthgen.exclude(run, good[:2], reviewer="bo")
        return keep(store, number, decision)

    monkeypatch.setattr(deciding, "keep_decision", second)
    done = synthgen.exclude(run, good[1:3], reviewer="ana").decided
    assert (done.number, done.excluded, done.unchanged) == (2, (good[2],), (good[1],))
    assert rows(run).keys() == set(good[3:])
