"""Every family that is led by pictures, beside a direct call of its pipeline: equal images at any batch size."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import diffusers
import pytest
from diffusers import DiffusionPipeline
from PIL import Image

from synthgen.conditioning import canny
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import SourcePicture
from synthgen.spec import ControlSpec, ModelSpec
from tests.generating.families.begun import WithPictures, cut, picture
from tests.generating.families.led import LED, Led
from tests.generating.families.test_begun import FURTHEST, HAT, PROMPTS, drawn, furthest
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

GUIDANCE, STEPS, WEIGHT, INTERVAL = 4.0, 3, 0.7, (0.0, 0.5)


def shown(attempt: int) -> SourcePicture:
    return SourcePicture(picture(attempt), columns={"depth": picture(attempt + 100)})


def led(folder: Path, controls: list[ControlSpec], **settings: object) -> Renderer:
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, **settings})
    made = Renderer(
        model,
        source_of(model, None, controls=[one.component(one.model) if one.model else None for one in controls]),
        "cpu",
        largest_batch=16,
        task="control",
        pictures=lambda one: shown(one.attempt),
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


def by_hand(case: Led, folder: Path, places: list[Path]) -> DiffusionPipeline:
    parts = [getattr(diffusers, type_of(place)).from_pretrained(place) for place in places]
    more = {case.part: parts[0] if len(parts) == 1 else parts} if parts else {}
    if case.part == "adapter" and len(parts) > 1:
        more = {case.part: diffusers.MultiAdapter(parts)}
    if case.pipeline == "QwenImageControlNetPipeline" and len(parts) > 1:
        more = {case.part: diffusers.QwenImageMultiControlNetModel(parts)}
    return getattr(diffusers, case.pipeline).from_pretrained(folder, **more)


def type_of(place: Path) -> str:
    import json

    return str(json.loads((place / "config.json").read_text())["_class_name"])


def arguments(case: Led, attempt: int, size: tuple[int, int], count: int) -> dict[str, object]:
    """Return what a user would hand the call herself: pictures of PIL."""
    mode = "L" if case.grey else "RGB"
    pictures: list[Image.Image] = [
        cut(shown(attempt).columns["depth"], size).convert(mode),
        canny(cut(picture(attempt), size), 20, 50).convert(mode),
    ][:count]
    many = count > 1 or case.listed
    found: dict[str, object] = {case.picture: pictures if many else pictures[0]}
    if case.weight:
        found[case.weight] = [WEIGHT, 1.0][:count] if many else WEIGHT
    found |= {
        name: [end, whole][:count] if many else end
        for name, end, whole in zip(case.interval, INTERVAL, (0.0, 1.0), strict=False)
    }
    if case.mode is not None:
        found["control_mode"] = [case.mode] if case.listed else case.mode
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", LED)
def test_pictures_weights_and_intervals_act_as_in_direct_calls(name: str, tmp_path: Path) -> None:
    case = LED[name]
    family, folder, count = case.of, tmp_path / "model", 2 if case.several else 1
    places = case.save(folder, count)
    high, wide = family.size
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    negated = family.takes_negative and family.guidance == "acts"
    models: list[str | None] = [*map(str, places)] or [None]
    first: dict[str, object] = {"model": models[0], "column": "depth", "mode": case.mode}
    first |= {"weight": WEIGHT} if case.weight else {}
    first |= {"interval": INTERVAL} if case.interval else {}
    second = {"model": models[-1], "preprocessor": "canny", "thresholds": (20, 50)}
    controls = [ControlSpec.model_validate(one) for one in (first, second)[:count]]
    ours = led(
        folder, controls, width=wide, height=high, **{key: GUIDANCE}, **{"negative_prompt": HAT} if negated else {}
    )
    theirs = by_hand(case, folder, places)

    candidates = [replace(candidate(index, PROMPTS[index], HAT if negated else "")) for index in range(3)]
    alone = [drawn(ours, [one])[0] for one in candidates]
    for one, image in zip(candidates, alone, strict=True):
        pipeline = WithPictures(theirs, arguments(case, one.attempt, family.size, count))
        with at_the_mean(theirs):
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
    assert furthest(drawn(ours, candidates), alone) <= FURTHEST, "a batch"
    other = replace(candidates[0], attempt=7)
    assert furthest(drawn(ours, [other]), alone[:1]) > 0, "the pictures act: alike ones give the same to the last bit"
    assert ours.provenance()["pipeline"] == case.pipeline
