"""A marker that is damaged, or cannot be read at this moment: nothing goes on as if its shard held no image."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.api.making import make_pending
from synthgen.errors import StorageError
from synthgen.running import create_run, open_run, read_intact, top_up
from synthgen.running.asking import asked_again
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, make_run, noise_plan

PLAN = noise_plan("classes={doctor: 4, chef: 2}", "output.shard_size=3")


def grown(run: Path) -> None:
    create_run(FolderStore(run), noise_plan("classes={doctor: 6, chef: 2}", "output.shard_size=3"), SPEC, extend=True)


def asked(run: Path) -> None:
    store = FolderStore(run)
    list(asked_again(open_run(store), store, BrightnessJudge()))


def topped_up(run: Path) -> None:
    store = FolderStore(run)
    planned = open_run(store)
    top_up(store, planned, read_intact(planned, store))


COMMANDS: dict[str, Callable[[Path], object]] = {
    "exclude": lambda run: synthgen.exclude(run, ["00000-000000"], reviewer="ana"),
    "exclude of another shard": lambda run: synthgen.exclude(run, ["00001-000000"], reviewer="ana"),
    "undo": lambda run: synthgen.exclude(run, ["00000-000000"], undo=True, reviewer="ana"),
    "rejudge": lambda run: synthgen.rejudge(run, ["filters.quality.min_sharpness=0.1"], output=run.parent / "stricter"),
    "extend": grown,
    "top-up": topped_up,
    "a new class": asked,
    "audit": synthgen.audit,
    "finalize": synthgen.finalize,
    "making what is missing": lambda run: make_pending(
        open_run(FolderStore(run)), FolderStore(run), "cpu", "local", None, lambda _: None, lambda: False
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_nothing_goes_on_without_a_shard_that_is_committed(
    finished: Path, tmp_path: Path, command: Callable[[Path], object]
) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "done/00000.json").write_bytes(b"{")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match=r"shard 0 is damaged: .*done/00000\.json") as refused:
        command(run)
    assert "synthgen repair" in str(refused.value.hint)
    assert sorted(tmp_path.rglob("*")) == before
