"""The bundled model redraws pictures of its world: the more, the greater the strength."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from synthgen import bundled
from synthgen.bundled.mixture import even
from synthgen.bundled.world import render
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import SourcePicture
from synthgen.regions.placing import covering
from synthgen.spec import ModelSpec
from tests.generating.tiny import candidate, save_stable_diffusion
from tests.generating.tiny_checkpoint import save_checkpoint

PEOPLE = 3


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small lose more by waiting for other threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def source(number: int) -> Image.Image:
    rng = Random(number)
    return render(even(rng), rng).image


def test_the_bundled_model_keeps_more_of_a_picture_at_a_low_strength() -> None:
    model = ModelSpec.model_validate({"id": "bundled:workers", "steps": 8, "guidance": 1.0, "strength": [0.3, 0.9]})
    renderer = Renderer(
        model,
        source_of(model, None, own=bundled.GENERATOR),
        "cpu",
        largest_batch=8,
        task="image-to-image",
        pictures=lambda one: SourcePicture(source(one.attempt)),
    )
    renderer.setup()

    def moved(strength: float) -> float:
        candidates = [replace(candidate(index), settings=(("strength", strength),)) for index in range(PEOPLE)]
        images = [one.image for one in renderer.render(candidates) if one.image is not None]
        assert [tuple(image.shape) for image in images] == [(3, 64, 64)] * PEOPLE
        sources = [torch.from_numpy(np.array(source(index))).permute(2, 0, 1) for index in range(PEOPLE)]
        return float((torch.stack(images).float() - torch.stack(sources).float()).abs().mean())

    little, much = moved(0.3), moved(0.9)
    assert little < 0.6 * much, (little, much)
    assert little > 1, "it is redrawn"


def test_a_picture_covers_the_size_from_its_middle_and_one_of_that_size_is_not_touched() -> None:
    wide = Image.new("RGB", (90, 30), "white")
    wide.paste("black", (30, 0, 60, 30))
    middle = covering(wide.size, (64, 64)).scaled(wide).crop((4, 0, 60, 64))
    assert np.array(middle).max() < 16, "only the middle third is left"
    assert covering(wide.size, (90, 30)).scaled(wide) is wide
    mask = covering((30, 90), (64, 32)).scaled(Image.new("L", (30, 90), 255))
    assert (mask.mode, mask.size, mask.getextrema()) == ("L", (64, 32), (255, 255))


def test_a_checkpoint_in_one_file_begins_from_pictures_as_its_folder_does(tmp_path: Path) -> None:
    folder, file = tmp_path / "model", tmp_path / "model.safetensors"
    save_stable_diffusion(folder)
    save_checkpoint(folder, file)

    def drawn(**named: str) -> Tensor:
        model = ModelSpec.model_validate({"steps": 2, "size": 32, "strength": 0.5, **named})
        renderer = Renderer(
            model,
            source_of(model, None),
            "cpu",
            largest_batch=1,
            task="image-to-image",
            pictures=lambda _: SourcePicture(source(0)),
        )
        renderer.setup()
        (made,) = renderer.render([candidate(0)])
        assert made.image is not None
        return made.image

    assert drawn(id=str(folder)).equal(drawn(id=str(file), config=str(folder)))
