"""Where models come from: folders and the hub, pinned."""

import json
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest

from synthgen.errors import ModelError, ModelUnavailable
from synthgen.models import content_hash, locate

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (folder / "unet/weights.safetensors").write_bytes(bytes(100))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache with a pipeline and an open_clip model, their branch `main` at `COMMIT`."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for repo, file in (("name", "model_index.json"), ("judge", "open_clip_config.json")):
        model = tmp_path / f"models--owner--{repo}"
        (model / "refs").mkdir(parents=True)
        (model / "refs/main").write_text(COMMIT)
        snapshot = model / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        (snapshot / file).write_text('{"_class_name": "StableDiffusionPipeline"}')
    return tmp_path


def test_a_folder_is_pinned_by_its_content(folder: Path) -> None:
    source = locate(str(folder))
    assert (source.location, source.revision) == (str(folder), content_hash(folder))
    assert source.is_folder
    assert source.revision.startswith("content:")
    assert locate("bundled:workers", folder=folder) == source


def test_a_folder_may_be_given_relative_to_here_or_to_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    assert locate("./model").revision == locate("~/model").revision == content_hash(folder)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "unet/weights.safetensors").write_bytes(bytes(99) + b"1"), id="a byte"),
        pytest.param(lambda folder: (folder / "unet").rename(folder / "vae"), id="a name"),
        pytest.param(lambda folder: (folder / "more.json").write_text(""), id="a file more"),
        pytest.param(lambda folder: (folder / "model_index.json").unlink(), id="a file less"),
    ],
)
def test_the_hash_changes_with_what_the_folder_holds(folder: Path, change: Callable[[Path], object]) -> None:
    before = content_hash(folder)
    change(folder)
    assert content_hash(folder) != before


@pytest.mark.parametrize("place", [0, 30_000_000 // 2, 29_999_999])
def test_a_large_file_is_hashed_from_its_first_byte_to_its_last(folder: Path, place: int) -> None:
    weights = folder / "unet/weights.safetensors"
    with weights.open("wb") as file:
        file.truncate(30_000_000)
    before = content_hash(folder)
    with weights.open("r+b") as file:
        file.seek(place - 32_768 * (place == 15_000_000))
        file.write(bytes([1]) * (500_000 if place == 15_000_000 else 1))
    assert content_hash(folder) != before


def test_what_lies_behind_a_link_is_hashed_too_since_it_is_opened_too(folder: Path) -> None:
    (folder / "unet").rename(folder.parent / "elsewhere")
    (folder / "unet").symlink_to(folder.parent / "elsewhere")
    before = content_hash(folder)
    (folder.parent / "elsewhere/weights.safetensors").write_bytes(bytes(99) + b"1")
    assert content_hash(folder) != before
    (folder / "vae").symlink_to(folder)
    with pytest.raises(ModelError, match="is a link to a folder that it lies in"):
        content_hash(folder)


def test_a_file_of_up_to_four_mebibytes_is_hashed_whole(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(bytes(1 << 22))
    before = content_hash(folder)
    with (folder / "tokenizer.json").open("r+b") as file:
        file.seek((1 << 21) + 777)
        file.write(b"1")
    assert content_hash(folder) != before


def test_neither_a_copy_elsewhere_nor_hidden_files_change_the_hash(folder: Path) -> None:
    before = content_hash(folder)
    (folder / ".cache/huggingface").mkdir(parents=True)
    (folder / ".cache/huggingface/weights.metadata").write_text("downloaded today")
    (folder / ".DS_Store").write_bytes(b"1")
    assert content_hash(folder) == before
    assert content_hash(folder.rename(folder.with_name(".moved"))) == before


def test_a_missing_folder_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist") as raised:
        locate(str(tmp_path / "nothing"))
    assert raised.value.hint


@pytest.mark.parametrize("index", [None, "", "5", "null", "[]", "{}", "\xff\xfe", '{"model": 1}'])
def test_a_folder_that_is_no_pipeline_is_a_model_error(folder: Path, index: str | None) -> None:
    if index is None:
        (folder / "model_index.json").unlink()
    else:
        (folder / "model_index.json").write_bytes(index.encode("latin-1"))
    with pytest.raises(ModelError, match="not a diffusers pipeline") as raised:
        locate(str(folder))
    assert raised.value.hint is not None
    assert "save_pretrained" in raised.value.hint


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_offline_a_cached_hub_id_is_pinned_to_its_snapshot(cache: Path, revision: str | None) -> None:
    source = locate("owner/name", revision)
    assert (source.location, source.revision, source.is_folder) == ("owner/name", COMMIT, False)


def test_offline_a_cached_judge_is_found_though_it_is_no_pipeline(cache: Path) -> None:
    assert locate("owner/judge").revision == COMMIT


@pytest.mark.parametrize(("model_id", "revision"), [("owner/other", None), ("owner/name", "v2")])
def test_offline_an_uncached_hub_id_is_a_model_error(cache: Path, model_id: str, revision: str | None) -> None:
    with pytest.raises(ModelError, match=f"{model_id}.* is not in the local cache, and HF_HUB_OFFLINE") as raised:
        locate(model_id, revision)
    assert raised.value.hint is not None
    assert f"hf download {model_id}" in raised.value.hint


def test_without_a_network_a_cached_hub_id_is_still_found(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)  # the proxy of conftest refuses
    assert locate("owner/name").revision == COMMIT
    with pytest.raises(ModelUnavailable, match="not reachable"):
        locate("owner/other")


def test_a_name_that_the_hub_does_not_take_is_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ModelError, match="is not a valid hub id"):
        locate("owner/na--me")


def test_a_cached_snapshot_may_lie_behind_a_link(cache: Path) -> None:
    snapshots = cache / "models--owner--name/snapshots"
    (snapshots / COMMIT).rename(cache / "elsewhere")
    (snapshots / COMMIT).symlink_to(cache / "elsewhere")
    assert locate("owner/name").revision == COMMIT
    assert json.loads((snapshots / COMMIT / "model_index.json").read_text())
