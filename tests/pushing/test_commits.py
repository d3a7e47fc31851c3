"""`synthgen push`: a dataset becomes a repository of the hub in one commit, and nothing else does."""

from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import StorageError, UsageError
from synthgen.store import open_store
from tests.command import command_line, envelope
from tests.hub import Hub
from tests.pushing.repositories import NAME, OWNER, files_of, in_repository

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads


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


def test_what_a_gitignore_keeps_out_is_told(hub: Hub, written: Path) -> None:
    repo = hub.datasets.create(NAME)
    repo.commit("main", {**repo.head(), ".gitignore": b"README.md\n"}, "mine")
    with pytest.raises(UsageError, match=r"has other content: \.gitignore"):
        synthgen.push(written, NAME)
    with pytest.raises(StorageError, match=r"is not the dataset after the commit: look at README\.md"):
        synthgen.push(written, NAME, replace=True)
    assert synthgen.push(written, NAME).commits == 1  # the file has gone now
    assert in_repository(hub) == files_of(written)


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
