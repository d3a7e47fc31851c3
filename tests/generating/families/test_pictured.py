"""Every family that edits pictures or fills regions of them, beside a direct call: equal images at any batch size."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import diffusers
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageOps
from torch import Tensor

from synthgen.generating.given import PictureLayout
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate, SourcePicture
from synthgen.spec import ModelSpec
from tests.command import command_line
from tests.generating.families import FAMILIES
from tests.generating.families.begun import FROM_IMAGES, WithPictures, cut, given, picture, region
from tests.generating.families.edited import EDITED
from tests.generating.families.family import Family, pixels
from tests.generating.families.filled import FILLED
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat")
GUIDANCE, HAT, STEPS, STRENGTH = 4.0, "a hat", 2, 0.6
FURTHEST = 3
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""
SAMPLE = ("pix2pix", "flux-kontext", "stable-diffusion-9", "flux-fill", "if")
"""What CI tries. All take minutes: Qwen and LongCat look at a million pixels, whatever the size of an image."""

ENTIRE = ("pix2pix", "stable-diffusion-9")
SPEC = """\
synthgen: 1
name: tiny
task: %s
source: {dataset: ./photos, label: label%s}
model: {id: ./model, %s}
judge: {id: "bundled:judge"}
classes: {chef: 3}
prompts: {templates: ["make it winter, a {class}"]}
budget: {attempts_per_image: 1}
"""


def case(task: str, name: str) -> tuple[Family, str]:
    if task == "image-to-image":
        return FAMILIES[name], FROM_IMAGES[name]
    return FILLED[name] if task == "inpaint" else (EDITED[name], EDITED[name].class_name)


def cases(task: str, sample: Sequence[str] = SAMPLE) -> list[object]:
    names: Sequence[str] = [*{"inpaint": FILLED, "edit": EDITED, "image-to-image": FROM_IMAGES}[task]]
    marks = {name: pytest.mark.slow if name in sample else pytest.mark.sweep for name in names}
    return [pytest.param(task, name, marks=mark, id=f"{task}-{name}") for name, mark in marks.items()]


def renderer(place: "Bench") -> Renderer:
    masked = place.task == "inpaint"
    model = ModelSpec.model_validate({"id": str(place.folder / "model"), **place.settings})
    made = Renderer(
        model,
        source_of(model, None),
        "cpu",
        largest_batch=16,
        task=place.task,
        pictures=lambda one: SourcePicture(picture(one.attempt), region(one.attempt) if masked else None),
        layout=PictureLayout("mask" if masked else None),
    )
    made.setup()
    return made


def save_photos(folder: Path) -> None:
    """Write pictures with their masks, as an image folder."""
    folder.mkdir()
    lines = []
    for number in range(3):
        picture(number).save(folder / f"{number}.png")
        region(number).save(folder / f"{number}-mask.png")
        names = {"file_name": f"{number}.png", "mask_file_name": f"{number}-mask.png"}
        lines.append(json.dumps({**names, "label": "chef"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")


def drawn(generator: Renderer, candidates: Sequence[Candidate]) -> list[Tensor]:
    rendered = generator.render(candidates)
    assert [one.failure for one in rendered] == [None] * len(candidates)
    return [one.image for one in rendered if one.image is not None]


def pasted(image: Tensor, number: int, size: tuple[int, int]) -> Tensor:
    """Put the picture back outside its region."""
    kept = np.array(ImageOps.fit(region(number), size[::-1], Image.Resampling.NEAREST)) == 0
    source = torch.from_numpy(np.array(cut(picture(number), size))).permute(2, 0, 1)
    return torch.where(torch.from_numpy(kept), source, image)


def furthest(some: Sequence[Tensor], others: Sequence[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one.int() - other.int()).abs().float().mean())


@dataclass(frozen=True)
class Bench:
    """A small model's folder, and the same model as diffusers alone opens it for a task."""

    task: str
    family: Family
    class_name: str
    folder: Path
    by_hand: DiffusionPipeline

    @property
    def settings(self) -> dict[str, object]:
        """The settings of `model` with which it is guided, where it can be, and draws its small size."""
        key = "embedded_guidance" if self.family.guidance == "embedded" else "guidance"
        guided = {} if self.family.guidance == "none" else {key: GUIDANCE}
        negated = {"negative_prompt": HAT} if self.against else {}
        strength = {"strength": STRENGTH} if self.task == "image-to-image" else {}
        return {
            **strength,
            "steps": STEPS,
            "width": self.family.size[1],
            "height": self.family.size[0],
            **guided,
            **negated,
        }

    @property
    def against(self) -> str:
        return HAT if self.family.takes_negative and self.family.guidance == "acts" else ""

    def direct(self, prompt: str, seed: int, number: int) -> Tensor:
        """Draw the image of a picture by a call of the pipeline alone."""
        size = self.family.size
        mask = region(number) if self.task == "inpaint" else None
        pictures = given(self.class_name, picture(number), mask, size)
        if self.task == "image-to-image":
            pictures |= {"strength": STRENGTH}
        pipeline = WithPictures(self.by_hand, pictures)
        (image,) = self.family.direct(
            cast("DiffusionPipeline", pipeline),
            [prompt],
            [self.against] if self.against else None,
            [seed],
            guidance=GUIDANCE,
            steps=STEPS,
            size=size,
        )
        return image if mask is None else pasted(image, number, size)


def bench(task: str, name: str, folder: Path) -> Bench:
    family, class_name = case(task, name)
    family.save(folder / "model")
    by_hand: DiffusionPipeline = getattr(diffusers, class_name).from_pretrained(folder / "model")
    return Bench(task, family, class_name, folder, by_hand)


@pytest.mark.parametrize(("task", "name"), [*cases("edit"), *cases("inpaint")])
def test_pictures_and_regions_act_as_in_direct_calls(task: str, name: str, tmp_path: Path) -> None:
    place = bench(task, name, tmp_path)
    ours = renderer(place)
    candidates = [candidate(index, PROMPTS[index], place.against) for index in range(3)]
    expected = [place.direct(one.prompt, one.seed, one.attempt) for one in candidates[:2]]
    (first,) = drawn(ours, candidates[:1])
    assert furthest([first], expected[:1]) <= FURTHEST
    assert furthest(drawn(ours, candidates)[:2], expected) <= FURTHEST, "in a batch, or one by one if it takes one"
    if name == "qwen-image-2.1":  # its small decoder hardly shows the picture
        return
    other = place.direct(candidates[0].prompt, candidates[0].seed, 1)
    assert 3 * apart(first, expected[0]) < apart(other, expected[0]), "it is the image of this picture"


@pytest.mark.timeout(1800)  # some draw a million pixels
@pytest.mark.parametrize(
    ("task", "name"), [*cases("edit", ENTIRE), *cases("inpaint", ENTIRE), *cases("image-to-image", ENTIRE)]
)
def test_a_spec_becomes_a_dataset_of_the_images_of_direct_calls(
    task: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bench(task, name, tmp_path)
    settings = ", ".join(f"{key}: {value}" for key, value in place.settings.items())
    masks = ", mask: mask_file_name" if task == "inpaint" else ""
    (tmp_path / "spec.yaml").write_text(SPEC % (task, masks, settings), encoding="utf-8")
    save_photos(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)

    images: dict[str, Tensor] = {}
    for batch in (3, 1):
        assert command_line(["run", "spec.yaml", "-o", f"run{batch}", "--set", f"model.batch_size={batch}"]) == 0
        rows = pq.read_table(tmp_path / f"run{batch}" / "dataset" / "data").to_pylist()
        assert len(rows) == 3
        for row in rows:
            image = pixels([Image.open(io.BytesIO(row["image"]["bytes"]))])[0]
            if batch == 1:
                assert furthest([image], [images[row["id"]]]) <= FURTHEST, "batches of 3 and of 1"
                continue
            images[row["id"]] = image
            expected = place.direct(row["prompt"], row["seed"], int(Path(row["source_id"]).stem))
            assert furthest([image], [expected]) <= FURTHEST
