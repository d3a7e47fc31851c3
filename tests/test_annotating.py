"""Boxes and masks that are found, from a spec on the bundled model to COCO's format and back; and what is refused."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

import synthgen
from synthgen.api import wiring
from synthgen.api.annotators import AnnotatedGenerator
from synthgen.api.finishing import finalized
from synthgen.api.trust import pinned_models
from synthgen.errors import Interrupted, ModelError
from synthgen.planning import Plan
from synthgen.running import create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.store import FolderStore
from tests.running.tables import bytes_of, images_of, ledger_of

ROOT = Path(__file__).parents[1]
SPEC = """\
synthgen: 1
name: boxed
model: {id: 'bundled:workers', steps: 12, batch_size: 3}
classes: {doctor: 3, farmer: 3}
prompts: {templates: ['a portrait of a {class}']}
annotate: {boxes: 'bundled:reader', masks: 'bundled:reader'}
filters: {label: {min_posterior: 0.5}, box: {}}
output: {splits: {train: 1}, format: [parquet, coco]}
"""


def make(folder: Path, plan: Plan, stops_after: int | None = None) -> FolderStore:
    """Begin or resume a run, and make its shard, or so many batches."""
    store, asked = FolderStore(folder), iter(range(1000))
    create_run(store, plan, SPEC)
    stop = lambda: stops_after is not None and next(asked) >= stops_after  # noqa: E731
    work(open_run(store), store, wiring.generator(plan, "cpu"), wiring.judge(plan, "cpu"), [0], stop=stop)
    return store


@pytest.fixture(scope="module")
def planned() -> Plan:
    return synthgen.plan(SPEC)


@pytest.fixture(scope="module")
def store(planned: Plan, tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return make(tmp_path_factory.mktemp("runs") / "boxed", planned)


@pytest.fixture(scope="module")
def rows(planned: Plan, store: FolderStore) -> datasets.Dataset:
    return datasets.load_dataset(finalized(planned, store, fresh=1).dataset, split="train")


def drawn(row: Mapping[str, Any]) -> tuple[list[int], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Return the box and the pixels of what is unlike the ground, as a corner shows that."""
    pixels = np.asarray(row["image"]).astype(int)
    person = np.abs(pixels - pixels[0, 0]).max(axis=2) > 40
    lines, columns = np.flatnonzero(person.sum(axis=1) > 2), np.flatnonzero(person.sum(axis=0) > 2)
    return [columns[0], lines[0], columns[-1] + 1, lines[-1] + 1], person


@pytest.mark.slow
def test_boxes_and_masks_are_around_what_was_drawn_and_each_image_has_their_scores(
    planned: Plan, store: FolderStore, rows: datasets.Dataset
) -> None:
    assert len(rows) == 6
    for row in rows:
        ((box,), (mask,)) = row["boxes"], row["masks"]
        person, pixels = drawn(row)
        assert np.abs(np.subtract(box, person)).max() <= 4, (box, person)
        found = np.asarray(mask) > 127
        assert (found & pixels).sum() / (found | pixels).sum() > 0.9
        assert 0.9 < row["box_scores"][0] <= 1
        assert row["mask_scores"] == row["box_scores"]
        assert row["score_box_margin"] >= 0
    attempts = ledger_of(store.location, planned)
    assert all(-1 <= row["score_box_margin"] <= 1 for row in attempts)
    made_by = open_run(store).revisions.annotators
    assert made_by["boxes"] == made_by["masks"]


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_boxes_and_a_stricter_limit_needs_no_image(
    planned: Plan, store: FolderStore, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        make(tmp_path / "run", planned, stops_after=1)
    again = make(tmp_path / "run", planned)
    assert bytes_of(again.location, planned) == bytes_of(store.location, planned)
    margins = sorted(row["score_box_margin"] for row in images_of(store.location, planned))
    limit = (margins[0] + margins[1]) / 2
    stricter = synthgen.rejudge(store.location, [f"filters.box.min_margin={limit}"], tmp_path / "stricter")
    assert sum(kind.accepted for kind in stricter.tally.classes) == 5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools' decoder
def test_coco_has_what_was_found(rows: datasets.Dataset, store: FolderStore) -> None:
    folder = Path(store.location) / "dataset/coco/train"
    read = import_module("pycocotools.coco").COCO(str(folder / "_annotations.coco.json"))
    assert len(read.getImgIds()) == len(read.getAnnIds()) == 6
    for annotation, row in zip(read.loadAnns(read.getAnnIds()), rows, strict=True):
        (shown,) = read.loadImgs(annotation["image_id"])
        with Image.open(folder / shown["file_name"]) as image:
            assert image.tobytes() == row["image"].tobytes()
        mask = np.asarray(row["masks"][0]) > 127
        assert np.array_equal(read.annToMask(annotation).astype(bool), mask)
        left, top, width, height = annotation["bbox"]
        assert [left, top, left + width, top + height] == row["boxes"][0]
        assert annotation["area"] == mask.sum()
        assert read.loadCats(annotation["category_id"])[0]["name"] == row["class"]


def test_the_plan_pins_what_looks_at_images_and_a_run_of_somebody_else_asks_for_trust(planned: Plan) -> None:
    roles = {str(one.role): one for one in pinned_models(planned)}
    assert roles["detector"].pins_its_content
    assert roles["segmenter"].is_known
    assert isinstance(wiring.generator(planned, "cpu"), AnnotatedGenerator)
    plain = synthgen.plan(parse_spec(SPEC, overrides=["annotate=null", "filters.box=null"]))
    assert plain.fingerprint != planned.fingerprint
    assert "annotators" not in plain.revisions.as_json()


@pytest.mark.parametrize(
    ("key", "config", "message"),
    [
        (
            "boxes",
            '{"model_type": "detr"}',
            r"annotate\.boxes: \S+ is a model of type 'detr', and not one that takes a text",
        ),
        (
            "masks",
            '{"model_type": "owlv2"}',
            r"annotate\.masks: \S+ is a model of type 'owlv2', and not one that takes",
        ),
        ("boxes", "[]", r"annotate\.boxes: \S+ is a model without a valid config\.json of transformers"),
        ("boxes", None, r"annotate\.boxes: \S+ has no config\.json of transformers"),
        ("masks", "", r"annotate\.masks: .*does not exist"),
    ],
)
def test_models_of_another_kind_are_refused_before_weights_are_read(
    key: str, config: str | None, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    if config != "":
        folder.mkdir()
    if config:
        (folder / "config.json").write_text(config)
    with pytest.raises(ModelError, match=message):
        synthgen.plan(parse_spec(SPEC, overrides=[f"annotate.{key}={folder}"]))
