"""Every family that edits pictures or fills regions of them, beside a direct call: equal images at any batch size."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageOps
from torch import Tensor

from synthgen.generating.given import Layout
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate, SourcePicture
from synthgen.spec import ModelSpec
from tests.generating.families.begun import WithPictures, cut, given, picture, region
from tests.generating.families.edited import EDITED
from tests.generating.families.family import Family
from tests.generating.families.filled import FILLED
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat")
GUIDANCE, HAT, STEPS = 4.0, "a hat", 2
FURTHEST = 3
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""
SAMPLE = ("pix2pix", "flux-kontext", "stable-diffusion-9", "flux-fill", "if")
"""What CI tries. All take minutes: Qwen and LongCat look at a million pixels, whatever the size of an image."""


def case(task: str, name: str) -> tuple[Family, str]:
    return FILLED[name] if task == "inpaint" else (EDITED[name], EDITED[name].class_name)


def cases(task: str) -> list[object]:
    names = FILLED if task == "inpaint" else EDITED
    marks = {name: pytest.mark.slow if name in SAMPLE else pytest.mark.sweep for name in names}
    return [pytest.param(task, name, marks=mark, id=f"{task}-{name}") for name, mark in marks.items()]


def renderer(task: str, family: Family, folder: Path, **settings: object) -> Renderer:
    high, wide = family.size
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, "width": wide, "height": high, **settings})
    made = Renderer(
        model,
        source_of(model, None),
        "cpu",
        largest_batch=16,
        task=task,
        pictures=lambda one: SourcePicture(picture(one.attempt), region(one.attempt) if task == "inpaint" else None),
        layout=Layout("mask" if task == "inpaint" else None),
    )
    made.setup()
    return made


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


@pytest.mark.parametrize(("task", "name"), [*cases("edit"), *cases("inpaint")])
def test_pictures_and_regions_act_as_in_direct_calls(task: str, name: str, tmp_path: Path) -> None:
    family, class_name = case(task, name)
    folder = tmp_path / "model"
    family.save(folder)
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    negated = family.takes_negative and family.guidance == "acts"
    guided = {} if family.guidance == "none" else {key: GUIDANCE}
    ours = renderer(task, family, folder, **guided, **({"negative_prompt": HAT} if negated else {}))
    by_hand: DiffusionPipeline = getattr(diffusers, class_name).from_pretrained(folder)

    def direct(one: Candidate, number: int) -> Tensor:
        pictures = given(class_name, picture(number), region(number) if task == "inpaint" else None, family.size)
        (image,) = family.direct(
            cast("DiffusionPipeline", WithPictures(by_hand, pictures)),
            [one.prompt],
            [HAT] if negated else None,
            [one.seed],
            guidance=GUIDANCE,
            steps=STEPS,
            size=family.size,
        )
        return image if task == "edit" else pasted(image, number, family.size)

    candidates = [candidate(index, PROMPTS[index], HAT if negated else "") for index in range(3)]
    expected = [direct(one, one.attempt) for one in candidates[:2]]
    (first,) = drawn(ours, candidates[:1])
    assert furthest([first], expected[:1]) <= FURTHEST
    assert furthest(drawn(ours, candidates)[:2], expected) <= FURTHEST, "in a batch, or one by one if it takes one"
    other = direct(candidates[0], 1)
    assert 3 * apart(first, expected[0]) < apart(other, expected[0]), "it is the image of this picture"
