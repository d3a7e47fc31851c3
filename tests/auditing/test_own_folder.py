"""What a set names by path is read in its own folder alone: data does not choose among the user's files."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.images import LeftOut
from synthgen.sets import ImageSet, open_set
from synthgen.sets.hub import HubSet
from synthgen.sets.hub_files import HubFiles
from synthgen.sets.own_folder import MOST_BYTES
from tests.auditing.portraits import as_folder, as_parquet, as_saved_splits, portrait, table

PICTURE = portrait("chef", "light", 0)


def parquet_of(folder: Path, paths: list[str]) -> Path:
    image = pa.array(
        [{"bytes": None, "path": path} for path in paths], pa.struct({"bytes": "binary", "path": "string"})
    )
    pq.write_table(pa.table({"image": image, "label": ["a"] * len(paths)}), folder / "set.parquet")
    return folder / "set.parquet"


def csv_of(folder: Path, paths: list[str]) -> Path:
    pd.DataFrame({"path": paths, "label": "a"}).to_csv(folder / "set.csv", index=False)
    return folder / "set.csv"


def parquet_folder_of(folder: Path, paths: list[str]) -> Path:
    parquet_of(folder, paths)
    return folder


def saved_of(folder: Path, paths: list[str]) -> Path:
    """As `save_to_disk` would not write it: it puts the bytes of the files into the set."""
    as_saved_splits(folder, table()[:2])
    file = next((folder / "train").glob("*.arrow"))
    with pa.memory_map(str(file)) as source:
        schema = pa.ipc.open_stream(source).schema
    image = pa.array([{"bytes": None, "path": path} for path in paths], schema.field("image").type)
    columns = {"id": ["x"] * len(paths), "image": image, "label": [0] * len(paths), "skin": ["light"] * len(paths)}
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.table(columns, schema=schema))
    shutil.rmtree(folder / "test")
    (folder / "dataset_dict.json").write_text('{"splits": ["train"]}')
    return folder


KINDS: dict[str, Callable[[Path, list[str]], Path]] = {
    "parquet": parquet_of,
    "parquet folder": parquet_folder_of,
    "csv": csv_of,
    "saved": saved_of,
}
of_every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set's folder, and beside it what it must not reach."""
    (tmp_path / "set" / "pictures").mkdir(parents=True)
    (tmp_path / "set" / "pictures" / "own.png").write_bytes(PICTURE)
    (tmp_path / "private.png").write_bytes(PICTURE)
    (tmp_path / "set" / "link.png").symlink_to("../private.png")
    (tmp_path / "set" / "loop.png").symlink_to("loop.png")
    (tmp_path / "set" / "inner.png").symlink_to("pictures/own.png")
    os.mkfifo(tmp_path / "set" / "pipe.png")
    with (tmp_path / "set" / "huge.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    return tmp_path / "set"


def images(found: ImageSet) -> list[bytes | LeftOut]:
    whole = [each for batch in found.images() for each in batch]
    assert found.some(list(range(len(whole)))) == whole
    return whole


@of_every_kind
def test_images_in_the_sets_folder_are_found_wherever_one_stands(
    make: Callable[[Path, list[str]], Path], folder: Path
) -> None:
    place = make(
        folder, ["pictures/own.png", str(folder / "pictures" / "own.png"), "inner.png", "./pictures/../inner.png"]
    )
    assert images(open_set(str(place))) == [PICTURE] * 4


@of_every_kind
def test_nothing_outside_the_sets_folder_is_opened(
    make: Callable[[Path, list[str]], Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    outside = ["../private.png", str(folder.parent / "private.png"), "link.png", "/dev/zero", "/etc/hostname"]
    others = ["private.png", "pipe.png", "loop.png", "huge.png", "pictures", "nul\0.png", "x" * 300, "~/private.png"]
    found = images(open_set(str(make(folder, [*outside, *others] if make is not csv_of else outside + others[:5]))))
    assert all(isinstance(each, LeftOut) for each in found)
    reasons = [each.reason for each in found if isinstance(each, LeftOut)]
    assert reasons[: len(outside)] == [f"whose path leads outside {folder}"] * len(outside)
    assert reasons[len(outside) :][:5] == [
        "whose file is not there",
        "that are not regular files",
        "that cannot be opened",
        "that are larger than 256 MiB",
        "that are not regular files",
    ]


@of_every_kind
def test_no_address_is_fetched(make: Callable[[Path, list[str]], Path], folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        host = f"127.0.0.1:{server.getsockname()[1]}"
        urls = [f"http://{host}/x.png", f"zip://x.png::http://{host}/x.zip", "s3://bucket/x.png"]
        urls += ["hf://datasets/o/n/x.png", f"file://{folder.parent}/private.png"]
        found = images(open_set(str(make(folder, urls))))
        with pytest.raises(TimeoutError):
            server.accept()
    assert [each.reason for each in found if isinstance(each, LeftOut)] == [
        "whose path is an address, from which nothing is fetched"
    ] * len(urls)


@of_every_kind
def test_a_folder_that_the_user_names_may_be_read(make: Callable[[Path, list[str]], Path], folder: Path) -> None:
    store = folder.parent / "store"
    store.mkdir()
    (store / "one.png").write_bytes(PICTURE)
    place = make(folder, ["one.png", str(store / "one.png"), "../store/one.png", "../private.png"])
    *within, outside = images(open_set(str(place), images_from=store))
    assert within == [PICTURE] * 3
    assert isinstance(outside, LeftOut)
    with pytest.raises(UsageError, match=r"^images_from: .*nowhere: there is no such folder"):
        open_set(str(place), images_from=folder / "nowhere")


def test_links_in_an_image_folder_lead_nowhere_outside(folder: Path) -> None:
    as_folder(folder.parent / "photos", table())
    photos = folder.parent / "photos"
    (photos / "chef" / "zz.png").symlink_to("../../private.png")
    (photos / "chef" / "zzz.png").symlink_to("../doctor/000.png")
    os.mkfifo(photos / "doctor" / "zzzz.png")
    found = images(open_set(str(photos)))
    assert [each.reason for each in found if isinstance(each, LeftOut)] == [
        f"whose path leads outside {photos}",
        "that are not regular files",
    ]
    (folder.parent / "more").mkdir()
    (folder.parent / "more" / "a.png").write_bytes(PICTURE)
    (photos / "nurse").symlink_to("../more")
    with pytest.raises(UsageError, match=r"photos/nurse is a link to a folder outside"):
        open_set(str(photos))
    assert PICTURE in images(open_set(str(photos), images_from=folder.parent / "more"))


def test_a_download_of_huggingface_hub_is_its_own_folder(tmp_path: Path) -> None:
    repository = tmp_path / "datasets--owner--name"
    as_folder(repository / "blobs", table())
    snapshot = repository / "snapshots" / "0123"
    for row in table():
        link = snapshot / str(row["id"])
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("../../../blobs") / str(row["id"]))
    assert images(open_set(str(snapshot))) == [row["image"] for row in table()]


def linked_parquet(folder: Path) -> None:
    as_parquet(folder.parent / "elsewhere", table())
    (folder / "x.parquet").symlink_to("../elsewhere/all.parquet")


def piped_parquet(folder: Path) -> None:
    os.mkfifo(folder / "x.parquet")


def arrow_elsewhere(folder: Path, name: str = "../elsewhere/{}") -> None:
    as_saved_splits(folder.parent / "elsewhere", table())
    data = next((folder.parent / "elsewhere" / "test").glob("*.arrow"))
    shutil.copytree(folder.parent / "elsewhere" / "train", folder, dirs_exist_ok=True)
    state = json.loads((folder / "state.json").read_text())
    state["_data_files"] = [{"filename": name.format(f"test/{data.name}")}]
    (folder / "state.json").write_text(json.dumps(state))


def arrow_linked(folder: Path) -> None:
    arrow_elsewhere(folder, "data.arrow")
    (folder / "data.arrow").symlink_to(next((folder.parent / "elsewhere" / "test").glob("*.arrow")))


def arrow_at_an_address(folder: Path) -> None:
    arrow_elsewhere(folder, "zip://x.arrow::http://127.0.0.1:9/x.zip")


def split_elsewhere(folder: Path) -> None:
    as_saved_splits(folder.parent / "elsewhere", table())
    (folder / "dataset_dict.json").write_text('{"splits": ["../elsewhere/train"]}')


def split_linked(folder: Path) -> None:
    as_saved_splits(folder.parent / "elsewhere", table())
    (folder / "dataset_dict.json").write_text('{"splits": ["train"]}')
    (folder / "train").symlink_to("../elsewhere/train")


def state_that_is_a_pipe(folder: Path) -> None:
    (folder / "dataset_dict.json").write_text('{"splits": ["train"]}')
    (folder / "train").mkdir()
    os.mkfifo(folder / "train" / "state.json")


def state_cut(folder: Path) -> None:
    (folder / "state.json").write_text("{")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (linked_parquet, UsageError, "x.parquet leads outside"),
        (piped_parquet, UsageError, "x.parquet is not a regular file"),
        (arrow_elsewhere, UsageError, "leads outside"),
        (arrow_linked, UsageError, "data.arrow leads outside"),
        (arrow_at_an_address, StorageError, "is not a data file"),
        (split_elsewhere, UsageError, "is not a valid name of a split"),
        (split_linked, UsageError, "leads outside"),
        (state_that_is_a_pipe, UsageError, "state.json is not a regular file"),
        (state_cut, StorageError, "state.json is damaged"),
    ],
)
def test_a_set_whose_own_files_are_elsewhere_is_refused_by_name(
    make: Callable[[Path], None], error: type[SynthgenError], message: str, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    make(tmp_path / "set")
    with pytest.raises(error, match=message):
        open_set(str(tmp_path / "set"))


def test_rows_of_a_streamed_set_reach_neither_this_machine_nor_another_repository(folder: Path) -> None:
    paths = [
        str(folder / "pictures" / "own.png"),
        "pictures/own.png",
        "http://127.0.0.1:9/x.png",
        "hf://datasets/other/set@main/x.png",
        "hf://datasets/owner/set/../../other/set/x.png",
        "zip://x.png::http://127.0.0.1:9/x.zip",
        "http://127.0.0.1:9/x.png::hf://datasets/owner/set/x.png",
    ]
    data = Dataset.from_dict({"image": [{"bytes": None, "path": path} for path in paths], "label": ["a"] * len(paths)})
    parts = DatasetDict({"train": data}).items()
    found = HubSet("owner/set", "a stream", {name: part.to_iterable_dataset() for name, part in parts})
    assert all(isinstance(each, LeftOut) for each in images(found))


def test_a_set_of_the_hub_reads_its_own_repository_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    own = tmp_path / "datasets--owner--set" / "snapshots" / "0123" / "own.png"
    other = tmp_path / "datasets--owner--private" / "snapshots" / "0123" / "other.png"
    for file in (own, other):
        file.parent.mkdir(parents=True)
        file.write_bytes(PICTURE)
    files = HubFiles("owner/set")
    assert files.read(str(own)) == PICTURE
    assert isinstance(files.read(str(other)), LeftOut)
    files.check({"train": ["hf://datasets/owner/set@0123/data.parquet"]})
    for url in ("/home/somebody/x.parquet", "https://example.org/x.parquet", "hf://datasets/owner/set2/x.parquet"):
        with pytest.raises(UsageError, match="outside the repository"):
            files.check({"train": [url]})
