"""A finished run is damaged at random: `verify` names the file, `repair` and `run` bring back what can be derived."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import StorageError, SynthgenError
from synthgen.running import create_run, open_run, work
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, noise_plan

SMALL = ("classes={doctor: 3, chef: 2}", "output.shard_size=4")
GROWN = ("classes={doctor: 5, chef: 2}", "output.shard_size=4")
SPLIT = ("output.splits={train: 0.5, test: 0.5}", "output.splits={train: 0.7, test: 0.3}")

NOT_DERIVED = ("plan.json", "additions/00001.json", "changes/00002.json", "decisions/00001.json")
"""What nothing else holds. Damaged, they are refused by name."""


def made(folder: Path) -> None:
    """Whatever the run lacks, and then its dataset: as `synthgen run` does, with the tests' own models."""
    store = FolderStore(folder)
    create_run(store, noise_plan(*GROWN, SPLIT[-1]), SPEC, extend=True)
    plan = open_run(store)
    work(plan, store, NoiseGenerator(8), BrightnessJudge(), range(plan.shard_count))
    synthgen.finalize(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of file: it failed twice, grew once, changed its splits twice, and was reviewed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    store = FolderStore(folder)
    create_run(store, noise_plan(*SMALL), SPEC)
    write_failure(store, 0, ValueError("no memory\nat all"))
    write_failure(store, None, ValueError("no device"))
    create_run(store, noise_plan(*GROWN), SPEC, extend=True)
    create_run(store, noise_plan(*GROWN, SPLIT[0]), SPEC)
    made(folder)
    synthgen.exclude(folder, ["00001-000000"], reason="blurred", reviewer="ana")
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def files_of(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}


def test_the_run_has_every_kind_of_file(run: Path) -> None:
    names = {name.partition("/")[0] for name in files_of(run)}
    record = {"plan.json", "spec.yaml", "spec.resolved.yaml", "results.json", "report.html"}
    assert names >= {*record, "additions", "changes", "dataset", "decisions", "done", "failed", "ledger", "shards"}
    assert synthgen.verify(run) == []


def found(run: Path) -> list[str]:
    """Where `verify` finds damage, or what its error names: without its plan, a run cannot be verified."""
    try:
        return [f"{one.place} {one.message}" for one in synthgen.verify(run)]
    except StorageError as error:
        return [error.message]


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    byte = rng.choice([data[place] ^ 1 << rng.randrange(8), *b" \r\n\t0"])
    return data[:place] + bytes([byte]) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def zeroed(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes(len(data[place : place + 512])) + data[place + 512 :]


def longer(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice([b"\n", b" ", b"x", bytes(100)])


def nested(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"[" * 200_000, b'{"a":' * 100_000, b"[]", b"null", b'{"sha256": 1}'])


def no_table(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"PAR1 no table PAR1", b"", b"\xff" * 1000])


def other_columns(data: bytes, rng: random.Random) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [rng.random()]}), sink)
    return bytes(sink.getvalue())


Damaging = Callable[[bytes, random.Random], bytes | None]
FLIPS: list[Damaging] = [flipped, flipped, flipped, cut]
DAMAGES: list[Damaging] = [flipped, cut, zeroed, longer, nested, no_table, other_columns, lambda *_: None]


def damage(run: Path, whole: dict[str, bytes], kinds: list[Damaging], rng: random.Random) -> tuple[str, str]:
    """Damage one file; its name, and how."""
    while True:
        # Files of each kind as often as those of any other, however many there are of it.
        kind = rng.choice(sorted({name.partition("/")[0] for name in whole}))
        name = rng.choice([each for each in sorted(whole) if each.partition("/")[0] == kind])
        change = rng.choice(kinds)
        data = change(whole[name], rng)
        if data is None:
            (run / name).unlink()
        elif data != whole[name]:
            (run / name).write_bytes(data)
        else:
            continue
        return name, getattr(change, "__name__", "removed")


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 40), pytest.param(2, 300, marks=pytest.mark.slow)], ids=["sample", "all"]
)
def test_every_flip_and_cut_is_found(run: Path, seed: int, count: int) -> None:
    rng, whole = random.Random(seed), files_of(run)
    missed = []
    for _ in range(count):
        name, how = damage(run, whole, FLIPS, rng)
        if not any(name in line for line in found(run)):
            missed.append((name, how))
        (run / name).write_bytes(whole[name])
    assert missed == []


def test_verify_goes_on_to_the_end(run: Path) -> None:
    whole = files_of(run)
    needed = (*NOT_DERIVED, "results.json")  # which has the digests of what is made from the shards
    names = [name for name in whole if name not in needed]
    for name in names:
        (run / name).write_bytes(whole[name][:-1])
    lines = "\n".join(found(run))
    tables = [name for name in names if name.startswith(("shards", "ledger"))]
    assert [name for name in names if name not in lines and name not in tables] == []


@pytest.mark.parametrize(
    ("seed", "count"), [(3, 40), pytest.param(4, 300, marks=pytest.mark.slow)], ids=["sample", "all"]
)
def test_after_any_damage_repair_and_run_give_the_same_dataset_or_name_the_file(
    run: Path, finished: Path, seed: int, count: int
) -> None:
    rng, whole = random.Random(seed), files_of(finished)
    wrong = []
    for _ in range(count):
        name, how = damage(run, whole, DAMAGES, rng)
        try:
            for_good = [
                each.place for each in synthgen.repair(run).findings if each.is_for_good
            ]  # the CLI exits with 5
            made(run)
        except SynthgenError as error:
            if name not in NOT_DERIVED or name not in f"{error.message} {error.hint}":
                wrong.append((name, how, error.message))
        else:
            after = files_of(run)
            same = {each: data for each, data in after.items() if each.startswith("dataset/")} == {
                each: data for each, data in whole.items() if each.startswith("dataset/")
            }
            if not (same or (name in for_good and name in NOT_DERIVED)) or synthgen.verify(run):
                wrong.append((name, how, "other bytes"))
        shutil.rmtree(run)
        shutil.copytree(finished, run)
    assert wrong == []


def test_status_shows_a_run_whose_records_are_hostile(run: Path) -> None:
    for path in (run / "failed").iterdir():
        path.write_text(json.dumps({"cause": "\n", "time": []}))
    for path in sorted((run / "done").iterdir())[:1]:
        path.unlink()
    assert synthgen.status(run)[1].pending == (0,)
