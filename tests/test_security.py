"""What a spec, or a run of somebody else's, cannot do; and what never leaves the environment."""

import io
import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import ModelError, SpecError, StorageError, UsageError
from synthgen.redaction import without_secrets
from synthgen.running import create_run, work
from synthgen.running.replay import replay
from synthgen.spec import parse_spec
from synthgen.store import open_store
from tests.command import call
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan

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
    synthgen.finalize(tmp_path / "outer/run")
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
    synthgen.finalize(run)
    assert {file: (other / file).read_bytes() for file in files_of(other)} == before
    assert [path for path in run.rglob("*") if path.is_symlink()] == []


OUTSIDE = [
    "../outside.parquet",
    "/etc/hostname",
    "shards/../../outside.parquet",
    "shards/00002-0123456789abcdef.parquet",
    "shards/00001-0123456789abcdef.parquet/../../../outside.parquet",
    "shards/00001-0123456789abcdef.parquet\n",
    "plan.json",
]


def test_a_marker_that_names_a_file_outside_of_its_shard_is_refused_and_the_file_stays(place: str) -> None:
    plan = noise_plan("classes={doctor: 5}", "output.shard_size=3")
    make_run(place, plan)
    store, beside = open_store(place), open_store(place.rpartition("/")[0])
    assert beside.create("outside.parquet", b"not the run's")
    marker, before = json.loads(store.read("done/00001.json")), store.names("")
    for file in ("images", "ledger"):
        for name in OUTSIDE:
            store.delete("done/00001.json")
            store.create("done/00001.json", json.dumps(marker | {file: marker[file] | {"name": name}}).encode())
            _, state = synthgen.status(place)
            assert "names files that are not this shard's" in state.damaged[1], name
    assert [finding.place for finding in synthgen.verify(place)] == ["done/00001.json"]
    with pytest.raises(StorageError, match="is damaged"):
        synthgen.finalize(place)
    assert synthgen.repair(place).reopened == (1,)
    assert (beside.read("outside.parquet"), store.names("")) == (b"not the run's", before)


@pytest.mark.parametrize("splits", [{"../out": 1.0}, {"/tmp/out": 1.0}, {"a/b": 1.0}])
def test_a_plan_with_a_hostile_name_in_it_is_refused(tmp_path: Path, splits: dict[str, float]) -> None:
    make_run(tmp_path / "run", noise_plan("classes={doctor: 3}"))
    file = tmp_path / "run/plan.json"
    content = json.loads(file.read_text())
    content["spec"]["output"]["splits"] = splits
    file.write_text(json.dumps(content))
    with pytest.raises(StorageError, match=r"plan\.json is damaged"):
        synthgen.finalize(tmp_path / "run")


def test_an_id_that_is_a_path_is_no_id(tmp_path: Path) -> None:
    plan, store = noise_plan("classes={doctor: 3}"), open_store(tmp_path)
    make_run(tmp_path, plan)
    for image_id in ("../../x", "/etc/hostname", "00000-../../x", "", "99999-000000"):
        with pytest.raises(UsageError, match=r"has no attempt|has an attempt"):
            replay(plan, store, NoiseGenerator(), BrightnessJudge(), image_id)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"# from https://ann:{CANARY}@hub.example/model", "spec.yaml:1:"),
        (f"name: x\nmodel: {{id: 'https://{CANARY}@hub.example/model'}}", "spec.yaml:2:22:"),
        (f"name: x\nmodel: {{id: './https://ann:{CANARY}@hub.example'}}", "spec.yaml:2:"),
        (f"name: x\njudge: {{id: 'local-dir:s3://ann:with/slash/{CANARY}@bucket'}}", "spec.yaml:2:"),
    ],
)
def test_a_spec_with_a_secret_in_an_address_is_refused_and_the_secret_not_repeated(text: str, place: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_spec(text)
    assert str(refused.value).startswith(place)
    assert CANARY not in f"{refused.value} {refused.value.hint}"


def test_addresses_without_secrets_may_stand_in_a_spec() -> None:
    parse_spec(f"# see https://blog.example/@ann/post and mail ann@example.org, or http://host:8080/page\n{SPEC}")


def test_the_current_folder_is_no_secret() -> None:
    hidden = without_secrets("/home/ann/work and hunter2hunter2", {"PWD": "/home/ann/work", "DB_PWD": "hunter2hunter2"})
    assert hidden == "/home/ann/work and $DB_PWD"


@pytest.mark.parametrize("batch", [0, 1], ids=["of a worker", "of a shard"])
def test_the_record_of_a_failure_holds_no_secret(place: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    monkeypatch.setenv("MY_PASSWORD", f"long-{CANARY}")
    batches = count()

    def fail() -> None:
        if next(batches) == batch:
            raise RuntimeError(f"asked https://ann:hush@host with {CANARY}, then with long-{CANARY}")

    store, plan = open_store(place), noise_plan("classes={doctor: 3}", "output.shard_size=1")
    create_run(store, plan, SPEC)
    # The first batch of all ends the worker, a later one its shard.
    with pytest.raises(ModelError) if batch == 0 else nullcontext():
        assert work(plan, store, NoiseGenerator(before_batch=fail), BrightnessJudge(), range(3)).failed
    [name] = store.names("failed")
    assert name.startswith("failed/worker-") == (batch == 0)
    text = store.read(name).decode()
    assert (CANARY in text, "hush" in text) == (False, False)
    assert "asked https://***@host with $HF_TOKEN, then with $MY_PASSWORD" in text


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
        (2, "run", "hub.yaml", "-o", "hub"),
        (2, "status", f"s3://ann:{CANARY}@bucket/run"),
        (2, "validate", "spec.yaml", "--set", f"model.id={secret}"),
        (2, "validate", "spec.yaml", "--set", f"filters.label.calibration={secret}"),
    ):
        ended = call(*command, folder=tmp_path)
        assert ended.returncode == code, ended.stderr
        said += ended.stdout + ended.stderr
    assert CANARY not in said
    there = open_store(f"{bucket}/run")
    folders = ("", "done", "ledger", "shards", "dataset", "dataset/data")
    kept = {f"{bucket}/{name}": there.read(name) for folder in folders for name in there.names(folder)}
    assert len(kept) > 8
    kept |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [name for name, data in kept.items() if CANARY in readable(name, data)] == []


def readable(name: str, data: bytes) -> str:
    """All that is in a file; Parquet is compressed."""
    if not name.endswith(".parquet"):
        return data.decode(errors="replace")
    with pq.ParquetFile(io.BytesIO(data)) as file:
        return f"{file.schema_arrow.metadata} {file.metadata.metadata} {file.read().to_pylist()}"
