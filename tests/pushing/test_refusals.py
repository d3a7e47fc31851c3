"""What cannot be pushed."""

import shutil
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import Interrupted, StorageError, UsageError
from tests.hub import Hub
from tests.pushing.repositories import NAME

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads


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
