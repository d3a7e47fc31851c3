"""A format of one's own, from the guide: installed, found by its entry point, and kept like Parquet."""

import json
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard

import synthgen
from synthgen.api.publishing import publishing
from synthgen.api.results import as_record, read_results
from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats.opening import open_formats
from synthgen.errors import SpecError, UsageError
from synthgen.planning import Plan
from synthgen.plugins import FORMATS
from synthgen.running import open_run, read_state, top_up, work
from synthgen.spec import parse_spec
from synthgen.store import RunStore, open_store
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard
from tests.installed import install
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan

PAGE = Path(__file__).parents[2] / "docs" / "add-a-format.md"
SMALL = ("classes={doctor: 5, chef: 4}", "output.shard_size=4", "budget.attempts_per_image=2")


def block(title: str) -> str:
    found = re.search(rf'^```\w+ title="{title}"\n(.*?)^```', PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture
def jsonl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's package, as an installer leaves it."""
    project = tomllib.loads(block("pyproject.toml"))["project"]
    ((name, value),) = project["entry-points"][FORMATS].items()
    modules = {"synthgen_jsonl": block("synthgen_jsonl.py")}
    install(tmp_path / "site", project["name"], project["version"], modules, {FORMATS: f"{name} = {value}"})
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.mark.usefixtures("jsonl")
def test_the_test_of_the_guide_passes() -> None:
    exec(block("test_jsonl.py"), {})


def plan_of(*overrides: str) -> Plan:
    output = yaml.safe_load(block("output.yaml"))["output"]
    assert output == {"format": "jsonl", "format_options": {"prompts": True}}
    return noise_plan(*SMALL, "output.format=jsonl", *overrides)


def content(store: RunStore) -> dict[str, bytes]:
    return {name: store.read(name) for name in store.names_below("dataset")}


def lines(store: RunStore, split: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in store.read(f"dataset/{split}/metadata.jsonl").splitlines()]


def accepted(place: str) -> int:
    store = open_store(place)
    return read_state(open_run(store), store).counts["accepted"]


def whole(place: str) -> RunStore:
    make_run(place, plan_of())
    synthgen.finalize(place, trust=True)
    return open_store(place)


@pytest.mark.usefixtures("jsonl")
def test_a_dataset_in_the_guides_format_is_complete_and_says_where_it_comes_from(place: str) -> None:
    store = whole(place)
    found = [*lines(store, "train"), *lines(store, "test")]
    assert len(found) == accepted(place) > 0
    assert {line["label"] for line in found} <= {"doctor", "chef"}
    assert all("text" in line for line in found)
    for split in ("train", "test"):
        for line in lines(store, split):
            assert store.read(f"dataset/{split}/{line['file_name']}").startswith(b"\x89PNG")

    origin = {"name": "jsonl", "release": "synthgen-jsonl 1.0", "arguments": {}}
    assert json.loads(store.read("results.json"))["format"] == origin
    assert json.loads(store.read("dataset/synthgen.json"))["format"] == origin
    card = store.read("dataset/README.md").decode()
    assert "| format | jsonl (synthgen-jsonl 1.0) |" in card
    assert "load_dataset" not in card
    assert synthgen.verify(place) == []
    assert not synthgen.finalize(place, trust=True).rebuilt


@pytest.mark.usefixtures("jsonl")
def test_several_formats_are_written_side_by_side_under_one_manifest(tmp_path: Path) -> None:
    make_run(tmp_path / "run", plan_of("output.format=[jsonl, parquet]"))
    result = synthgen.finalize(tmp_path / "run", trust=True)
    folder = tmp_path / "run/dataset"
    assert {name.partition("/")[0] for split in result.summary.splits for name in split.files} == {"jsonl", "parquet"}
    assert sum(map(len, load_dataset(str(folder)).values())) == result.summary.rows
    assert "jsonl (synthgen-jsonl 1.0); parquet (synthgen" in (folder / "README.md").read_text()
    assert json.loads((folder / "synthgen.json").read_text())["format"]["beside"][0]["name"] == "parquet"
    assert synthgen.verify(tmp_path / "run") == []
    assert not synthgen.finalize(tmp_path / "run", trust=True).rebuilt

    info = DatasetCard.load(folder / "README.md").data["dataset_info"]
    assert info["download_size"] == sum(file.stat().st_size for file in folder.glob("parquet/data/*.parquet"))

    with pytest.raises(SpecError, match="the format 'jsonl' is there twice"):
        plan_of("output.format=[jsonl, jsonl]")
    with pytest.raises(SpecError, match="expected nothing: 'parquet' has no options"):
        parse_spec(SPEC, overrides=["output.format=[parquet]", "output.format_options={a: 1}"])


def test_one_of_several_formats_is_what_the_card_describes_even_if_a_split_is_empty(tmp_path: Path) -> None:
    formats = ("webdataset", "parquet", "imagefolder")
    writer, origin = open_formats(formats, {})
    folder = tmp_path / "dataset"
    sizes = {"holdout": 0.001, "train": 0.999}
    made = finalize(
        [write_shard(tmp_path, 0)],
        folder,
        name="workers",
        classes=CLASSES,
        splits=sizes,
        writer=writer,
        provenance=replace(PROVENANCE, format=origin),
    )
    assert [split.rows for split in made.splits] == [0, 30]
    data = DatasetCard.load(folder / "README.md").data
    assert [file["path"] for config in data["configs"] for file in config["data_files"]] == ["webdataset/train-*.tar"]
    info = data["dataset_info"]
    assert info["download_size"] == sum(file.stat().st_size for file in folder.glob("webdataset/*.tar"))
    assert info["dataset_size"] == made.splits[1].size
    loaded = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.features.keys() == {feature["name"] for feature in info["features"]}
    assert "__key__" in loaded.features


@pytest.mark.usefixtures("jsonl")
def test_damage_in_a_sub_folder_is_found_and_repaired(place: str) -> None:
    store = whole(place)
    before = content(store)
    pictures = [name for name in before if name.endswith(".png")]
    changed, lost = pictures[0], pictures[-1]
    store.delete(changed)
    with store.write(changed) as file:
        file.write(before[changed][:-1] + b"!")
    store.delete(lost)
    assert sorted(finding.place for finding in synthgen.verify(place)) == sorted([changed, lost])

    assert {finding.place for finding in synthgen.repair(place).findings} == {changed, lost}
    assert synthgen.finalize(place, trust=True).rebuilt
    assert content(store) == before
    assert synthgen.verify(place) == []


@pytest.mark.usefixtures("jsonl")
def test_a_dataset_without_its_summary_is_known_by_the_record_and_written_again(place: str) -> None:
    store = whole(place)
    before = content(store)
    store.delete("dataset/synthgen.json")
    assert [finding.place for finding in synthgen.verify(place)] == ["dataset/synthgen.json"]
    synthgen.repair(place)
    assert [name for name in store.names_below("dataset") if name.endswith((".png", ".md"))] == []
    synthgen.finalize(place, trust=True)
    assert content(store) == before


@pytest.mark.usefixtures("jsonl")
def test_a_larger_run_leaves_nothing_of_the_smaller_dataset(place: str) -> None:
    store = whole(place)
    with store.write("dataset/train/stale/00009-000009.png") as file:  # of an upload that was killed
        file.write(b"stale")
    recorded = read_results(store)
    assert recorded
    store.delete("results.json")
    store.create(
        "results.json",
        as_record(replace(recorded, files={**recorded.files, "dataset/train/stale/00009-000009.png": "0" * 64})),
    )
    fewer = accepted(place)
    state = read_state(open_run(store), store)
    assert state.shortfalls
    more = top_up(store, open_run(store), state)
    work(more, store, NoiseGenerator(), BrightnessJudge(), range(more.shard_count))
    summary = synthgen.finalize(place, trust=True).summary
    assert summary.rows == accepted(place) > fewer
    assert set(store.names_below("dataset")) == {
        "dataset/synthgen.json",
        *(f"dataset/{name}" for name in summary.digests),
    }
    assert synthgen.verify(place) == []


@contextmanager
def _patched(store: RunStore, write: Callable[..., Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "write", write)
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("jsonl")
def test_in_a_bucket_files_of_others_stay_and_those_of_a_killed_upload_go(
    s3: Callable[[str], str], tmp_path: Path
) -> None:
    place = f"{s3('good')}/run"
    store = whole(place)
    before = set(store.names_below("dataset"))
    store.create("dataset/notes/mine.txt", b"mine")
    for name in ("synthgen.json", "train/00009-000009.png"):
        (tmp_path / "dataset" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dataset" / name).write_bytes(b"half")

    write = type(store).write

    def killed(self: RunStore, name: str) -> Any:
        if name == "dataset/synthgen.json":
            raise KeyboardInterrupt
        return write(self, name)

    with pytest.raises(KeyboardInterrupt), _patched(store, killed), publishing(store) as folder:
        shutil.copytree(tmp_path / "dataset", folder / "dataset")
    assert "dataset/train/00009-000009.png" in store.names_below("dataset")
    assert "dataset/synthgen.json" in {finding.place for finding in synthgen.verify(place)}

    synthgen.finalize(place, trust=True)
    assert set(store.names_below("dataset")) == before | {"dataset/notes/mine.txt"}
    assert synthgen.verify(place) == []


@pytest.mark.usefixtures("jsonl")
def test_a_run_changes_its_format_without_another_image(tmp_path: Path) -> None:
    make_run(tmp_path / "run", noise_plan(*SMALL))
    synthgen.finalize(tmp_path / "run", trust=True)
    assert (tmp_path / "run/dataset/data").is_dir()
    assert plan_of().fingerprint == noise_plan(*SMALL).fingerprint
    assert plan_of().differences(noise_plan(*SMALL)) == []


@pytest.mark.usefixtures("jsonl")
def test_options_reach_the_format(tmp_path: Path) -> None:
    make_run(tmp_path / "run", plan_of("output.format_options={prompts: false}"))
    synthgen.finalize(tmp_path / "run", trust=True)
    store = open_store(tmp_path / "run")
    assert not any("text" in line for line in lines(store, "train"))
    assert "| format | jsonl (synthgen-jsonl 1.0), prompts=False |" in store.read("dataset/README.md").decode()


@pytest.mark.usefixtures("jsonl")
def test_options_that_the_format_does_not_take_are_refused_before_any_image(tmp_path: Path) -> None:
    spec = parse_spec(SPEC, overrides=["output.format=jsonl", "output.format_options={quality: 9}"])
    with pytest.raises(UsageError, match=r"the format jsonl \(synthgen-jsonl 1.0\): .* \(quality=9\): TypeError"):
        synthgen.run(spec, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_format_that_nobody_installed_is_a_mistake_in_the_spec() -> None:
    with pytest.raises(SpecError) as raised:
        parse_spec(SPEC, overrides=["output.format=parquett"])
    assert "there is no format 'parquett' here. Did you mean 'parquet'?" in str(raised.value)
    with pytest.raises(SpecError, match="expected nothing: 'parquet' has no options"):
        parse_spec(SPEC, overrides=["output.format_options={quality: 9}"])
