"""Every JSON file of a run, with one value of another type: it ends as damage of that file, never as a traceback."""

import json
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.dataset.summary import parse_summary
from synthgen.errors import SynthgenError
from synthgen.running import open_run, read_state, top_up, work
from synthgen.running.failures import write_failure
from synthgen.seal import seal, unseal
from synthgen.store import open_store
from tests.running.noise import BrightnessJudge, NoiseGenerator, make_run, noise_plan

WRONG: tuple[object, ...] = ([], {}, "x", -1.5, True, None, [[{}]], {"x": {"y": []}}, ["x"])


FILES = (
    "plan.json",
    "done/00000.json",
    "additions/00001.json",
    "failed/*.json",
    "dataset/synthgen.json",
    "results.json",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one of every JSON file."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, noise_plan("classes={doctor: 5, chef: 4}", "output.shard_size=4", "budget.attempts_per_image=2"))
    store = open_store(folder)
    more = top_up(store, open_run(store), read_state(open_run(store), store))
    work(more, store, NoiseGenerator(), BrightnessJudge(), range(more.shard_count))
    write_failure(store, 0, ValueError("no"))
    synthgen.finalize(folder)
    return folder


def paths(content: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of parsed JSON stand, outermost first."""
    entries = (
        content.items() if isinstance(content, dict) else enumerate(content[:1]) if isinstance(content, list) else ()
    )
    for key, value in entries:
        yield (*here, key)
        yield from paths(value, (*here, key))


def replaced(content: Any, path: tuple[Any, ...], value: object) -> Any:
    copy = json.loads(json.dumps(content))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


@pytest.mark.parametrize("pattern", FILES)
def test_a_value_of_another_type_is_damage_of_its_file_and_never_a_traceback(finished: Path, pattern: str) -> None:
    [path] = finished.glob(pattern)
    name, whole = str(path.relative_to(finished)), path.read_text()
    content, is_sealed = unseal(whole)
    spread = cycle(WRONG)
    try:
        for place in paths(content):
            for value in islice(spread, 4):
                text = json.dumps(replaced(content, place, value), indent=1)
                path.write_text(seal(text) if is_sealed else text)
                read(finished, name, (place, value))
    finally:
        path.write_text(whole)
    assert synthgen.verify(finished) == []


def read(run: Path, name: str, changed: object) -> None:
    for command in (synthgen.status, synthgen.verify):
        try:
            command(run)
        except SynthgenError as error:
            told = name in error.message
            assert told, changed
        except Exception as error:
            raise AssertionError(f"{name}, changed at {changed}, breaks {command.__name__}") from error


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("splits", 1, "classes"), {"doctor": 1}),
        (("splits", 0, "rows"), -1),
        (("splits", 0, "files"), {"../plan.json": 5}),
        (("digests",), {"README.md": "0"}),
        (("duplicates",), [{"id": "x-1", "same_as": "00000-000000"}]),
    ],
)
def test_a_summary_that_contradicts_itself_is_damaged(finished: Path, place: tuple[Any, ...], value: object) -> None:
    text = (finished / "dataset/synthgen.json").read_text()
    assert parse_summary(text)
    assert parse_summary(seal(json.dumps(replaced(unseal(text)[0], place, value), indent=1))) is None
