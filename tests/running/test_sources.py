"""Runs that begin from pictures: from the set to the dataset, resumed, and with pictures that fail or change."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import datasets
import pytest
from PIL import Image

from synthgen.api.finishing import finalized
from synthgen.api.sources import check_apart, pictures_of, sources_of
from synthgen.errors import Interrupted, PlanChanged, StorageError, UsageError
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import create_run, open_run, read_state, repair, top_up, verify, work
from synthgen.running.replay import replay
from synthgen.spec import parse_spec
from synthgen.store import FolderStore, layout
from synthgen.testing import BrightnessJudge
from tests.pictures import Varying, make_pictures
from tests.running.tables import bytes_of, images_of, ledger_of, without

SPEC = """\
synthgen: 1
name: varied
model: {id: owner/name}
task: image-to-image
source: {dataset: "%s"}
classes: {doctor: 20, chef: 10}
prompts: {templates: ["a {class}"]}
attributes:
  tint: {values: {red: ["a red picture"], blue: ["a blue picture"]}}
output: {shard_size: 8, splits: {train: 0.6, test: 0.4}}
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_pictures(tmp_path / "photos", doctor=7, chef=5)


def planned(photos: Path, *overrides: str) -> Plan:
    spec = parse_spec(SPEC % photos, overrides=overrides)
    return make_plan(spec, Revisions("varying", "brightness"), sources_of(spec))


def make(folder: Path, plan: Plan, stops_after: int | None = None, black: Sequence[str] = ()) -> FolderStore:
    """Begin or resume a run, and make all of its shards, or so many batches."""
    store, batches = FolderStore(folder), Counter[str]()
    create_run(store, plan, "spec")
    there = open_run(store)
    pictures = pictures_of(there)
    assert pictures is not None
    generator = Varying(pictures, black, lambda: batches.update(["made"]))
    stop = lambda: stops_after is not None and batches["made"] >= stops_after  # noqa: E731
    work(there, store, generator, BrightnessJudge(), range(there.shard_count), stop=stop)
    return store


def accepted(folder: Path, plan: Plan) -> Counter[object]:
    return Counter(row["source_id"] for row in images_of(folder, plan))


def test_images_carry_their_picture_and_its_class_and_all_of_a_picture_are_in_one_split(
    photos: Path, tmp_path: Path
) -> None:
    plan = planned(photos)
    store = make(tmp_path / "run", plan)
    assert all(str(row["source_id"]).startswith(f"{row['class']}/") for row in ledger_of(tmp_path / "run", plan))
    assert max(accepted(tmp_path / "run", plan).values()) <= 5
    assert verify(plan, store) == []

    result = finalized(open_run(store), store, fresh=1)
    splits = datasets.load_dataset(result.dataset)
    assert isinstance(splits, datasets.DatasetDict)
    names = {split: set(rows["source_id"]) for split, rows in splits.items()}
    assert not names["train"] & names["test"]
    assert abs(len(splits["train"]) - 18) <= 3
    card = (Path(result.dataset) / "README.md").read_text()
    assert "made it from a picture and a text prompt" in card
    assert "| pictures from | " in card
    assert "The id of the picture that it began from" in card


def test_a_run_that_is_stopped_and_resumed_makes_the_same_of_the_same_pictures(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos, "source.per_source=4")
    make(tmp_path / "whole", plan)
    with pytest.raises(Interrupted):
        make(tmp_path / "run", plan, stops_after=3)
    make(tmp_path / "run", planned(photos, "source.per_source=4"))
    assert bytes_of(tmp_path / "run", plan) == bytes_of(tmp_path / "whole", plan)
    mine, other = (ledger_of(tmp_path / name, plan) for name in ("run", "whole"))
    assert str(without(mine, "seconds")) == str(without(other, "seconds"))


def test_a_limit_for_each_picture_holds_where_others_give_nothing(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos, "source.per_source=4", "output.shard_size=100")
    black = ["doctor/1.png", "doctor/2.png"]
    make(tmp_path / "run", plan, black=black)
    found = accepted(tmp_path / "run", plan)
    assert max(found.values()) == 4
    assert not found.keys() & set(black)
    # Of the slots that no image needs, half are the reserve of this run: 24 for 20 images of doctors.
    tried = Counter(row["source_id"] for row in ledger_of(tmp_path / "run", plan) if row["class"] == "doctor")
    assert tried.keys() >= {"doctor/0.png", *black}
    full = [row for row in ledger_of(tmp_path / "run", plan) if (row["verdict"], row["class"]) == ("surplus", "doctor")]
    assert {found[row["source_id"]] for row in full} <= {3, 4}


def test_pictures_without_a_limit_take_the_places_of_those_that_give_nothing(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos)
    make(tmp_path / "run", plan, black=["doctor/1.png"])
    found = accepted(tmp_path / "run", plan)
    doctors = [count for name, count in found.items() if str(name).startswith("doctor/")]
    assert (sum(doctors), len(doctors)) == (20, 6)
    assert max(doctors) - min(doctors) <= 3


def test_a_picture_that_changed_stops_the_run_and_is_named(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos)
    with pytest.raises(Interrupted):
        make(tmp_path / "run", plan, stops_after=1)
    Image.new("RGB", (9, 9)).save(photos / "doctor" / "3.png")
    with pytest.raises(UsageError, match=r"the picture 'doctor/3\.png' of .* has changed since the run was planned"):
        make(tmp_path / "run", plan)
    with pytest.raises(PlanChanged, match=r"source: the picture 'doctor/3\.png' is another one now: "):
        create_run(FolderStore(tmp_path / "run"), planned(photos), "spec")


def test_a_set_may_move_between_two_calls_and_the_run_follows(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos)
    with pytest.raises(Interrupted):
        make(tmp_path / "run", plan, stops_after=1)
    moved = photos.rename(tmp_path / "moved")
    make(tmp_path / "run", planned(moved))
    there = open_run(FolderStore(tmp_path / "run"))
    assert there.spec.source is not None
    assert there.spec.source.dataset == str(moved)
    assert read_state(there, FolderStore(tmp_path / "run")).complete


def test_the_table_of_pictures_is_verified_and_written_again(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos)
    store = make(tmp_path / "run", plan)
    assert plan.sources is not None
    name = layout.sources(plan.sources.sha256)
    for damage in (lambda: store.delete(name), lambda: (tmp_path / "run" / name).write_bytes(b"PAR1 no more PAR1")):
        damage()
        assert [found.place for found in verify(open_run(store), store)] == [name]
        with pytest.raises(StorageError, match=r"of this run|damaged"):
            pictures_of(open_run(store))
        assert not repair(open_run(store), store).reopened
        create_run(store, plan, "spec")
        assert verify(open_run(store), store) == []


def test_an_attempt_is_replayed_from_its_picture(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos)
    store = make(tmp_path / "run", plan)
    pictures = pictures_of(plan)
    assert pictures is not None
    row = images_of(tmp_path / "run", plan)[0]
    found = replay(open_run(store), store, Varying(pictures), BrightnessJudge(), row["id"])
    assert (found.candidate.source, found.difference, found.noise) == (row["source_id"], 0, True)


def test_a_changed_class_is_the_label_and_the_class_of_the_picture_is_recorded(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos, "to={class: chef}", "source.where={label: doctor}", "source.per_source=4")
    store = make(tmp_path / "run", plan)
    rows = images_of(tmp_path / "run", plan)
    assert Counter((row["label"], row["source_label"]) for row in rows) == {(0, "doctor"): 20, (1, "doctor"): 10}
    assert max(Counter((row["label"], row["source_id"]) for row in rows).values()) <= 4
    pictures = pictures_of(plan)
    assert pictures is not None
    chef = next(row for row in ledger_of(tmp_path / "run", plan) if row["class"] == "chef")
    found = replay(open_run(store), store, Varying(pictures), BrightnessJudge(), chef["id"])
    assert (found.candidate.source_label, found.difference) == ("doctor", 0)
    result = finalized(open_run(store), store, fresh=1)
    assert "The class of that picture, where `label` is" in (Path(result.dataset) / "README.md").read_text()


def test_a_top_up_is_refused_when_the_pictures_are_used_up(photos: Path, tmp_path: Path) -> None:
    plan = planned(photos, "source.per_source=3", "classes.doctor=21", "output.surplus=drop")
    store = make(tmp_path / "run", plan, black=["doctor/1.png"])
    with pytest.raises(UsageError, match=r"cannot be topped up: source\.per_source: 7 pictures of"):
        top_up(store, open_run(store), read_state(open_run(store), store))


def test_groups_of_pictures_stay_in_one_split(tmp_path: Path) -> None:
    photos = make_pictures(tmp_path / "photos", doctor=6, chef=6)
    lines = [f"photos/{of}/{one}.png,{of},p{one // 2}" for of in ("doctor", "chef") for one in range(6)]
    (tmp_path / "set.csv").write_text("\n".join(["file,label,patient", *lines]))
    plan = planned(tmp_path / "set.csv", "source.group=patient")
    store = make(tmp_path / "run", plan)
    rows = finalized(open_run(store), store, fresh=1)
    found = defaultdict[str, set[str]](set)
    for split, images in datasets.load_dataset(rows.dataset).items():
        for source in images["source_id"]:
            found[f"p{int(Path(source).stem) // 2}"].add(split)
    assert photos.is_dir()
    assert all(len(splits) == 1 for splits in found.values())
    assert set[str]().union(*found.values()) == {"train", "test"}


@pytest.mark.parametrize("place", ["photos", "photos/run", "."])
def test_a_run_is_not_made_of_its_own_images(place: str, photos: Path, tmp_path: Path) -> None:
    spec = parse_spec(SPEC % photos)
    with pytest.raises(UsageError, match="lie in one another"):
        check_apart(spec, FolderStore(tmp_path / place))


def test_old_tables_have_no_column_of_pictures() -> None:
    from synthgen.ledger.rows import images_schema, ledger_schema

    def names(text: str) -> Mapping[str, Sequence[str]]:
        spec = parse_spec(text)
        return {"images": images_schema(spec, ()).names, "ledger": ledger_schema(spec, ()).names}

    begun = SPEC % "./photos"
    from_noise = begun.replace('source: {dataset: "./photos"}\n', "").replace("task: image-to-image\n", "")
    for table in ("images", "ledger"):
        assert set(names(begun)[table]) - set(names(from_noise)[table]) == {"source_id"}
