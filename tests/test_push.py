"""`synthgen push`: a dataset becomes a repository of the hub in one commit, and nothing else does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

import synthgen
from synthgen.dataset.finalize import finalize
from synthgen.dataset.hub import sending
from synthgen.dataset.hub.difference import parts
from synthgen.errors import Interrupted, StorageError, UsageError
from synthgen.store import open_store
from tests.command import command_line, envelope
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard
from tests.hub import Hub, serve
from tests.hub_datasets import TOKENS

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads
OWNER, READER = TOKENS
NAME = "owner/portraits"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 60 images, with files that are not part of it."""
    place = tmp_path_factory.mktemp("written")
    make = partial(finalize, name="workers", classes=CLASSES, splits={"train": 0.8, "test": 0.2})
    make([write_shard(place, 0)], place / "dataset", provenance=PROVENANCE)
    (place / "dataset/.env").write_text("HF_TOKEN=hf_somebodyElses")
    (place / "dataset/notes.txt").write_text("mine alone")
    return place / "dataset"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, for a user who has logged in to it."""
    from huggingface_hub import constants

    with serve(tmp_path / "models") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its service of chunks is not part of this hub
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr("synthgen.models.busy_hub.wait", lambda *tries: None)
        monkeypatch.setenv("HF_TOKEN", OWNER)
        yield hub


def files_of(dataset: Path) -> dict[str, bytes]:
    """What a repository has to hold: the files that the dataset itself names."""
    named = json.loads((dataset / "synthgen.json").read_text())["digests"]
    return {name: (dataset / name).read_bytes() for name in (*named, "synthgen.json")}


def in_repository(hub: Hub, branch: str = "main") -> dict[str, bytes]:
    return {name: data for name, data in hub.datasets.repos[NAME].head(branch).items() if name != ".gitattributes"}


@pytest.fixture
def other(written: Path, tmp_path: Path) -> Path:
    """Another dataset of the same name, with another file of data."""
    make = partial(finalize, name="workers", classes=CLASSES, splits={"all": 1.0})
    make([write_shard(tmp_path, 1)], tmp_path / "other", provenance=PROVENANCE)
    return tmp_path / "other"


def test_a_push_is_one_commit_of_the_files_that_the_dataset_names(
    hub: Hub, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["push", str(written), "portraits", "--private", "--json"]) == 0
    printed = capsys.readouterr()
    found = envelope(printed.out)["result"]
    repo = hub.datasets.repos[NAME]
    assert (found["repository"], found["commit"], found["commits"]) == (NAME, repo.branches["main"], 1)
    assert repo.private
    assert in_repository(hub) == files_of(written)
    assert set(found["left"]) == {".env", "notes.txt"}
    assert {file["state"] for file in found["files"]} == {"new"}
    assert OWNER not in printed.out + printed.err
    assert '"unit": "MB"' in printed.err

    asked = len(hub.datasets.uploads)
    assert command_line(["push", str(written), NAME]) == 0
    assert f"nothing to do: {NAME} is this dataset already" in capsys.readouterr().out
    assert (len(repo.commits), len(hub.datasets.uploads)) == (2, asked)


def test_what_would_go_is_listed_and_nothing_goes(
    hub: Hub, written: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command_line(["push", str(written), NAME, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith("README.md  (new)") for line in lines)
    assert lines[-1].endswith(f"to {NAME}, a new repository")
    assert not hub.datasets.repos
    monkeypatch.delenv("HF_TOKEN")
    assert command_line(["push", str(written), NAME, "--dry-run"]) == 0
    assert "unknown   what is there: there is no token\n" in capsys.readouterr().out
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert command_line(["push", str(written), NAME, "--dry-run"]) == 0
    assert "unknown   what is there: HF_HUB_OFFLINE is set\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("token", "code", "said"),
    [
        ("", 2, "there is no token for the Hub"),
        ("hf_notATokenOfAnybody", 2, "the Hub does not accept the token"),
        (READER, 2, f"the token may not write to {NAME}"),
    ],
)
def test_a_token_that_does_not_do_is_refused_and_never_shown(
    hub: Hub,
    written: Path,
    token: str,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert command_line(["push", str(written), NAME, "--json", "-q"]) == code
    printed = capsys.readouterr()
    assert said in envelope(printed.out)["errors"][0]["message"]
    assert not token or token not in printed.out + printed.err


def test_a_login_that_the_hub_keeps_on_this_machine_does(
    hub: Hub, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    Path(constants.HF_TOKEN_PATH).write_text(OWNER)
    assert synthgen.push(written, "portraits").repository == NAME


def test_other_content_is_kept_unless_it_is_to_be_replaced(hub: Hub, written: Path, other: Path) -> None:
    repo = hub.datasets.create(NAME)
    repo.commit("main", {**repo.head(), "data/train-mine.parquet": b"rows of somebody", "LICENSE": b"mine"}, "mine")
    before = repo.head()
    for dry in (True, False):
        with pytest.raises(UsageError, match=f"{NAME} has other content: LICENSE and 1 more"):
            synthgen.push(written, NAME, dry_run=dry)
    with pytest.raises(UsageError, match="everybody sees it"):
        synthgen.push(written, NAME, private=True, replace=True)
    assert repo.head() == before

    pushed = synthgen.push(written, NAME, replace=True)
    assert (pushed.commits, pushed.deleted) == (1, ("LICENSE", "data/train-mine.parquet"))
    assert in_repository(hub) == files_of(written)
    assert before in repo.commits.values()  # its history keeps them

    with pytest.raises(UsageError, match="has other content"):
        synthgen.push(other, NAME)
    synthgen.push(other, NAME, replace=True)
    assert in_repository(hub) == files_of(other)  # no file of the dataset before is read as its rows


def test_a_branch_of_its_own_begins_from_main_and_leaves_it_alone(hub: Hub, written: Path, other: Path) -> None:
    synthgen.push(written, NAME)
    pushed = synthgen.push(other, NAME, revision="second", message="Another set")
    repo = hub.datasets.repos[NAME]
    assert pushed.commit == repo.branches["second"]
    assert repo.messages[-1] == "Another set"
    assert in_repository(hub) == files_of(written)
    assert in_repository(hub, "second") == files_of(other)
    assert synthgen.push(written, NAME, revision="third").commits == 0
    assert repo.branches["third"] == repo.branches["main"]


@pytest.mark.parametrize("status", [503, 429])
def test_a_hub_that_fails_is_no_fault_of_the_user(
    hub: Hub, written: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.datasets.before = lambda method, path: status if path.endswith("whoami-v2") else None
    assert command_line(["push", str(written), NAME, "-q"]) == 5
    assert "what has arrived is not sent again" in capsys.readouterr().err


def test_a_hub_that_is_not_there_is_no_fault_of_the_user(
    hub: Hub, written: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert command_line(["push", str(written), NAME, "-q"]) == 5
    assert "Is the network up, and the Hub?" in capsys.readouterr().err
    assert command_line(["push", str(written), NAME, "-q", "--dry-run"]) == 5
    hint = capsys.readouterr().err
    assert "Is the network up, and the Hub? Run the same command again." in hint
    assert "arrived" not in hint, "nothing was to be sent"


def test_somebody_who_commits_meanwhile_keeps_what_was_committed(hub: Hub, written: Path) -> None:
    def meanwhile(method: str, path: str) -> None:
        if path.endswith("/commit/main"):
            repo = hub.datasets.repos[NAME]
            repo.commit("main", {**repo.head(), "mine.txt": b"mine"}, "mine")

    hub.datasets.before = meanwhile
    with pytest.raises(StorageError, match="somebody else changed owner/portraits meanwhile"):
        synthgen.push(written, NAME)
    assert in_repository(hub) == {"mine.txt": b"mine"}


def test_a_commit_whose_answer_is_lost_counts(hub: Hub, written: Path) -> None:
    answer = hub.datasets.answer

    def lost(method: str, target: str, headers: dict[str, str], body: bytes) -> object:
        done = answer(method, target, headers, body)
        return (504, b"{}", {}) if "/commit/" in target else done

    hub.datasets.answer = lost  # type: ignore[method-assign,assignment]
    assert synthgen.push(written, NAME).commits == 1
    assert in_repository(hub) == files_of(written)


def test_what_a_gitignore_keeps_out_is_told(hub: Hub, written: Path) -> None:
    repo = hub.datasets.create(NAME)
    repo.commit("main", {**repo.head(), ".gitignore": b"README.md\n"}, "mine")
    with pytest.raises(UsageError, match=r"has other content: \.gitignore"):
        synthgen.push(written, NAME)
    with pytest.raises(StorageError, match=r"is not the dataset after the commit: look at README\.md"):
        synthgen.push(written, NAME, replace=True)
    assert synthgen.push(written, NAME).commits == 1  # the file has gone now
    assert in_repository(hub) == files_of(written)


def damage(dataset: Path, what: str) -> None:
    data = next(dataset.glob("data/*.parquet"))
    if what == "changed":
        data.write_bytes(data.read_bytes()[:-1] + b"?")
    elif what == "gone":
        data.unlink()
    elif what == "link":
        content = data.rename(dataset / "notes.parquet")
        data.symlink_to(content)
    else:
        summary = dataset / "synthgen.json"
        summary.write_text(summary.read_text().replace("workers", "walkers"))


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("argument", "name"),
    [
        *(("repository", name) for name in ("two words", "a/b/c", "ü/x", "a--b", "x.git", "x" * 97, "owner/", "")),
        *(("revision", name) for name in ("bad branch", "a..b", ".a", "a.lock/b", "a//b", "a/", "a.", "-a", "@", "")),
        *(("revision", name) for name in ("a@{b", "a~1", "a[b", "a\\b", "a\nb", "HEAD", "0" * 40, "refs/pr/1")),
    ],
)
def test_an_impossible_name_is_refused_before_anything_is_read(
    argument: str, name: str, dry_run: bool, tmp_path: Path
) -> None:
    given = {"repository": NAME, argument: name}
    with pytest.raises(UsageError) as refused:
        synthgen.push(tmp_path / "nothing", dry_run=dry_run, **given)  # type: ignore[arg-type]
    assert refused.value.argument == argument


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("changed", "is not what was written"),
        ("gone", "is missing"),
        ("link", "is a symbolic link"),
        ("record", "synthgen.json is damaged"),
    ],
)
def test_a_damaged_dataset_is_not_published(hub: Hub, written: Path, tmp_path: Path, what: str, said: str) -> None:
    shutil.copytree(written, tmp_path / "copy")
    damage(tmp_path / "copy", what)
    asked: list[str] = []
    hub.datasets.before = lambda method, path: asked.append(path)
    for dry_run in (False, True):
        with pytest.raises(StorageError, match=said):
            synthgen.push(tmp_path / "copy", NAME, dry_run=dry_run)
    assert not asked, "the dataset is checked before the network is"
    assert not hub.datasets.repos


def test_what_is_no_dataset_is_refused(hub: Hub, tmp_path: Path, written: Path) -> None:
    (tmp_path / "folder").mkdir()
    for dataset, repository, argument in (
        (tmp_path / "nothing", NAME, "dataset"),
        (tmp_path / "folder", NAME, "dataset"),
        (written, "two words/ü", "repository"),
    ):
        with pytest.raises(UsageError) as refused:
            synthgen.push(dataset, repository)
        assert refused.value.argument == argument
    with pytest.raises(Interrupted):
        synthgen.push(written, NAME, stop=lambda: True)
    assert not hub.datasets.repos


def test_what_is_seen_between_two_commits_is_a_part_of_the_new_dataset(
    hub: Hub, written: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthgen.push(written, NAME)
    wanted = files_of(other)
    monkeypatch.setattr(sending, "parts", partial(parts, most=1))
    hub.datasets.before = lambda method, path: 500 if path.endswith("/commit/main") and was_begun() else None

    def was_begun() -> bool:
        return len(hub.datasets.repos[NAME].commits) > 3

    with pytest.raises(StorageError, match="500"):
        synthgen.push(other, NAME, replace=True)
    seen = in_repository(hub)
    assert seen
    assert seen.items() <= wanted.items()
    assert "synthgen.json" not in seen
    hub.datasets.before = lambda method, path: None
    assert synthgen.push(other, NAME).commits == len(wanted) - len(seen)
    assert in_repository(hub) == wanted


def test_what_was_pushed_is_read_from_there(
    hub: Hub, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import config, load_dataset
    from huggingface_hub import DatasetCard, constants

    monkeypatch.setattr(config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    synthgen.push(written, NAME)
    here = load_dataset(str(written), cache_dir=str(tmp_path / "here"))
    there = load_dataset(NAME, cache_dir=str(tmp_path / "there"))
    assert {split: rows.features for split, rows in there.items()} == {
        split: rows.features for split, rows in here.items()
    }
    for split in here:
        assert there[split]["id"][:] == here[split]["id"][:]
        assert [image.tobytes() for image in there[split]["image"]] == [
            image.tobytes() for image in here[split]["image"]
        ]
    card = DatasetCard.load(NAME)
    assert card.data.to_dict()["pretty_name"] == "workers"


@pytest.mark.slow
def test_the_dataset_of_a_run_in_a_bucket_is_pushed(
    hub: Hub, written: Path, s3: Callable[[str], str], tmp_path: Path
) -> None:
    store = open_store(s3("pushed") + "/run")
    with pytest.raises(UsageError, match="has no dataset yet"):
        synthgen.push(store.location, NAME)
    for name, content in files_of(written).items():
        with store.write(f"dataset/{name}") as file:
            file.write(content)
    synthgen.push(store.location, NAME)
    assert in_repository(hub) == files_of(written)


POINTS: dict[str, Callable[[str, str], bool]] = {
    "created": lambda method, path: path == "/api/repos/create",
    "uploading": lambda method, path: path.startswith("/upload/"),
    "committing": lambda method, path: path.endswith("/commit/main"),
    "looking": lambda method, path: "/tree/" in path,
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_it_has_published_all_or_nothing_and_the_next_call_finishes(
    written: Path, tmp_path: Path, point: str
) -> None:
    with serve(tmp_path / "models") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": OWNER}
        command = [sys.executable, "-m", "synthgen", "push", str(written), NAME, "-q"]

        def kill(method: str, path: str) -> None:
            if POINTS[point](method, path):
                hub.datasets.before = lambda method, path: None
                # When it has answered, and not before: what is asked for is done.
                Thread(target=os.kill, args=(process.pid, signal.SIGKILL)).start()

        hub.datasets.before = kill
        with subprocess.Popen(command, env={**os.environ, **environment}) as process:
            assert process.wait(60) == -signal.SIGKILL
        assert NAME not in hub.datasets.repos or in_repository(hub) in ({}, files_of(written))
        arrived = set(hub.datasets.objects)
        again = subprocess.run(command, env={**os.environ, **environment}, timeout=60, check=False)
        assert again.returncode == 0
        assert in_repository(hub) == files_of(written)
        assert len(hub.datasets.uploads) == len({*hub.datasets.uploads}), arrived  # nothing went twice
