"""Every family that begins from pictures, beside a direct call of its pipeline: equal images at any batch size."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import diffusers
import pytest
from diffusers import DiffusionPipeline
from torch import Tensor

from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate, SourcePicture
from synthgen.spec import ModelSpec
from tests.generating.families import FAMILIES
from tests.generating.families.begun import FROM_IMAGES, WithPictures, given, picture
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat")
GUIDANCE, HAT, STEPS = 4.0, "a hat", 3
STRENGTHS = (0.4, 0.7, 0.4)
"""One step of three, and two."""
FURTHEST = 3
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""


def begun(folder: Path, **settings: object) -> Renderer:
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, "strength": [0.4, 0.7], **settings})
    made = Renderer(
        model,
        source_of(model, None),
        "cpu",
        largest_batch=16,
        task="image-to-image",
        pictures=lambda one: SourcePicture(picture(one.attempt)),
    )
    made.setup()
    return made


def drawn(generator: Renderer, candidates: Sequence[Candidate]) -> list[Tensor]:
    rendered = generator.render(candidates)
    assert [one.failure for one in rendered] == [None] * len(candidates)
    return [one.image for one in rendered if one.image is not None]


def furthest(some: Sequence[Tensor], others: Sequence[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_IMAGES)
def test_pictures_strength_guidance_and_negative_prompt_act_as_in_direct_calls(name: str, tmp_path: Path) -> None:
    family, folder = FAMILIES[name], tmp_path / "model"
    family.save(folder)
    high, wide = family.size
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    negated = family.takes_negative and family.guidance == "acts"
    ours = begun(folder, width=wide, height=high, **{key: GUIDANCE}, **{"negative_prompt": HAT} if negated else {})
    by_hand: DiffusionPipeline = getattr(diffusers, FROM_IMAGES[name]).from_pretrained(folder)

    candidates = [
        replace(candidate(index, PROMPTS[index], HAT if negated else ""), settings=(("strength", STRENGTHS[index]),))
        for index in range(3)
    ]
    alone = [drawn(ours, [one])[0] for one in candidates]
    for one, image in zip(candidates, alone, strict=True):
        pictures = given(FROM_IMAGES[name], picture(one.attempt), None, family.size)
        pipeline = WithPictures(by_hand, {**pictures, "strength": STRENGTHS[one.attempt]})
        expected = family.direct(
            cast("DiffusionPipeline", pipeline),
            [one.prompt],
            [HAT] if negated else None,
            [one.seed],
            guidance=GUIDANCE,
            steps=STEPS,
            size=family.size,
        )
        assert furthest([image], expected) <= FURTHEST
    assert furthest(drawn(ours, candidates), alone) <= FURTHEST, "two of one strength, and one of another"
    others = drawn(ours, [replace(candidates[0], settings=(("strength", 0.7),))])
    assert furthest(others, alone[:1]) > FURTHEST, "strength acts"


def test_a_batch_of_eight_draws_each_image_as_alone_and_says_how(tmp_path: Path) -> None:
    size = (32, 48)
    family, folder = FAMILIES["stable-diffusion"], tmp_path / "model"
    family.save(folder)
    ours = begun(folder, width=size[1], height=size[0], strength=None, steps=2, guidance=1.0)
    candidates = [candidate(index) for index in range(8)]
    together = drawn(ours, candidates)
    assert tuple(together[0].shape) == (3, *size)
    assert furthest(together[:2], [drawn(ours, [one])[0] for one in candidates[:2]]) <= FURTHEST

    facts = ours.provenance()
    assert (facts["task"], facts["pictures"]) == ("image-to-image", "cover, centre, Lanczos")
    assert facts["pipeline"] == FROM_IMAGES["stable-diffusion"]
    assert json.loads(facts["call"])["strength"] == 0.8, "the pipeline's own default"
