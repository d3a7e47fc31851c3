"""Every family that is led by pictures, beside a direct call of its pipeline: equal images at any batch size."""

import inspect
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import diffusers
import pyarrow.parquet as pq
import pytest
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor

from synthgen.conditioning import canny
from synthgen.generating.given import PictureLayout
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate, SourcePicture
from synthgen.spec import ControlSpec, ModelSpec
from tests.command import command_line
from tests.generating.families.begun import WithPictures, cut, given, picture, region
from tests.generating.families.family import pixels
from tests.generating.families.led import LED, REDRAWN, Led
from tests.generating.families.test_begun import FURTHEST, HAT, PROMPTS, drawn, furthest
from tests.generating.families.test_pictured import pasted
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

GUIDANCE, STEPS, STRENGTH, WEIGHT, INTERVAL = 4.0, 3, 0.7, 0.7, (0.0, 0.5)


def shown(attempt: int) -> SourcePicture:
    return SourcePicture(picture(attempt), region(attempt), columns={"depth": picture(attempt + 100)})


def led(folder: Path, controls: list[ControlSpec], task: str = "control", **settings: object) -> Renderer:
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, **settings})
    made = Renderer(
        model,
        source_of(model, None, controls=[one.component(one.model) if one.model else None for one in controls]),
        "cpu",
        largest_batch=16,
        task=task,
        pictures=lambda one: shown(one.attempt),
        layout=PictureLayout("mask" if task == "inpaint" else None),
        controls=controls,
    )
    made.setup()
    return made


@contextmanager
def at_the_mean(pipeline: Any) -> Iterator[None]:
    """diffusers draws the latents of some pictures by noise without a seed, which synthgen leaves out."""
    with pytest.MonkeyPatch.context() as patch:
        kind = diffusers.models.autoencoders.vae.DiagonalGaussianDistribution
        own = kind.sample
        patch.setattr(
            kind, "sample", lambda one, generator=None: one.mode() if generator is None else own(one, generator)
        )
        yield


def by_hand_of(case: Led, folder: Path, places: list[Path]) -> DiffusionPipeline:
    parts = [getattr(diffusers, type_of(place)).from_pretrained(place) for place in places]
    more = {case.part: parts[0] if len(parts) == 1 else parts} if parts else {}
    if case.part == "adapter" and len(parts) > 1:
        more = {case.part: diffusers.MultiAdapter(parts)}
    if case.pipeline == "QwenImageControlNetPipeline" and len(parts) > 1:
        more = {case.part: diffusers.QwenImageMultiControlNetModel(parts)}
    return getattr(diffusers, case.pipeline).from_pretrained(folder, **more)


def type_of(place: Path) -> str:
    return str(json.loads((place / "config.json").read_text())["_class_name"])


def arguments(case: Led, attempt: int, size: tuple[int, int], count: int) -> dict[str, object]:
    """Return what a user would hand the call herself: pictures of PIL."""
    mode = "L" if case.grey else "RGB"
    pictures: list[Image.Image] = [
        cut(shown(attempt).columns["depth"], size).convert(mode),
        canny(cut(picture(attempt), size), 20, 50).convert(mode),
    ][:count]
    many = count > 1 or case.listed
    found: dict[str, object] = {case.picture: pictures if many else pictures[0]} if case.pictures else {}
    if case.weight:
        found[case.weight] = [WEIGHT, 1.0][:count] if many else WEIGHT
    found |= {
        name: [end, whole][:count] if many else end
        for name, end, whole in zip(case.interval, INTERVAL, (0.0, 1.0), strict=False)
    }
    if case.mode is not None:
        found["control_mode"] = [case.mode] if case.listed else case.mode
    elif count > 1 and case.pipeline.startswith("FluxControlNet"):
        found["control_mode"] = [None] * count
    return found


@dataclass(frozen=True)
class Bench:
    """A small model that is led, beside the same pipeline as diffusers alone opens it."""

    case: Led
    task: str
    ours: Renderer
    by_hand: DiffusionPipeline
    controls: Sequence[ControlSpec]
    settings: Mapping[str, object]
    negative: str
    strength: float | None

    def direct(self, one: Candidate) -> Tensor:
        """Draw a candidate's image by a call of the pipeline alone."""
        case, size, mask = self.case, self.case.of.size, region(one.attempt) if self.task == "inpaint" else None
        more = arguments(case, one.attempt, size, 2 if case.several else 1)
        if self.task != "control":
            more |= redrawn(case, one.attempt, mask)
        more |= {"strength": self.strength} if self.strength else {}
        with at_the_mean(self.by_hand):
            (image,) = case.of.direct(
                cast("DiffusionPipeline", WithPictures(self.by_hand, more)),
                [one.prompt],
                [self.negative] if self.negative else None,
                [one.seed],
                guidance=GUIDANCE,
                steps=STEPS,
                size=size,
            )
        return image if mask is None else pasted(image, one.attempt, size)


def redrawn(case: Led, attempt: int, mask: Image.Image | None) -> dict[str, object]:
    """Return the picture that is redrawn, and its region, as the call takes them."""
    found = given(case.pipeline, picture(attempt), mask, case.of.size)
    return found if case.pictures else {"control_image": found["image"], "control_mask": found["mask_image"]}


def bench(case: Led, task: str, folder: Path) -> Bench:
    family, count = case.of, 2 if case.several else 1
    places = case.save(folder / "model", count)
    by_hand = by_hand_of(case, folder / "model", places)
    strong = "strength" in inspect.signature(type(by_hand).__call__).parameters
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    negative = HAT if family.takes_negative and family.guidance == "acts" else ""

    models: list[str | None] = [*map(str, places)] or [None]
    first: dict[str, object] = {"model": models[0], "mode": case.mode}
    first |= {"column": "depth"} if case.pictures else {"preprocessor": "masked"}
    first |= {"weight": WEIGHT} if case.weight else {}
    first |= {"interval": INTERVAL} if case.interval else {}
    second = {"model": models[-1], "preprocessor": "canny", "thresholds": (20, 50)}
    controls = [ControlSpec.model_validate(one) for one in (first, second)[:count]]
    settings: dict[str, object] = {"width": family.size[1], "height": family.size[0], key: GUIDANCE}
    settings |= {"negative_prompt": negative} if negative else {}
    settings |= {"strength": STRENGTH} if strong else {}
    ours = led(folder / "model", controls, task, **settings)
    return Bench(case, task, ours, by_hand, controls, settings, negative, STRENGTH if strong else None)


SPEC = """\
synthgen: 1
name: tiny
task: %s
source: {dataset: ./photos, label: label, mask: mask_file_name}
control: %s
model: %s
judge: {id: "bundled:judge"}
classes: {chef: 3}
prompts: {templates: ["a {class} in winter"]}
budget: {attempts_per_image: 1}
"""


def save_photos(folder: Path) -> None:
    """Write pictures with their masks, and with those that lead them, as an image folder."""
    folder.mkdir()
    lines = []
    for number in range(3):
        one = shown(number)
        assert one.mask is not None
        names = {"file_name": f"{number}.png", "mask_file_name": f"m{number}.png", "depth_file_name": f"d{number}.png"}
        for name, image in zip(names.values(), (one.image, one.mask, one.columns["depth"]), strict=True):
            image.save(folder / name)
        lines.append(json.dumps({**names, "label": "chef"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")


CASES = {("control", name): case for name, case in LED.items()} | dict(REDRAWN)


def marked(*sample: tuple[str, str]) -> list[object]:
    """Return all cases, of which CI tries a sample."""
    return [
        pytest.param(*key, marks=pytest.mark.slow if key in sample else pytest.mark.sweep, id="-".join(key))
        for key in CASES
    ]


@pytest.mark.parametrize(("task", "name"), marked(("inpaint", "sd-9")))
def test_a_spec_becomes_a_dataset_of_the_images_of_direct_calls(
    task: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = bench(CASES[task, name], task, tmp_path)
    controls = [one.model_dump(exclude_none=True) for one in place.controls]
    controls = [one | ({"column": "depth_file_name"} if "column" in one else {}) for one in controls]
    model = {"id": "./model", "steps": STEPS, **place.settings}
    Path("spec.yaml").write_text(SPEC % (task, json.dumps(controls), json.dumps(model)), encoding="utf-8")
    save_photos(Path("photos"))

    for batch in (3, 1):
        assert command_line(["run", "spec.yaml", "-o", f"run{batch}", "--set", f"model.batch_size={batch}"]) == 0
        rows = pq.read_table(f"run{batch}/dataset/data").to_pylist()
        assert len(rows) == 3
        for row in rows:
            one = replace(candidate(int(Path(row["source_id"]).stem), row["prompt"], place.negative), seed=row["seed"])
            image = pixels([Image.open(io.BytesIO(row["image"]["bytes"]))])[0]
            assert furthest([image], [place.direct(one)]) <= FURTHEST


@pytest.mark.parametrize(("task", "name"), marked(("control", "sd"), ("control", "flux-union"), ("inpaint", "sd-9")))
def test_pictures_weights_and_intervals_act_as_in_direct_calls(task: str, name: str, tmp_path: Path) -> None:
    case = CASES[task, name]
    place = bench(case, task, tmp_path)
    ours = place.ours
    candidates = [candidate(index, PROMPTS[index], place.negative) for index in range(3)]
    alone = [drawn(ours, [one])[0] for one in candidates]
    assert furthest(alone, [place.direct(one) for one in candidates]) <= FURTHEST
    assert furthest(drawn(ours, candidates), alone) <= FURTHEST, "a batch"
    other = replace(candidates[0], attempt=7)
    assert furthest(drawn(ours, [other]), alone[:1]) > 0, "the pictures act: alike ones give the same to the last bit"
    assert ours.provenance()["pipeline"] == case.pipeline
