"""Later stages from a spec to a dataset: what is kept and judged is the last one's, and boxes and masks go with it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from synthgen.api.sources import pictures_of, sources_of
from synthgen.errors import Interrupted
from synthgen.generating.given import layout_of
from synthgen.generating.renderer import Renderer
from synthgen.generating.staged import Later, StagedRenderer
from synthgen.models.parts import source_of
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge
from tests.generating.tiny import save_stable_diffusion
from tests.running.tables import bytes_of, ledger_of, without
from tests.running.test_regions import CUT, SPEC, array, rows_of, save_photos


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and pictures."""
    folder = tmp_path_factory.mktemp("stages")
    save_stable_diffusion(folder / "model")
    save_photos(folder / "photos")
    return folder


def planned(place: Path, task: str, *overrides: str) -> Plan:
    spec = parse_spec(SPEC % (place / "model", task, place / "photos"), overrides=overrides)
    return make_plan(spec, Revisions("tiny", "brightness"), sources_of(spec))


def make(folder: Path, plan: Plan, stops_after: int | None = None) -> FolderStore:
    """Begin or resume a run, and make all of its shards, or so many batches."""
    store, asked = FolderStore(folder), iter(range(10_000))
    create_run(store, plan, "spec")
    there = open_run(store)
    spec, source = there.spec, source_of(there.spec.model, None)
    layout, pictures = layout_of(spec), pictures_of(there)
    first = Renderer(spec.model, source, "cpu", 4, (), spec.task, pictures, layout)
    later = Later(spec.then, [None] * len(spec.then), spec.model, source, pictures, layout)
    generator = StagedRenderer(first, later, "cpu", 4)
    stop = lambda: stops_after is not None and next(asked) >= stops_after  # noqa: E731
    work(there, store, generator, BrightnessJudge(), range(there.shard_count), stop=stop)
    return store


@pytest.mark.slow
def test_boxes_and_masks_grow_with_the_image_and_a_killed_run_goes_on_alike(place: Path, tmp_path: Path) -> None:
    then = "then=[{task: refine, strength: 0.5, scale: 1.5}, {task: upscale, scale: 2}]"
    plan = planned(place, "image-to-image", "model.strength=0.5", then)
    store = make(tmp_path / "run", plan)
    rows = rows_of(plan, store)
    assert len(rows) == 6
    for row in rows:
        image, mask = array(row["image"]), array(row["mask"])
        assert (image.shape, mask.shape) == ((96, 96, 3), (96, 96))
        assert row["boxes"] == [[3 * corner for corner in CUT]]
        assert set(np.unique(mask)) == {0, 255}
        assert (mask[12:84, 36:96] == 255).all()
    facts = next(iter(ledger_facts(tmp_path / "run", plan)))
    assert facts["generator.then.1"] == "upscale by Lanczos, scale 2"

    with pytest.raises(Interrupted):
        make(tmp_path / "again", plan, stops_after=2)
    make(tmp_path / "again", plan)
    assert bytes_of(tmp_path / "again", plan) == bytes_of(tmp_path / "run", plan)
    mine, other = (without(ledger_of(tmp_path / name, plan), "seconds") for name in ("again", "run"))
    assert str(mine) == str(other)


def ledger_facts(folder: Path, plan: Plan) -> list[Mapping[str, str]]:
    from tests.running.tables import state_of

    return [record.provenance for record in state_of(folder, plan).done.values()]


@pytest.mark.slow
def test_a_refined_region_leaves_the_pixels_outside_as_they_were(place: Path, tmp_path: Path) -> None:
    region = "region={of: boxes}"
    plain = planned(place, "inpaint", region)
    refined = planned(place, "inpaint", region, "then={task: refine, strength: 0.9, steps: 4}")
    assert plain.fingerprint != refined.fingerprint
    before = {row["source_id"]: row for row in rows_of(plain, make(tmp_path / "plain", plain))}
    rows = rows_of(refined, make(tmp_path / "refined", refined))
    assert rows
    left, top, right, bottom = CUT
    for row in rows:
        image, other = array(row["image"]), array(before[row["source_id"]]["image"])
        outside = np.ones((32, 32), bool)
        outside[top:bottom, left:right] = False
        assert (image[outside] == other[outside]).all()
        assert (image[~outside] != other[~outside]).mean() > 0.5
