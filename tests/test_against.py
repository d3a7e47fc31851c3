"""`output.against`: images too near to those of another set are left out or named, and sets are checked before work."""

import shutil
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.api.against import check_against, read_sets
from synthgen.api.origins import last_spec
from synthgen.api.sources import check_apart
from synthgen.cli.show import answer_of_run
from synthgen.dataset.against import NearOther, OtherSet, compare
from synthgen.errors import SynthgenError, UsageError
from synthgen.planning import Plan
from synthgen.running import create_run, open_run
from synthgen.spec import AgainstSpec, parse_spec
from synthgen.store import open_store
from tests.command import command_line, envelope
from tests.running.noise import SPEC, make_run, noise_plan


def plan_against(*sets: Path, **more: str) -> Plan:
    given = ", ".join(
        [f"sets: [{', '.join(map(str, sets))}]", "min_cosine: null", *(f"{k}: {v}" for k, v in more.items())]
    )
    return noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", f"output.against={{{given}}}")


@pytest.fixture(scope="module")
def run_and_real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """A finished run, and a set that has two of its images, larger and recompressed, among others."""
    folder = tmp_path_factory.mktemp("against")
    run, real, taken = folder / "run", folder / "real", []
    make_run(run, noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5"))
    for kind in ("doctor", "chef"):
        (real / kind).mkdir(parents=True)
        noise = np.random.default_rng(len(kind)).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(real / kind / "other.png")
    for row in pq.read_table(run / "shards").to_pylist()[:2]:
        taken.append(row["id"])
        picture = Image.open(BytesIO(row["image"]["bytes"])).convert("RGB").resize((200, 200))
        picture.save(real / "doctor" / f"{row['id']}.jpg", quality=90)
    (real / "doctor" / "broken.png").write_bytes(b"no picture")
    return run, real, sorted(taken)


def finished(run: Path, plan: Plan) -> Any:
    from synthgen.api.finishing import finalized

    return finalized(plan, open_store(run), fresh=0)


def told_by_status(run: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int, list[str]]:
    """How many images the dataset has and leaves out, and what a terminal shows of that."""
    capsys.readouterr()
    assert command_line(["status", str(run)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out")]
    assert command_line(["status", str(run), "--json"]) == 0
    found = envelope(capsys.readouterr().out)["result"]
    return found["in_dataset"], found["left_out"], lines


def ids(run: Path) -> set[str]:
    return {name for file in (run / "dataset/data").glob("*.parquet") for name in pq.read_table(file)["id"].to_pylist()}


def test_images_too_near_are_left_out_or_flagged_and_shown(
    run_and_real: tuple[Path, Path, list[str]], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    run, real, taken = run_and_real
    result = finished(run, plan_against(real))
    (compared,) = result.summary.compared
    assert (compared.name, compared.images, compared.removed) == (str(real), 4, True)
    assert [one.id for one in compared.near] == taken
    assert all(one.other == f"doctor/{one.id}.jpg" and one.bits is not None and one.bits <= 8 for one in compared.near)
    assert not ids(run) & {*taken}
    assert result.missing == 2
    assert told_by_status(run, capsys) == (8, 2, ["left out  2 accepted images, so the dataset has 8"])
    answer = answer_of_run(result)
    [doctor] = [str(line) for line in answer.lines if str(line).startswith("  doctor")]
    assert doctor.startswith("  doctor  6/6 of ")
    assert doctor.endswith("; the dataset has 5")
    assert not any(str(line).startswith("kept") for line in answer.lines), "nothing was"
    assert (answer.result["left_out"], answer.result["accepted"], answer.result["images"]) == (2, 10, 8)
    classes = cast("dict[str, dict[str, int]]", answer.result["classes"])
    assert [kind["images"] for kind in classes.values()] == [5, 3]
    assert result.summary.left_out == taken, "a top-up replaces them"
    assert "1 of 5 images are not compared: those that" in caplog.text
    page, card = (run / "report.html").read_text(), (run / "dataset/README.md").read_text()
    assert "2 of the images are too near to one of its 4: the dataset leaves them out" in page
    assert "2 short</strong> of the number requested" in page
    assert "The dataset has 8 of the accepted images: 2 are left out" in page
    assert "Complete" not in page
    assert "- The dataset has 8 of the accepted images: 2 are left out" in card
    assert all(f"{name}, made here" in page for name in taken)
    assert "2 are too near to one of them and left out" in card

    made = (run / "dataset/synthgen.json").stat().st_mtime_ns
    assert not finished(run, plan_against(real)).rebuilt
    assert (run / "dataset/synthgen.json").stat().st_mtime_ns == made
    flagged = finished(run, plan_against(real, action="flag"))
    assert [one.id for one in flagged.summary.compared[0].near] == taken
    assert flagged.summary.left_out == []
    assert told_by_status(run, capsys) == (10, 0, [])
    assert ids(run) >= {*taken}
    assert "2 are too near to one of them and kept here" in (card := (run / "dataset/README.md").read_text())
    assert "\\`" not in card
    assert "Complete" in (run / "report.html").read_text()


def test_the_card_shows_the_spec_with_the_keys_that_were_changed(tmp_path: Path) -> None:
    run, small = tmp_path / "run", "classes={doctor: 6, chef: 4}"
    make_run(run, noise_plan(small))
    assert last_spec(open_run(open_store(run)), open_store(run)) == SPEC
    changed = noise_plan(small, "output.splits={train: rest, test: 2}", "output.labels=alphabetical")
    create_run(open_store(run), changed, SPEC)
    finished(run, open_run(open_store(run)))
    card = (run / "dataset/README.md").read_text()
    assert "`spec.yaml`, the second one," in card
    assert "# changed since: output.labels, output.splits\n" in card
    assert "    train: rest\n    test: 2\n" in card
    assert card.index("| chef |") < card.index("| doctor |"), "in the order of labels"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("./nowhere", "output.against.sets.0: ./nowhere: there is no such file or folder"),
        ("empty", "output.against.sets.0: "),
        ("cats", "has other classes, such as 'cat', 'dog', and none of the spec's, such as 'doctor', 'chef'"),
        ("run", "output.against: {} and the run {} lie in one another"),
    ],
)
def test_a_set_that_cannot_be_compared_with_is_refused_before_work(place: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for kind in ("cat", "dog"):
        (tmp_path / "cats" / kind).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "cats" / kind / "1.png")
    name = place if place.startswith(".") else str(tmp_path / place)
    spec = parse_spec(SPEC, overrides=[f"output.against=[{name}]"])
    check = partial(check_apart, store=open_store(tmp_path / "run")) if place == "run" else check_against
    with pytest.raises(SynthgenError) as found:
        check(spec)
    assert message.replace("{}", name) in found.value.message


def test_sets_of_other_classes_and_of_none_are_compared_where_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("pets/cat/1.png", "pets/dog/1.png", "flat/1.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(file)
    check_against(parse_spec(SPEC, overrides=[f"output.against={{sets: [{tmp_path}/pets], labels: any}}"]))
    check_against(parse_spec(SPEC, overrides=[f"output.against=[{tmp_path}/flat]"]))


def test_a_run_from_someone_else_opens_no_set_without_trust(
    run_and_real: tuple[Path, Path, list[str]], tmp_path: Path
) -> None:
    _, real, _ = run_and_real
    make_run(tmp_path / "run", plan_against(real))
    with pytest.raises(UsageError, match=f"the set to compare with {real}"):
        synthgen.finalize(tmp_path / "run")
    assert len(synthgen.finalize(tmp_path / "run", trust=True).summary.compared) == 1


def test_pictures_are_looked_at_once(
    run_and_real: tuple[Path, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, real, _ = run_and_real
    first = read_sets(plan_against(real))
    monkeypatch.setattr("synthgen.api.set_looker.perceptual_hash", lambda _: pytest.fail("hashed again"))
    again = read_sets(plan_against(real))
    assert again.facts == first.facts
    assert again.others[0].hashes == first.others[0].hashes


def test_the_nearest_image_is_named_by_hash_or_by_embedding() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((6, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = [rng.bytes(32) for _ in range(6)]
    others = vectors[[5, 2]] + np.float32(0.005)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    vectors[0] = np.nan
    near = bytes([hashes[1][0] ^ 3, *hashes[1][1:]])
    other = OtherSet("real", ["a", "b"], [rng.bytes(32), near], others, "")
    names = [f"{place}" for place in range(6)]
    (found,) = compare(names, [None, *hashes[1:]], vectors, [other], AgainstSpec(sets=("./real",)), spared={"5"})
    assert found.near == (NearOther("1", "b", bits=2), NearOther("2", "b", cosine=found.near[1].cosine))


def test_a_run_whose_other_set_has_gone_says_how_its_dataset_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.api.exporting.require_trust", lambda *those, trust: None)
    run, real = tmp_path / "run", tmp_path / "real"
    (real / "doctor").mkdir(parents=True)
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(real / "doctor/other.png")
    make_run(run, plan_against(real))
    finished(run, plan_against(real))
    shutil.rmtree(real)
    with pytest.raises(UsageError, match=rf"output\.against\.sets\.0: {real}: there is no such file") as refused:
        synthgen.export(run, "coco", tmp_path / "out")
    hint = refused.value.hint or ""
    assert "put the set back" in hint
    assert f"name {run}/dataset in place of the run" in hint
    assert synthgen.export(run / "dataset", "coco", tmp_path / "out").rebuilt
