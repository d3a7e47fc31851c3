"""How files come into being: whole, under names that nobody can foresee, and nowhere that a link leads to."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen.auditing.input.cache import EmbeddingCache
from synthgen.auditing.places import embeddings_folder, output_folder
from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.files import create_file, draft, write_file
from synthgen.judging.calibration.plot import write_precision_plot
from synthgen.pages.page import write_page
from synthgen.pages.pilot_labels import add_rows
from synthgen.store import FolderStore
from tests.command import call
from tests.running.noise import make_run, noise_plan

PLAN = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=4")


def embed(path: Path) -> None:
    cache = EmbeddingCache(path.parent, "judge", "revision")
    cache.add([b"k" * 32], np.zeros((1, 4), np.float32), 1.0)
    cache.flush()


WRITERS: dict[str, Callable[[Path], object]] = {
    "write_file": lambda path: write_file(path, b"new"),
    "a page": lambda path: write_page(path, "new"),
    "a plot": lambda path: write_precision_plot({"chef": [(1, 1, 1)]}, {"chef": None}, 0.9, path),
    "labels": lambda path: add_rows({"00000-000000": "chef"}, path),
}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@writers
def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    path = tmp_path / "a/b/file"
    write(path)
    first = path.read_bytes()
    write(path)
    assert contents(tmp_path) == {"a/b/file": first}


@writers
def test_no_link_at_a_foreseeable_name_is_followed(tmp_path: Path, write: Callable[[Path], object]) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_text("not yours")
    folder.mkdir()
    for number in range(os.getpid() - 5, os.getpid() + 5):
        (folder / f".file.{number}").symlink_to(victim)
    write(folder / "file")
    assert victim.read_text() == "not yours"


@writers
@pytest.mark.parametrize("kind", ["a folder in its place", "a file on the way", "no room"])
def test_what_cannot_be_written_is_told_and_what_was_there_stays(
    tmp_path: Path, write: Callable[[Path], object], kind: str
) -> None:
    path = tmp_path / "way/file"
    if kind == "a folder in its place":
        (path / "thesis").mkdir(parents=True)
    elif kind == "a file on the way":
        (tmp_path / "way").write_text("a file")
    else:
        path = Path("/proc/synthgen/file")
    before = contents(tmp_path)
    with pytest.raises(SynthgenError, match=r"file|way"):
        write(path)
    assert contents(tmp_path) == before


def test_an_exception_or_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    with pytest.raises(KeyError), draft(path) as new:  # noqa: PT012
        new.write(b"half")
        raise KeyError
    assert contents(tmp_path) == {"file": b"old"}


def test_a_name_that_is_taken_stays(tmp_path: Path) -> None:
    assert create_file(tmp_path / "file", b"one")
    assert not create_file(tmp_path / "file", b"two")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert not create_file(tmp_path / "link", b"three")
    assert contents(tmp_path) == {"file": b"one"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])  # exFAT has the first
def test_without_hard_links_a_run_says_so_and_other_files_are_made(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.link", link)
    with pytest.raises(StorageError) as raised:
        FolderStore(tmp_path).create("plan.json", b"{}")
    assert "no hard links" in str(raised.value.hint)
    assert create_file(tmp_path / "spec.yaml", b"one")
    assert not create_file(tmp_path / "spec.yaml", b"two")
    assert contents(tmp_path) == {"spec.yaml": b"one"}


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    write_file(tmp_path / ("ü" * 127), b"x")
    assert len(contents(tmp_path)) == 1


def test_a_draft_whose_process_was_killed_goes_with_the_next_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from synthgen.files import draft\n"
        f"with draft(Path({str(tmp_path / 'file')!r})) as new:\n"
        "    print(new.temporary, flush=True); new.write(b'half'); new.flush(); sys.stdin.read()"
    )
    start = partial(subprocess.Popen, [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with start(text=True) as killed, start(text=True) as living:
        assert killed.stdout is not None
        assert living.stdout is not None
        dead, alive = Path(killed.stdout.readline().strip()), Path(living.stdout.readline().strip())
        killed.kill()
        killed.wait()
        assert (dead.exists(), alive.exists()) == (True, True)
        write_file(tmp_path / "file", b"new")
        assert (dead.exists(), alive.exists()) == (False, True)
        living.kill()


# Links in a run of somebody else.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize("link", ["audit", "audit/embeddings", "audit/embeddings/judge"])
def test_no_link_on_the_way_into_a_run_is_followed_by_an_audit(run: Path, tmp_path: Path, link: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "report.html").write_text("not yours")
    folder = EmbeddingCache(run / "audit/embeddings", "judge", "revision").folder
    assert folder is not None
    path = folder if link.endswith("judge") else run / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    with pytest.raises(StorageError, match=f"{path.name} is a symbolic link"):
        embed(embeddings_folder(output_folder(run)) / "any")
    assert contents(target) == {"report.html": b"not yours"}


def test_an_audit_follows_no_link_of_a_run_but_one_that_the_user_names(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (run / "audit").symlink_to(target)
    refused = call("audit", run, "--known", "tint=attribute_tint", folder=tmp_path)
    assert (refused.returncode, "audit is a symbolic link" in refused.stderr, contents(target)) == (5, True, {})
    (tmp_path / "named").symlink_to(target)
    table = tmp_path / "list.csv"
    table.write_text("id,label,skin\n" + "".join(f"p{i},{'ab'[i % 2]},{'xy'[i % 3 % 2]}\n" for i in range(8)))
    done = call("audit", table, "--known", "skin=skin", "-o", "named", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(contents(target)) == {"audit.json", "report.html", "groups.parquet", "datasheet.md"}


@pytest.mark.parametrize("name", ["dataset", "dataset/data", "dataset/README.md"])
def test_an_audit_reads_no_dataset_through_a_link(run: Path, tmp_path: Path, name: str) -> None:
    (run / name).rename(tmp_path / "elsewhere")
    (run / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is a symbolic link"):
        synthgen.audit(run, known={"tint": "attribute_tint"})


def test_a_cache_that_is_a_file_is_told_before_the_images_and_not_in_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("I am a file")
    with pytest.raises(UsageError, match="cache is a file") as raised:
        embed(tmp_path / "cache/any")
    assert (raised.value.argument, raised.value.exit_code) == ("cache", 2)
    assert "`cache`" in str(raised.value.hint)


def test_init_overwrites_no_schema_of_somebody_else_and_renews_its_own(tmp_path: Path) -> None:
    schema = tmp_path / "synthgen.schema.json"
    schema.write_text('{"title": "my own"}')
    refused = call("init", "a.yaml", folder=tmp_path)
    assert (refused.returncode, contents(tmp_path)) == (2, {schema.name: b'{"title": "my own"}'})
    schema.write_text('{"title": "synthgen spec"}')
    assert call("init", "a.yaml", folder=tmp_path).returncode == 0
    assert len(schema.read_bytes()) > 1000


# What a killed finalize leaves.

STOP = """
import os, sys
import synthgen
from synthgen.dataset import finalize

def write_card(*_):
    print("building", flush=True)
    {then}

{patch}
synthgen.finalize(sys.argv[1])
"""
IN_THE_DATASET = "finalize.write_card = write_card"
IN_THE_SHEET = """
from synthgen import files
files.Draft.replace = write_card
"""


def finalizing(run: Path, then: str, patch: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", STOP.format(then=then, patch=patch), str(run)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "building\n"
    return process


def hidden(run: Path) -> list[str]:
    return [path.name for path in run.iterdir() if path.name.startswith(".")]


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    make_run(tmp_path / "run", PLAN)
    return tmp_path / "run"


@pytest.mark.parametrize("patch", [IN_THE_DATASET, IN_THE_SHEET], ids=["dataset", "sheet"])
@pytest.mark.parametrize("then", ["finalize", "repair"])
def test_what_a_killed_finalize_left_is_counted_and_cleared(unfinished: Path, patch: str, then: str) -> None:
    for _ in range(2):
        with finalizing(unfinished, "os.kill(os.getpid(), 9)", patch) as killed:
            assert killed.wait() == -signal.SIGKILL
    assert len(hidden(unfinished)) in (1, 2)  # the second has cleared what the first one left
    assert set(hidden(unfinished)) <= set(synthgen.status(unfinished)[1].orphans)
    if then == "repair":
        left = set(hidden(unfinished))
        assert left <= set(synthgen.repair(unfinished).removed)
    else:
        synthgen.finalize(unfinished)
    assert hidden(unfinished) == []


def test_what_a_living_finalize_writes_is_left_alone(unfinished: Path) -> None:
    with finalizing(unfinished, "sys.stdin.read()", IN_THE_DATASET) as living:
        copies = hidden(unfinished)
        assert copies
        with pytest.raises(StorageError, match=f"process {living.pid}"):
            synthgen.repair(unfinished)
        assert hidden(unfinished) == copies
        assert living.stdin is not None
        living.stdin.close()
        assert living.wait() == 0
    assert hidden(unfinished) == []
    assert synthgen.verify(unfinished) == []


def test_a_copy_of_another_machine_is_cleared_when_nobody_touched_it_for_a_day(unfinished: Path) -> None:
    copy = unfinished / ".dataset.new-00000000-0123abcd"
    copy.mkdir()
    synthgen.finalize(unfinished)
    assert copy.exists()
    os.utime(copy, (1, 1))
    synthgen.finalize(unfinished)
    assert not copy.exists()
