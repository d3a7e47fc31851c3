"""A marker that a finished run has lost, written again from what it named."""

from pathlib import Path

import synthgen
from tests.command import call
from tests.running.noise import make_run, noise_plan

PLAN = noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", "output.splits={train: 1}")


def contents(run: Path, *names: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for name in names for path in (run / name).rglob("*") if path.is_file()}


def made(run: Path) -> dict[str, bytes]:
    make_run(run, PLAN)
    synthgen.finalize(run)
    return contents(run, "shards", "ledger", "dataset")


def test_a_lost_marker_is_restored_and_no_image_goes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    before, marker = made(run), run / "done/00001.json"
    record = synthgen.status(run)[1].done[1]
    marker.unlink()
    assert [found.place for found in synthgen.verify(run)] == ["done/00001.json"]
    done = call("repair", run, folder=tmp_path)
    assert (done.returncode, "restored  the marker of shards 1" in done.stdout) == (0, True)
    assert "orphaned" not in done.stdout
    now = synthgen.status(run)[1].done[1]
    same = ("images", "ledger", "counts", "reasons", "by_class", "provenance", "shortfalls")
    assert {name: getattr(now, name) for name in same} == {name: getattr(record, name) for name in same}
    assert abs(now.seconds - record.seconds) < 1
    assert synthgen.verify(run) == []
    assert synthgen.finalize(run).summary.rows == 10
    assert contents(run, "shards", "ledger", "dataset") == before


def test_what_is_not_whole_or_was_never_committed_is_made_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run)
    (run / "done/00001.json").unlink()
    table = next((run / "shards").glob("00001-*"))
    table.write_bytes(table.read_bytes()[:-9])
    done = call("repair", run, folder=tmp_path)
    assert "lost      images of shards 1, which nothing had committed" in done.stdout
    assert synthgen.status(run)[1].pending == (1,)

    (tmp_path / "new").mkdir()
    make_run(tmp_path / "new/run", PLAN)
    (tmp_path / "new/run/done/00000.json").unlink()
    assert synthgen.repair(tmp_path / "new/run").restored == ()
