"""Where something is to be made: what cannot be used is refused before anything is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import synthgen
from synthgen.auditing.places import check_output
from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.files import check_file
from synthgen.spec import parse_spec
from tests.running.noise import make_run, noise_plan

TEXT = """\
synthgen: 1
name: small
model: {id: "bundled:workers", steps: 1}
classes: {doctor: 1}
prompts: {templates: ["a {class}"]}
"""
SPEC = parse_spec(TEXT)
PLACES: dict[str, Callable[[Path], object]] = {
    "a file": lambda place: place.write_text("I am a file"),
    "below a file": lambda place: place.parent.write_text("I am a file"),
    "a dangling link": partial(os.symlink, "nowhere"),
    "a link to itself": lambda place: os.symlink(place, place),
    "a name that is not UTF-8": lambda place: None,
}
IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "dataset": lambda path: shutil.copytree(Path(__file__).parent / "planning", path),
    "dataset, a file": Path.touch,
    "report.html": Path.mkdir,
    "shards": Path.touch,
    "ledger": partial(os.symlink, "/tmp"),
    "done": os.mkfifo,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "run"
    make_run(folder, noise_plan("classes={doctor: 2}", "filters.label={min_posterior: 0.1}"))
    return folder


def found_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def calls(place: Path, source: Path) -> dict[str, Callable[[], object]]:
    return {
        "run": lambda: synthgen.run(SPEC, place),
        "plan": lambda: synthgen.begin(SPEC, place),
        "calibrate": lambda: synthgen.pilot(SPEC, place, 2),
        "rejudge": lambda: synthgen.rejudge(source, ["filters.label.min_posterior=0.2"], place),
    }


@pytest.mark.parametrize("kind", PLACES)
def test_a_place_that_cannot_be_used_is_refused_and_nothing_is_made(tmp_path: Path, source: Path, kind: str) -> None:
    place = tmp_path / "place" / os.fsdecode(b"out\xe9" if "UTF-8" in kind else b"out")
    if kind != "below a file":
        place.parent.mkdir()
    PLACES[kind](place)
    before = found_in(tmp_path)
    everywhere = calls(place, source) | {
        "preview": lambda: synthgen.preview(SPEC, 1, place / "sheet.html"),
        "audit": lambda: check_output(place, source),
    }
    for name, call in everywhere.items():
        with pytest.raises(UsageError if "UTF-8" in kind else StorageError) as refused:
            call()
        assert refused.value.hint, name
        assert found_in(tmp_path) == before, name


@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_what_is_in_the_way_in_a_folder_is_named_before_anything_is_made(
    tmp_path: Path, source: Path, kind: str
) -> None:
    place, name_of = tmp_path / "out", kind.partition(",")[0]
    place.mkdir()
    IN_THE_WAY[kind](place / name_of)
    before = found_in(tmp_path)
    for name, call in calls(place, source).items():
        with pytest.raises(SynthgenError, match=name_of):
            call()
        assert found_in(tmp_path) == before, name


@pytest.mark.parametrize("address", ["s3://bucket/prefix", "gs://bucket/a/b", "hf://datasets/owner/name"])
def test_an_address_is_no_folder_but_that_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    synthgen.render("real", 2)
    before = found_in(tmp_path)
    for call in (
        lambda: synthgen.render(address, 2),
        lambda: synthgen.join("real", "real", address),
        lambda: synthgen.export("real", "parquet", address),
        lambda: synthgen.pilot(SPEC, address, 2),
        lambda: synthgen.preview(SPEC, 1, f"{address}/sheet.html"),
        lambda: check_output(Path(address), "real"),
    ):
        with pytest.raises(UsageError, match="address") as refused:
            call()
        assert refused.value.hint
    assert found_in(tmp_path) == before


def test_it_is_refused_by_the_command_line_with_2_and_no_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TEXT)
    (tmp_path / "list.csv").write_text("id,label,skin\na,x,y\nb,x,z\n")
    code = "import sys\nfrom synthgen.cli import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    for command in (
        ["run", "spec.yaml"],
        ["plan", "spec.yaml"],
        ["calibrate", "spec.yaml"],
        ["preview", "spec.yaml"],
        ["audit", "list.csv", "--known", "skin=skin"],
    ):
        line: list[str | bytes] = [sys.executable, "-c", code, *command, "-o", b"out\xe9"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, timeout=240, check=False)
        assert (done.returncode, done.stdout) == (2, b"False\n"), done.stderr
        assert b"is not a name in UTF-8" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["list.csv", "spec.yaml"]


def test_a_resumed_run_is_refused_before_its_next_image(tmp_path: Path) -> None:
    synthgen.begin(SPEC, tmp_path / "run")
    (tmp_path / "run/dataset").mkdir()
    (tmp_path / "run/dataset/thesis.txt").write_text("ten years of work")
    with pytest.raises(StorageError, match="dataset is in the way"):
        synthgen.run(SPEC, tmp_path / "run")
    own = ["plan.json", "spec.resolved.yaml", "spec.yaml"]
    assert found_in(tmp_path / "run") == ["dataset", "dataset/thesis.txt", *own]


def test_a_finished_run_need_not_be_written(source: Path, tmp_path: Path) -> None:
    run = shutil.copytree(source, tmp_path / "run")
    synthgen.finalize(run)
    times = {name: (run / name).stat().st_mtime_ns for name in found_in(run)}
    synthgen.finalize(run)
    assert {name: (run / name).stat().st_mtime_ns for name in found_in(run)} == times


def test_a_user_may_name_a_folder_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    synthgen.begin(SPEC, tmp_path / "link")
    assert found_in(tmp_path / "real") == ["plan.json", "spec.resolved.yaml", "spec.yaml"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "sheet.html")
    with pytest.raises(StorageError, match="not a file that can be replaced"):
        check_file(tmp_path / "sheet.html")
