"""A finished run that was damaged, or made to do damage: what `verify` finds, and what mends it."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.api.keeping import unverified
from synthgen.errors import StorageError, SynthgenError
from synthgen.running import create_run, open_run, rejudge
from synthgen.running.replay import replay
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.command import call, command_line
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan

PLAN = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=4")
FLIPS = 400


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def files_of(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}


def places(run: Path) -> list[str]:
    """The files with findings. Without a plan there is nothing to verify, which is said by an error."""
    try:
        return [finding.place for finding in synthgen.verify(run)]
    except StorageError as error:
        return [name for name in ("plan.json",) if name in error.message]


def test_a_changed_byte_is_found_wherever_it_is(run: Path) -> None:
    assert (synthgen.verify(run), unverified(run)) == ([], [])
    rng, whole = random.Random(5), files_of(run)
    missed = []
    for _ in range(FLIPS):
        name = rng.choice(sorted(whole))
        data = whole[name]
        # Half of them near the end, where the sha256 of JSON files stands.
        place = rng.randrange(len(data)) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(min(120, len(data)))
        byte = rng.choice([data[place] ^ 1 << rng.randrange(8), *b" \r\n\t0"])
        if byte != data[place]:
            (run / name).write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            if name not in places(run):
                missed.append((name, place, byte))
            (run / name).write_bytes(data)
    assert missed == []


KEPT = ["spec.yaml", "report.html", "results.json", "dataset/synthgen.json", "dataset/README.md"]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("damage", ["lost", "emptied", "cut", "padded"])
def test_what_is_damaged_is_found_and_comes_back_by_repair_and_finalize(run: Path, name: str, damage: str) -> None:
    whole, path = files_of(run), run / name
    if damage == "lost":
        path.unlink()
    else:
        data = whole[name]
        path.write_bytes({"emptied": b"", "cut": data[: len(data) // 2], "padded": data + b"\0"}[damage])
    if (name, damage) != ("results.json", "lost"):  # then nobody can say what the sheet was; see the next test
        assert name in places(run)
    synthgen.repair(run)
    make_run(run, PLAN)
    synthgen.finalize(run)
    assert files_of(run) == whole
    assert synthgen.verify(run) == []


def test_a_lost_or_empty_sheet_is_written_anew_without_being_asked(run: Path) -> None:
    whole = files_of(run)
    (run / "results.json").unlink()
    (run / "report.html").write_text("")
    assert unverified(run) == ["report.html"]
    synthgen.finalize(run)
    assert files_of(run) == whole


def test_the_sheet_shows_what_a_run_has_grown_to(run: Path) -> None:
    before = (run / "report.html").read_bytes()
    store = FolderStore(run)
    more = create_run(store, noise_plan("classes={doctor: 5, chef: 2}", "output.shard_size=4"), SPEC, extend=True)
    make_run(run, more)
    synthgen.finalize(run)
    page = (run / "report.html").read_bytes()
    assert page != before
    assert b"00002-0000" in page


def test_a_damaged_spec_does_not_reach_the_dataset(run: Path) -> None:
    card = (run / "dataset/README.md").read_bytes()
    shutil.rmtree(run / "dataset")
    (run / "spec.yaml").write_bytes(b"\xff" + SPEC.encode().replace(b"noise", b"noize"))
    assert "spec.yaml" in places(run)
    synthgen.finalize(run)
    assert (run / "dataset/README.md").read_bytes() == card


def test_a_spec_with_other_comments_resumes_and_the_first_text_stays(run: Path) -> None:
    (run / "spec.yaml").unlink()
    create_run(FolderStore(run), PLAN, "# another comment\n" + SPEC)
    assert (run / "spec.yaml").read_text() == SPEC
    assert synthgen.verify(run) == []


def test_a_run_of_an_earlier_version_is_good_and_told_to_carry_no_sums(run: Path) -> None:
    for path in (run / "plan.json", run / "dataset/synthgen.json", *(run / "done").iterdir()):
        content, _ = unseal(path.read_text())
        content.pop("written", None)
        path.write_text(json.dumps(content, indent=2) + "\n")
    (run / "results.json").unlink()
    told = call("verify", run, folder=run)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, f"{run}: no problems found")
    assert "6 files without a sha256, such as spec.yaml" in told.stdout
    make_run(run, PLAN)
    synthgen.finalize(run)
    # What is made of the shards gets its sum; what was committed stays as it was.
    kept = ["spec.yaml", "plan.json", "done/00000.json", "done/00001.json", "dataset/synthgen.json"]
    assert unverified(run) == kept


def changed(run: Path, kind: str, key: str, change: Callable[[Path], None]) -> str:
    """Change a file of shard 0, and the marker with it, so that every sum fits. Its name."""
    [path] = (run / kind).glob("00000-*")
    change(path)
    described = FolderStore(run).describe(f"{kind}/{path.name}")
    marker = run / "done/00000.json"
    content, _ = unseal(marker.read_text())
    content[key] = {"name": described.name, "size": described.size, "sha256": described.sha256}
    marker.write_text(seal(json.dumps(content, indent=2)))
    return described.name


def with_rows(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        rows = pq.read_table(path).to_pylist()
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows), path)

    return write


def bomb(rows: list[dict[str, Any]]) -> None:
    """A picture of 60,000 by 60,000, by its header."""
    data = bytearray(rows[0]["image"]["bytes"])
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = crc32(data[12:29]).to_bytes(4, "big")
    rows[0]["image"]["bytes"] = bytes(data)


def large(rows: list[dict[str, Any]]) -> None:
    """One that Pillow would only warn of, and that takes half a gigabyte."""
    from io import BytesIO

    buffer = BytesIO()
    Image.new("1", (13_000, 13_000)).save(buffer, "PNG")
    rows[0]["image"]["bytes"] = buffer.getvalue()


HOSTILE: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "images that are no Parquet": ("shards", lambda path: path.write_bytes(b"PAR1 no table PAR1")),
    "an empty file of images": ("shards", lambda path: path.write_bytes(b"")),
    "images with other columns": ("shards", lambda path: pq.write_table(pa.table({"x": [1]}), path)),
    "images of another type": ("shards", with_rows(lambda rows: [row.update(image="a path") for row in rows])),
    "an image that is null": ("shards", with_rows(lambda rows: rows[0].update(image=None))),
    "labels that are lists": ("shards", with_rows(lambda rows: [row.update(label=[1]) for row in rows])),
    "a bomb": ("shards", with_rows(bomb)),
    "a very large picture": ("shards", with_rows(large)),
    "a ledger that is no Parquet": ("ledger", lambda path: path.write_bytes(b"nothing")),
    "a ledger with other columns": ("ledger", lambda path: pq.write_table(pa.table({"id": ["x"]}), path)),
    "attempts that are texts": ("ledger", with_rows(lambda rows: [row.update(attempt="x") for row in rows])),
    "an attempt that is null": ("ledger", with_rows(lambda rows: rows[0].update(attempt=None))),
    "verdicts that are numbers": ("ledger", with_rows(lambda rows: [row.update(verdict=1) for row in rows])),
}


@pytest.mark.parametrize(("kind", "change"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_a_finding_and_the_rest_is_verified_too(
    run: Path, kind: str, change: Callable[[Path], Any]
) -> None:
    name = changed(run, kind, {"shards": "images", "ledger": "ledger"}[kind], change)
    [other] = (run / "shards").glob("00001-*")
    other.write_bytes(b"")
    found = places(run)
    assert name in found
    assert f"shards/{other.name}" in found, "it went on to the end"
    told = call("verify", run, folder=run)
    assert (told.returncode, "Traceback" in told.stderr, name in told.stdout) == (5, False, True)


@pytest.mark.parametrize(("kind", "change"), HOSTILE.values(), ids=HOSTILE)
def test_no_command_breaks_over_a_hostile_file(run: Path, kind: str, change: Callable[[Path], Any]) -> None:
    name = changed(run, kind, {"shards": "images", "ledger": "ledger"}[kind], change)
    store = FolderStore(run)
    plan, into = open_run(store), FolderStore(run.with_name("into"))
    shutil.rmtree(run / "dataset")
    create_run(into, plan, SPEC)
    calls: list[Callable[[], object]] = [
        lambda: synthgen.finalize(run),
        lambda: rejudge(plan, store, plan, into, lambda _, __: None),
        lambda: replay(plan, store, NoiseGenerator(), BrightnessJudge(), "00000-000000"),
    ]
    for read in calls:
        try:
            read()
        except SynthgenError as error:
            told = name in error.message or "has no attempt" in error.message
            assert told
    synthgen.status(run)


@pytest.mark.parametrize("name", ["plan.json", "done/00000.json", "dataset/synthgen.json", "results.json"])
@pytest.mark.parametrize("content", ["[" * 200_000, '{"a":' * 100_000, "[]", "null", '{"sha256": 1}', "\0" * 512])
def test_hostile_json_is_damage_and_never_a_traceback(run: Path, name: str, content: str) -> None:
    (run / name).write_text(content)
    assert places(run) == [name]
    for command in (synthgen.status, synthgen.repair, synthgen.finalize):
        try:
            command(run)
        except SynthgenError as error:
            told = name in error.message or "not committed yet" in error.message
            assert told


FOREIGN = ("plan.json", "shards/x.parquet", "spec.yaml", "dataset/../plan.json", "dataset/.git", "dataset", "mine.txt")


@pytest.mark.parametrize("name", FOREIGN)
def test_a_record_that_names_what_synthgen_does_not_write_there_is_damage_and_nothing_is_deleted(
    run: Path, name: str
) -> None:
    (run / "mine.txt").write_text("mine")
    content, _ = unseal((run / "results.json").read_text())
    content["files"][name] = "0" * 64
    (run / "results.json").write_text(seal(json.dumps(content, indent=1)))
    before = files_of(run)
    [finding] = synthgen.verify(run)
    assert (finding.place, repr(name) in str(finding)) == ("results.json", True)
    synthgen.repair(run)
    assert {path for path in before if path not in files_of(run)} == {"results.json"}


def test_a_run_of_one_image_with_nothing_to_measure_is_audited(tmp_path: Path) -> None:
    make_run(tmp_path / "run", noise_plan("classes={doctor: 1}", "attributes={}"))
    synthgen.finalize(tmp_path / "run")
    assert synthgen.audit(tmp_path / "run").findings.images == 1


@pytest.mark.parametrize("name", ["dataset", "report.html", "spec.yaml", "results.json"])
def test_a_link_is_found_and_repaired_and_what_it_leads_to_stays(run: Path, tmp_path: Path, name: str) -> None:
    whole, elsewhere = files_of(run), tmp_path / "elsewhere"
    (run / name).rename(elsewhere)
    (run / name).symlink_to(elsewhere)
    before = files_of(tmp_path)
    assert any(place.startswith(name) for place in places(run))
    synthgen.repair(run)
    make_run(run, PLAN)
    synthgen.finalize(run)
    assert files_of(run) == whole
    assert not (run / name).is_symlink()
    assert {name: data for name, data in files_of(tmp_path).items() if name.startswith("elsewhere")} == {
        name: data for name, data in before.items() if name.startswith("elsewhere")
    }


def test_a_dataset_of_an_earlier_version_that_lost_its_summary_is_known_by_its_card(run: Path) -> None:
    whole = files_of(run)
    (run / "results.json").unlink()
    (run / "dataset/synthgen.json").unlink()
    (run / "dataset/mine.txt").touch()
    assert places(run) == ["dataset/synthgen.json"]
    synthgen.repair(run)
    with pytest.raises(StorageError, match="in the way"):
        synthgen.finalize(run)
    (run / "dataset/mine.txt").unlink()
    synthgen.finalize(run)
    assert files_of(run) == whole


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run: Path) -> None:
    import os

    (run / "spec.yaml").unlink()
    os.mkfifo(run / "spec.yaml")
    assert places(run) == ["spec.yaml"]


def test_a_lost_file_is_named_once_and_shards_to_make_are_said_beside_it(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "report.html").unlink()
    (run / "done/00001.json").unlink()
    assert command_line(["verify", str(run)]) == 5
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(f"{run}/report.html: is missing") == 1
    assert lines[-1] == f"{run}: 1 of 2 shards not made yet"


def test_repair_does_not_end_well_while_a_decision_is_damaged(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (accepted, *_) = pq.read_table(run / "dataset/data").column("id").to_pylist()
    synthgen.exclude(run, [accepted])
    (decision,) = (run / "decisions").iterdir()
    decision.write_bytes(decision.read_bytes()[:5])
    for name in ("verify", "repair"):
        assert command_line([name, str(run)]) == 5
        said = capsys.readouterr()
        assert f"{run}/decisions/00001.json: is damaged" in said.out
        assert "Restore decisions/00001.json from a backup: `synthgen repair` mends everything else" in said.err
    assert decision.exists()
