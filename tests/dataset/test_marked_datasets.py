"""The mark in every format of a dataset: read by exiftool, after round trips, and counted by `verify`."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.api.marked import marked
from synthgen.dataset.marking import ImageFacts, read_mark
from synthgen.dataset.marking.mark import COMPOSITE, GENERATED
from synthgen.planning import Plan
from synthgen.running import open_run
from synthgen.running.changes import keep_changes
from synthgen.seal import unseal
from synthgen.store import open_store
from tests.command import command_line
from tests.dataset.exiftool import tags_of
from tests.running.noise import make_run, noise_plan

FORMATS = ("parquet", "hf", "webdataset", "imagefolder")
SMALL = (
    "classes={doctor: 5, chef: 4}",
    "output.shard_size=4",
    "budget.attempts_per_image=9",
    "model.negative_prompt=grey",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose dataset is in several formats."""
    folder = tmp_path_factory.mktemp("marks") / "run"
    make_run(folder, noise_plan(*SMALL, f"output.format=[{', '.join(FORMATS)}]"))
    synthgen.finalize(folder)
    return folder


def changed(run: Path, *overrides: str) -> Path:
    """Finalize a run again, with other keys."""
    store = open_store(run)
    keep_changes(store, open_run(store), noise_plan(*SMALL, *overrides))
    synthgen.finalize(run)
    return run


def pictures_of(dataset: Path, form: str) -> dict[str, bytes]:
    """The encoded pictures of a dataset by id, as a reader of its format gets them."""
    folder = dataset / form if (dataset / form).is_dir() else dataset
    if form == "parquet":
        rows = [row for file in folder.rglob("*.parquet") for row in pq.read_table(file).to_pylist()]
        return {row["id"]: row["image"]["bytes"] for row in rows}
    if form == "hf":
        loaded = datasets.load_from_disk(str(folder))
        assert isinstance(loaded, datasets.DatasetDict)
        raw = loaded.cast_column("image", datasets.Image(decode=False))
        return {row["id"]: row["image"]["bytes"] for split in raw.values() for row in split}
    if form == "webdataset":
        return dict(_in_tars(folder))
    lines = [json.loads(line) for file in folder.rglob("metadata.jsonl") for line in file.read_text().splitlines()]
    places = {line["id"]: line["file_name"] for line in lines}
    return {name: next(folder.rglob(Path(place).name)).read_bytes() for name, place in places.items()}


def _in_tars(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*.tar"):
        with tarfile.open(path) as tar:
            inside = {member.name: tar.extractfile(member) for member in tar}
            for name, file in inside.items():
                if name.endswith(".json") and file is not None:
                    picture = inside[name.removesuffix("json") + "png"]
                    assert picture is not None
                    yield json.loads(file.read())["id"], picture.read()


@pytest.mark.parametrize("form", FORMATS)
def test_every_image_of_every_format_says_that_a_model_made_it(run: Path, form: str, tmp_path: Path) -> None:
    [rows] = [pq.read_table(run / "dataset" / "parquet").to_pylist()]
    pictures = pictures_of(run / "dataset", form)
    assert pictures.keys() == {row["id"] for row in rows}
    plan = synthgen.status(run)[0].fingerprint
    for row in rows:
        prompt = f"{row['prompt']}\nNegative prompt: grey"
        expected = ImageFacts(GENERATED, "owner/name", "noise", prompt, None, row["id"], row["seed"], plan)
        assert read_mark(pictures[row["id"]]) == expected
        (tmp_path / f"{row['id']}.png").write_bytes(pictures[row["id"]])
    for tags in tags_of(sorted(tmp_path.iterdir())):
        assert tags["ExifTool:Validate"] == "OK"
        assert tags["XMP-iptcExt:DigitalSourceType"] == GENERATED
        assert tags["XMP-iptcExt:AISystemUsed"] == "owner/name"
        assert tags["XMP-synthgen:Id"] == Path(tags["SourceFile"]).stem


def test_the_contact_sheet_of_the_card_is_marked_too(run: Path) -> None:
    plan = synthgen.status(run)[0].fingerprint
    found = read_mark((run / "dataset/contact-sheet.jpg").read_bytes())
    assert found == ImageFacts(GENERATED, "owner/name", "noise", plan=plan), "and tells no prompt"


def test_load_dataset_keeps_the_mark_of_what_it_loads_and_streams(run: Path) -> None:
    for streamed in (False, True):
        loaded = datasets.load_dataset(str(run / "dataset"), split="train", streaming=streamed)
        row = next(iter(loaded))
        packet = row["image"].info["xmp"]
        again = io.BytesIO()
        row["image"].save(again, "WEBP", xmp=packet)  # Pillow drops it otherwise
        found = read_mark(again.getvalue())
        assert found is not None
        assert (found.id, found.seed) == (row["id"], row["seed"])


def test_shards_have_no_mark_and_verify_counts_those_of_the_dataset(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [row for file in (run / "shards").iterdir() for row in pq.read_table(file).to_pylist()]
    assert [row for row in shards if read_mark(row["image"]["bytes"])] == []
    assert command_line(["verify", str(run)]) == 0
    assert f"{9 * len(FORMATS)} of {9 * len(FORMATS)} images of the dataset carry a mark" in capsys.readouterr().out
    assert command_line(["verify", str(run), "--json"]) == 0
    marks = json.loads(capsys.readouterr().out)["result"]["marks"]
    assert marks == {"images": 9 * len(FORMATS), "marked": 9 * len(FORMATS), "signed": 0, "invalid": 0, "unread": []}


def test_provenance_says_by_what_a_dataset_was_made(run: Path) -> None:
    content, is_sealed = unseal((run / "dataset/provenance.json").read_text("utf-8"))
    page = (Path(__file__).parents[2] / "docs/provenance.md").read_text("utf-8")
    assert is_sealed
    assert all(f"| `{key}` |" in page for key in (*content, "sha256")), "each key is in the docs' table"
    planned, state = synthgen.status(run)
    assert content["plan"]["fingerprint"] == planned.fingerprint
    assert content["revisions"] == {"generator": "noise", "judge": "brightness"}
    assert {each["key"]: (each["model"], each["revision"]) for each in content["models"]} == {
        "model": ("owner/name", "noise"),
        "judge": (planned.spec.judge.id, "brightness"),
    }
    assert [each["images_sha256"] for each in content["shards"]] == [
        record.images.sha256 for record in state.done.values()
    ]
    assert sum(len(each["shards"]) for each in content["environments"]) == planned.shard_count
    assert sum(content["dataset"]["images"].values()) == 9
    summary = json.loads((run / "dataset/synthgen.json").read_text("utf-8"))
    assert "provenance.json" in summary["digests"]
    assert content["dataset"]["fingerprint"] == summary["inputs"]


def test_what_is_said_is_the_users_to_choose(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, noise_plan(*SMALL))
    changed(run, "output.marks={prompt: false, seed: false, system: false, version: false, prompt_writer: Ann}")
    first = pictures_of(run / "dataset", "parquet")
    plan = synthgen.status(run)[0].fingerprint
    assert {name: read_mark(picture) for name, picture in first.items()} == {
        name: ImageFacts(GENERATED, prompt_writer="Ann", id=name, plan=plan) for name in first
    }
    assert b"happy" not in b"".join(first.values()), "a prompt may be confidential"

    changed(run, "output.marks={id: false}", "output.image={format: jpeg, quality: 90}")
    jpegs = pictures_of(run / "dataset", "parquet")
    assert {Image.open(io.BytesIO(picture)).format for picture in jpegs.values()} == {"JPEG"}
    found = [read_mark(picture) for picture in jpegs.values()]
    assert all(one and one.id is None and one.plan is None and one.prompt and one.seed for one in found)

    changed(run, "output.marks=false")
    assert not any(map(read_mark, pictures_of(run / "dataset", "parquet").values()))
    count = marked(run)
    assert count is not None
    assert (count.images, count.marked) == (9, 0)
    assert unseal((run / "dataset/provenance.json").read_text("utf-8"))[0]["marks"] is None


@pytest.mark.parametrize(
    ("task", "kind"),
    [("text-to-image", GENERATED), ("edit", GENERATED), ("inpaint", COMPOSITE), ("outpaint", COMPOSITE)],
)
def test_a_picture_that_was_drawn_in_part_says_so(task: Any, kind: str) -> None:
    from synthgen.api.marking import source_type_of

    spec = noise_plan().spec.model_copy(update={"task": task})
    assert source_type_of(spec) == kind


def test_a_mark_does_not_say_where_a_model_lies_on_the_disk() -> None:
    from synthgen.api.marking import marking_of

    plan: Plan = noise_plan("model.id=./secret/place/my-model/")
    marking = marking_of(plan)
    assert marking is not None
    assert marking.system == "my-model"


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ("{promt: false}", "output.marks: unknown key 'promt'; did you mean 'prompt'?"),
        ("some", "output.marks: expected true, false, or a mapping such as {prompt: false}, found the text 'some'"),
        ("{prompt: 0}", "output.marks.prompt: expected true or false, found 0"),
    ],
)
def test_a_mistake_in_the_spec_is_named(marks: str, message: str) -> None:
    with pytest.raises(synthgen.SpecError) as raised:
        noise_plan(f"output.marks={marks}")
    assert message in str(raised.value)


def test_true_is_what_marks_are_without_a_word() -> None:
    assert noise_plan("output.marks=true").spec == noise_plan().spec
