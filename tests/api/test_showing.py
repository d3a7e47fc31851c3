"""`show`: everything that a run has of an attempt, wherever it is kept."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.api.explaining import checked, why
from synthgen.errors import Interrupted, UsageError
from synthgen.running import create_run, open_run, work
from synthgen.running.shard import journal
from synthgen.store import FolderStore
from tests.command import call, envelope, result
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import ledger_of

PLAN = noise_plan("classes={doctor: 14, chef: 6}", "output.shard_size=10")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run that was stopped after two batches of its first shard."""
    store, batches = FolderStore(tmp_path / "stopped"), iter(range(3))
    create_run(store, PLAN, SPEC)
    with pytest.raises(Interrupted):
        work(
            open_run(store), store, NoiseGenerator(4), BrightnessJudge(), [0], stop=lambda: next(batches, None) is None
        )
    return store.folder


def of_verdict(rows: list[dict[str, Any]], verdict: str) -> dict[str, Any]:
    return next(row for row in rows if row["verdict"] == verdict)


def pixels(picture: bytes) -> bytes:
    """What a picture shows: in a dataset, it has a mark besides."""
    return Image.open(io.BytesIO(picture)).tobytes()


@pytest.mark.parametrize("verdict", ["accepted", "surplus", "rejected", "failed"])
def test_it_tells_what_the_ledger_has_and_where_it_lies(finished: Path, verdict: str) -> None:
    row = of_verdict(ledger_of(finished, PLAN), verdict)
    [found] = synthgen.show(finished, [row["id"]])
    for name in ("id", "shard", "attempt", "prompt", "negative_prompt", "seed", "verdict", "reason", "template"):
        assert getattr(found, name) == row[name]
    assert found.variables == json.loads(row["variables"])
    assert (found.cell_aimed, found.cell_filled) == (row["cell_aimed"], row["cell_filled"])
    assert found.is_committed
    assert found.ledger is not None
    assert pq.read_table(finished / found.ledger.file)["id"][found.ledger.row].as_py() == row["id"]
    assert found.scores["unmeasured"] is None
    assert found.why
    for place in (found.images, found.dataset):
        assert (place is not None) == (verdict == "accepted")
        if place is not None:
            table = pq.read_table(finished / place.file)
            assert table["id"][place.row].as_py() == row["id"]
            picture = table["image"][place.row].as_py()["bytes"]
            assert found.png is not None
            assert pixels(picture) == pixels(found.png)
    assert (found.png is not None) == (verdict == "accepted"), "the pixels of others are not kept"


def test_an_attempt_in_a_journal_has_its_verdict_and_its_pixels(stopped: Path) -> None:
    store, ids = FolderStore(stopped), [f"00000-{attempt:06d}" for attempt in range(8)]
    before = synthgen.show(stopped, ids)
    make_run(stopped, PLAN)
    after = synthgen.show(stopped, ids)
    assert [one.is_committed for one in before] == [False] * 8
    for then, now in zip(before, after, strict=True):
        assert (then.verdict, then.reason, then.seed, then.why) == (now.verdict, now.reason, now.seed, now.why)
        assert {name: value and round(value, 5) for name, value in then.scores.items()} == {
            name: value and round(value, 5) for name, value in now.scores.items()
        }
        assert then.journal is not None
        assert (then.png is None) == (then.verdict == "failed")
        if now.png is not None and then.png is not None:
            before_pixels, after_pixels = (np.asarray(Image.open(io.BytesIO(png))) for png in (then.png, now.png))
            assert np.array_equal(before_pixels, after_pixels)
    assert store.names("journal") == []


def test_a_journal_of_an_earlier_version_is_shown_without_a_verdict(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = journal.batches
    monkeypatch.setattr(
        "synthgen.running.recorded.batches",
        lambda *given: ([{**row, "judged": None} for row in batch] for batch in whole(*given)),
    )
    [found] = synthgen.show(stopped, ["00000-000003"])
    assert (found.verdict, found.scores, found.prompt != "") == (None, {}, True)
    assert "earlier version" in found.why


@pytest.mark.parametrize(
    ("image_id", "told"),
    [
        ("0-3", "did you mean 00000-000003?"),
        ("x", "not the id of an attempt"),
        ("00009-000000", "shards 0 to 1"),
        ("00000-009999", "has attempts 00000-000000 to 00000-0000"),
    ],
)
def test_an_unknown_id_is_refused_with_what_there_is(finished: Path, image_id: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as error:
        synthgen.show(finished, ["00000-000000", image_id])
    assert error.value.exit_code == 2


def test_ids_of_shards_under_way_are_refused_with_the_end_of_the_journal(stopped: Path) -> None:
    with pytest.raises(UsageError, match="its journal ends with 00000-000007"):
        synthgen.show(stopped, ["00000-000008"])
    with pytest.raises(UsageError, match="shard 1 is not committed, and has no journal yet"):
        synthgen.show(stopped, ["00001-000000"])


def test_no_ids_and_one_text_are_refused(finished: Path) -> None:
    with pytest.raises(UsageError, match="empty list"):
        synthgen.show(finished, [])
    with pytest.raises(UsageError, match="found one text"):
        synthgen.show(finished, "00000-000000")


def test_a_damaged_ledger_is_named(stopped: Path) -> None:
    make_run(stopped, PLAN)
    [file] = (stopped / "ledger").glob("00000-*")
    file.write_bytes(b"PAR1" + file.read_bytes()[4:50])
    with pytest.raises(synthgen.StorageError, match=file.name):
        synthgen.show(stopped, ["00000-000000"])


def row_of(**changes: Any) -> Any:
    plain = {
        "id": "00000-000000", "class": "chef", "cell_aimed": "chef", "cell_filled": None, "verdict": "rejected",
        "reason": "label", "message": None, "score_label_posterior": 0.49999, "score_clip_score": 0.2,
        "attribute_tint": "unknown", "posteriors_tint": {"red": 0.55, "blue": 0.45},
    }  # fmt: skip
    return plain | changes


def test_the_reason_stands_beside_the_score_and_its_limit() -> None:
    plan = noise_plan("filters={label: {min_posterior: 0.5}, clip: {min_score: 0.1}}")
    rows = list(checked(plan, row_of()))
    assert [(one.score, one.floor, one.passed) for one in rows][-2:] == [
        ("label_posterior", 0.5, False), ("clip_score", 0.1, True)
    ]  # fmt: skip
    said = why(plan, row_of(), "rejected")
    assert said.endswith("label_posterior is 0.49999, expected at least 0.5"), "never rounded to one that passes"
    [unmeasured] = [one for one in checked(plan, row_of(score_clip_score=None)) if one.score == "clip_score"]
    assert (unmeasured.passed, unmeasured.value) == (False, None)
    assert "could not be measured" in unmeasured.sentence
    assert "00000-000003" in why(plan, row_of(reason="duplicate", message="00000-000003"), "rejected")
    balanced = noise_plan("balance=[{attribute: tint, target: uniform}]")
    assert "tint is unknown: red has 0.55, expected at least" in why(balanced, row_of(reason="attribute"), "rejected")


def test_the_command_shows_it_and_writes_pictures(finished: Path) -> None:
    rows, folder = ledger_of(finished, PLAN), finished.parent
    good, bad = of_verdict(rows, "accepted")["id"], of_verdict(rows, "rejected")["id"]
    done = call("show", finished, good, "-o", "good.png", "--json", folder=folder)
    [found] = result(done.stdout)["attempts"]
    assert (found["picture"], found["class"], found["has_picture"]) == ("good.png", "doctor", True)
    assert Image.open(io.BytesIO((folder / "good.png").read_bytes())).size == (40, 48)

    done = call("show", finished, good, bad, "-o", "pictures", folder=folder)
    assert done.returncode == 2, "one of the two was not kept"
    assert f"synthgen replay {finished} {bad} -o {bad}.png" in done.stderr
    assert [path.name for path in (folder / "pictures").iterdir()] == [f"{good}.png"]
    assert "why       " in done.stdout

    done = call("show", finished, good, bad, "-o", "one.png", "--json", folder=folder)
    assert envelope(done.stdout)["errors"][0]["argument"] == "--output"
    assert not (folder / "one.png").exists()
