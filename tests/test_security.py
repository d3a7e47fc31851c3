"""What a spec, or a run of somebody else's, cannot do; and what never leaves the environment."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen import api
from synthgen.errors import SpecError, StorageError
from synthgen.run import open_store
from synthgen.spec import parse_spec
from tests.command import synthgen
from tests.run.noise import SPEC, make_run, noise_plan

CANARY = "canary-5d41402abc4b"
"""A secret that must be found nowhere."""


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name={!r}", ["../out", "/tmp/out", "a/b", "..", ".", "a\\b", "C:out", "~", ".hidden", "out."]),
        ("output.splits={{{!r}: 1}}", ["../out", "/tmp/out", "a/b", "..", ".", "a\\b", "C:out", "~", ".hidden"]),
        ("classes={{{!r}: 4}}", ["../out", "/tmp/out", "a/b", "a\\b"]),
    ],
)
def test_no_name_that_could_be_a_path_is_taken_from_a_spec(key: str, names: list[str]) -> None:
    for name in names:
        with pytest.raises(SpecError):
            parse_spec(SPEC, overrides=[key.format(name)])


def test_class_names_are_never_paths(tmp_path: Path) -> None:
    hostile = ("..", "~", "$(touch stolen)", "<img src=x>", "con", "a" * 100)
    plan = noise_plan(f"classes={{{', '.join(f'{name!r}: 4' for name in hostile)}}}")
    make_run(str(tmp_path / "outer/run"), plan)
    api.finalize(tmp_path / "outer/run")
    safe = re.compile(r"outer/run/([a-z]+/)*[A-Za-z0-9.-]+")
    assert all(safe.fullmatch(name) for name in files_of(tmp_path))
    assert "<img src=x>" not in (tmp_path / "outer/run/report.html").read_text()


@pytest.mark.parametrize("name", ["done", "shards", "ledger", "plan.json", "spec.yaml"])
def test_a_symbolic_link_in_a_run_is_not_followed(tmp_path: Path, name: str) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    run.mkdir()
    other.mkdir()
    target = other / name
    if "." in name:
        target.write_text("not yours")
    else:
        target.mkdir()
    (run / name).symlink_to(target)
    before = files_of(other)
    with pytest.raises(StorageError, match="is a symbolic link"):
        make_run(str(run), noise_plan())
    assert files_of(other) == before
    assert not target.is_file() or target.read_text() == "not yours"


@pytest.mark.parametrize("name", ["dataset", "report.html"])
def test_the_dataset_and_the_sheet_replace_a_symbolic_link_and_leave_its_target(tmp_path: Path, name: str) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    make_run(str(run), noise_plan())
    other.mkdir()
    if name == "dataset":
        (other / "synthgen.json").write_text("{}")
        (run / name).symlink_to(other)
    else:
        (other / "page").write_text("not yours")
        (run / name).symlink_to(other / "page")
    before = {file: (other / file).read_bytes() for file in files_of(other)}
    api.finalize(run)
    assert {file: (other / file).read_bytes() for file in files_of(other)} == before


@pytest.mark.slow
def test_secrets_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: Callable[[], str]) -> None:
    bucket = s3()
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("HTTPS_PROXY", f"http://ann:{CANARY}@127.0.0.1:9")
    drawn = SPEC.replace("owner/name, steps: 20", "'bundled:workers', steps: 1")
    (tmp_path / "spec.yaml").write_text(drawn.replace("{doctor: 26, chef: 12, farmer: 7}", "{doctor: 2}"))
    (tmp_path / "hub.yaml").write_text(SPEC)
    secret = f"https://ann:{CANARY}@host/model"
    said = ""
    for code, *command in (
        (0, "run", "spec.yaml", "-o", "run", "--devices", "cpu"),
        (0, "run", "spec.yaml", "-o", f"{bucket}/run", "--devices", "cpu"),
        (0, "status", f"{bucket}/run"),
        (0, "doctor"),
        (5, "run", "hub.yaml", "-o", "hub"),
        (2, "status", f"s3://ann:{CANARY}@bucket/run"),
        (2, "validate", "spec.yaml", "--set", f"model.id={secret}"),
        (2, "validate", "spec.yaml", "--set", f"filters.label.calibration={secret}"),
    ):
        ended = synthgen(*command, folder=tmp_path)
        assert ended.returncode == code, ended.stderr
        said += ended.stdout + ended.stderr
    assert CANARY not in said
    there = open_store(f"{bucket}/run")
    objects = [
        there.read(name) for folder in ("", "done", "ledger", "shards", "dataset") for name in there.names(folder)
    ]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(objects) > 5
    assert all(CANARY.encode() not in data for data in objects + files)
