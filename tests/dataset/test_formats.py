"""A format of one's own, from the guide: installed, found by its entry point, and kept like Parquet."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

import synthgen
from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats import FormatWriter, Manifest, SelectedImages, Selection, WrittenSplit
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


class Faulty(FormatWriter):
    """Writes a file for each split, and makes one mistake."""

    def __init__(self, mistake: str) -> None:
        self.mistake = mistake

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        rows = Counter(split for split, _ in images.rows())
        name = "sub/train.txt"
        (folder / "sub").mkdir()
        if self.mistake == "unwritten":
            name = "../train.txt"
        else:
            (folder / name).write_text("images")
        if self.mistake == "unnamed":
            (folder / "sub/index.txt").touch()
        if self.mistake == "strange":
            (folder / "sub/ä.txt").touch()
        if self.mistake == "dropped":
            rows["train"] -= 1
        if self.mistake == "unread":
            next(images.rows())
        named = {"train": (name, "sub/ä.txt") if self.mistake == "strange" else (name,), "test": ()}
        return Manifest({split: WrittenSplit(rows[split], files) for split, files in named.items()})


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("unnamed", "it did not name sub/index.txt, which it wrote"),
        ("unwritten", r"it did not write \.\./train\.txt"),
        ("strange", "'sub/ä.txt' is not a name that files of a run may have"),
        ("dropped", "it wrote 8 of the 9 images of train"),
        ("unread", "it read "),
    ],
)
def test_a_format_that_does_not_do_what_it_says_is_refused(tmp_path: Path, mistake: str, message: str) -> None:
    splits = {"train": 0.75, "test": 0.25}
    with pytest.raises(UsageError, match=f"the format of the dataset is at fault: {message}"):
        finalize(
            [write_shard(tmp_path, 0, per_class=4)], tmp_path / "dataset", name="x", classes=CLASSES, splits=splits,
            provenance=PROVENANCE, writer=Faulty(mistake),
        )  # fmt: skip
    assert not (tmp_path / "dataset").exists()
