"""Every kind of IP-Adapter, beside a direct call of its pipeline: equal images at any batch size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import diffusers
import numpy as np
import pytest
from diffusers import DiffusionPipeline
from PIL import Image
from transformers import CLIPVisionModelWithProjection, SiglipImageProcessor, SiglipVisionModel

from synthgen.generating.reference import References
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import SourcePicture
from synthgen.spec import ModelSpec, ReferenceSpec
from tests.generating.families import FAMILIES
from tests.generating.families.begun import FROM_IMAGES, WithPictures, given, picture
from tests.generating.families.shown import SIDE, save_adapter
from tests.generating.families.test_begun import FURTHEST, HAT, PROMPTS, drawn, furthest
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
GUIDANCE, STEPS, WEIGHTS = 4.0, 2, (0.8, 0.5)


def shown(attempt: int) -> SourcePicture:
    return SourcePicture(picture(attempt), references={"style": picture(attempt + 100)})


def renderer(
    folder: Path, references: Sequence[ReferenceSpec], task: str, fixed: Image.Image, **settings: object
) -> Renderer:
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, **settings})
    parts = {
        name: part
        for index, one in enumerate(references)
        for name, part in one.components(f"reference.{index}").items()
    }
    pictures = {index: fixed for index, one in enumerate(references) if one.path}
    made = Renderer(
        model,
        source_of(model, None, references=parts),
        "cpu",
        largest_batch=16,
        task=task,
        pictures=None if task == "text-to-image" else lambda one: shown(one.attempt),
        references=References(references, pictures),
    )
    made.setup()
    return made


def by_hand(kind: str, folder: Path, files: Sequence[Path]) -> Any:
    pipeline: Any = getattr(diffusers, kind).from_pretrained(folder)
    beside = files[0].parent / "image_encoder"
    encoder: Any = SiglipVisionModel if "3" in kind else CLIPVisionModelWithProjection
    if "3" in kind:
        pipeline.register_modules(feature_extractor=SiglipImageProcessor(size={"height": SIDE, "width": SIDE}))
    pipeline.register_modules(image_encoder=encoder.from_pretrained(beside))
    folders, names = [str(file.parent) for file in files], [file.name for file in files]
    if len(files) == 1:
        pipeline.load_ip_adapter(folders[0], subfolder="", weight_name=names[0])
    else:
        pipeline.load_ip_adapter(folders, subfolder=["", ""], weight_name=names)
    pipeline.set_ip_adapter_scale([*WEIGHTS[: len(files)]] if len(files) > 1 else WEIGHTS[0])
    return pipeline


CASES = {"stable-diffusion": 2, "stable-diffusion-xl": 1, "stable-diffusion-3": 1, "flux-dev": 2}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["text-to-image", "image-to-image"])
@pytest.mark.parametrize("name", CASES)
def test_references_act_as_in_direct_calls(name: str, task: str, tmp_path: Path) -> None:
    family, folder, count = FAMILIES[name], tmp_path / "model", CASES[name]
    family.save(folder)
    whole = family.build()
    files = [
        save_adapter(tmp_path / f"ip{index}", whole, seed=index, resampled=index == 1 and "xl" in name)
        for index in range(count)
    ]
    high, wide = family.size
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    negated = family.takes_negative and family.guidance == "acts"
    begins = task != "text-to-image"
    first = {"column": "style"} if begins else {"image": "./x.png"}
    second = {"image": "source"} if begins else {"image": "./x.png"}
    references = [
        ReferenceSpec.model_validate({"model": str(file.parent), "file": file.name, "weight": weight, **which})
        for file, weight, which in zip(files, WEIGHTS, (first, second), strict=False)
    ]
    settings: dict[str, object] = {"width": wide, "height": high, key: GUIDANCE}
    settings |= {"negative_prompt": HAT} if negated else {}
    settings |= {"strength": 0.7, "steps": 3} if begins else {}
    ours = renderer(folder, references, task, picture(7), **settings)
    kind = FROM_IMAGES[name] if begins else family.class_name
    theirs = by_hand(kind, folder, files)

    candidates = [candidate(index, PROMPTS[index], HAT if negated else "") for index in range(3)]
    alone = [drawn(ours, [one])[0] for one in candidates]
    for one, image in zip(candidates, alone, strict=True):
        pictures = [shown(one.attempt).references["style"], shown(one.attempt).image] if begins else [picture(7)] * 2
        more: dict[str, object] = {"ip_adapter_image": pictures[:count] if count > 1 else pictures[0]}
        if kind.startswith("Flux"):  # what it takes by itself is for one adapter
            more["negative_ip_adapter_image"] = [np.zeros((high, wide, 3), np.uint8)] * count
        if begins:
            more |= {**given(kind, picture(one.attempt), None, family.size), "strength": 0.7}
        expected = family.direct(
            cast("DiffusionPipeline", WithPictures(theirs, more)),
            [one.prompt],
            [HAT] if negated else None,
            [one.seed],
            guidance=GUIDANCE,
            steps=3 if begins else STEPS,
            size=family.size,
        )
        assert furthest([image], expected) <= FURTHEST
    assert furthest(drawn(ours, candidates), alone) <= FURTHEST, "a batch"
    weaker = renderer(
        folder, [one.model_copy(update={"weight": 0.1}) for one in references], task, picture(7), **settings
    )
    assert furthest(drawn(weaker, candidates[:1]), alone[:1]) > FURTHEST, "weights act"
    assert ours.provenance()["reference.0"].startswith(f"{files[0].parent} ip-adapter.safetensors, ")
