"""Facts of diffusers that the comparison with synthgen rests on: they check the instrument."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from tests.generating.families import FAMILIES, Family

pytestmark = [pytest.mark.sweep, pytest.mark.filterwarnings("ignore")]  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat")
NEGATIVES = ("a hat", "grey", "a blurry picture")
SEEDS = (11, 12, 13)
NAMES = tuple(FAMILIES)
TOLERANCE = 2
"""Grey levels: sums of another order are not equal to the last bit."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {"root": tmp_path_factory.mktemp("families")}


def pipeline_of(name: str, loaded: dict[str, Any]) -> DiffusionPipeline:
    if name not in loaded:
        folder = loaded["root"] / name
        FAMILIES[name].save(folder)
        loaded[name] = DiffusionPipeline.from_pretrained(folder)
    return loaded[name]


def draw(
    family: Family,
    pipeline: DiffusionPipeline,
    places: Sequence[int] = (0,),
    *,
    guidance: float = 4.0,
    negatives: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    prompts: Sequence[str] = PROMPTS,
) -> list[Tensor]:
    return family.direct(
        pipeline,
        [prompts[place] for place in places],
        None if negatives is None else [negatives[place] for place in places],
        [SEEDS[place] for place in places],
        guidance=guidance,
        steps=steps or family.steps,
        size=size or family.size,
    )


def furthest(some: Sequence[Tensor], others: Sequence[Tensor]) -> int:
    """The most grey levels between two images of one place."""
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_small_and_of_its_class(name: str, tmp_path: Path) -> None:
    FAMILIES[name].save(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["_class_name"] == FAMILIES[name].class_name
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 3e6
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_has_the_same_weights_every_time_and_leaves_the_generator_alone(name: str, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for copy in ("first", "second"):
        FAMILIES[name].save(tmp_path / copy)
    assert torch.equal(state, torch.random.get_rng_state())
    first, second = (
        {path.relative_to(tmp_path / copy): path.read_bytes() for path in (tmp_path / copy).rglob("*.safetensors")}
        for copy in ("first", "second")
    )
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_the_same_alone_and_among_three_where_the_family_says_so(name: str, loaded: dict[str, Any]) -> None:
    family, pipeline = FAMILIES[name], pipeline_of(name, loaded)
    for guidance, batchable in ((4.0, family.batchable), (family.least_guidance, family.batchable_unguided)):
        alone = [draw(family, pipeline, (place,), guidance=guidance)[0] for place in range(3)]
        assert furthest(alone[:1], alone[1:2]) > TOLERANCE
        if batchable:
            assert furthest(alone, draw(family, pipeline, range(3), guidance=guidance)) <= TOLERANCE
        else:
            assert among_three_is_another(family, pipeline, alone, guidance)


def among_three_is_another(
    family: Family, pipeline: DiffusionPipeline, alone: Sequence[Tensor], guidance: float
) -> bool:
    """Whether the batch gives other images, or none at all."""
    try:
        return furthest(alone, draw(family, pipeline, range(3), guidance=guidance)) > TOLERANCE
    except (RuntimeError, TypeError, ValueError):
        return True


@pytest.mark.parametrize("name", NAMES)
def test_guidance_and_negative_prompt_act_as_the_family_says(name: str, loaded: dict[str, Any]) -> None:
    family, pipeline = FAMILIES[name], pipeline_of(name, loaded)
    guided = draw(family, pipeline)
    apart = furthest(guided, draw(family, pipeline, guidance=family.least_guidance))
    assert (apart > TOLERANCE) == (family.guidance != "none")
    if family.takes_negative:
        assert furthest(guided, draw(family, pipeline, negatives=NEGATIVES)) > TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_size_steps_and_prompt_act(name: str, loaded: dict[str, Any]) -> None:
    family, pipeline = FAMILIES[name], pipeline_of(name, loaded)
    first = draw(family, pipeline)
    height, width = family.size
    assert first[0].shape == (3, height, width)
    assert furthest(first, draw(family, pipeline, steps=family.steps + 1)) > TOLERANCE
    assert furthest(first, draw(family, pipeline, prompts=PROMPTS[1:])) > TOLERANCE
    if family.sizes == "any":
        wide = (height, width + family.multiple)
        assert draw(family, pipeline, size=wide)[0].shape == (3, *wide)
