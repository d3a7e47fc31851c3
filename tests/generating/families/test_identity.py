"""A candidate gives the same image at any batch size, in every task: alone, in threes and in eights."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from torch import Tensor

from synthgen.generating.given import PictureLayout
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import Candidate
from synthgen.spec import CanvasSpec, ControlSpec, ModelSpec
from tests.generating.families import FAMILIES
from tests.generating.families.edited import EDITED
from tests.generating.families.led import LED
from tests.generating.families.test_begun import FURTHEST, HAT, PROMPTS, drawn, furthest
from tests.generating.families.test_led import shown
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

STEPS, GUIDANCE = 3, 4.0
LAYOUTS = {
    "inpaint": PictureLayout("mask"),
    "outpaint": PictureLayout(canvas=CanvasSpec.model_validate({"scale": 0.75})),
}
LED_TASKS = ("control", "image-to-image, led", "inpaint, led", "outpaint, led")
TASKS = ("text-to-image", "image-to-image", "edit", "inpaint", "outpaint", *LED_TASKS)

SAMPLE = ("edit", "outpaint, led")


def renderer(of: str, folder: Path) -> Renderer:
    """Set up a small Stable Diffusion for a task; for `edit`, an InstructPix2Pix."""
    task, places = of.partition(",")[0], list[Path]()
    if of in LED_TASKS:
        places = LED["sd"].save(folder / "model", 2)
    else:
        (EDITED["pix2pix"] if task == "edit" else FAMILIES["stable-diffusion"]).save(folder / "model")
    pictures: tuple[dict[str, object], ...] = ({"column": "depth"}, {"preprocessor": "canny", "thresholds": (20, 50)})
    controls = [
        ControlSpec.model_validate({"model": str(place), **each}) for place, each in zip(places, pictures, strict=False)
    ]
    settings = {"steps": STEPS, "guidance": GUIDANCE, "width": 48, "height": 32, "negative_prompt": HAT}
    model = ModelSpec.model_validate({"id": str(folder / "model"), **settings})
    made = Renderer(
        model,
        source_of(
            model, None, controls=[one.component(str(place)) for one, place in zip(controls, places, strict=True)]
        ),
        "cpu",
        largest_batch=16,
        task=task,
        pictures=None if task == "text-to-image" else lambda one: shown(one.attempt),
        layout=LAYOUTS.get(task, PictureLayout()),
        controls=controls,
    )
    made.setup()
    return made


def in_batches(generator: Renderer, candidates: Sequence[Candidate], size: int) -> list[Tensor]:
    return [
        image
        for begin in range(0, len(candidates), size)
        for image in drawn(generator, candidates[begin : begin + size])
    ]


CASES = [pytest.param(one, marks=pytest.mark.slow if one in SAMPLE else pytest.mark.sweep) for one in TASKS]


@pytest.mark.parametrize("task", CASES)
def test_batches_of_one_three_and_eight_give_the_same_images(task: str, tmp_path: Path) -> None:
    generator = renderer(task, tmp_path)
    candidates = [candidate(index, PROMPTS[index % 3], HAT) for index in range(8)]
    assert generator.batch_size >= 8
    alone, threes, eights = (in_batches(generator, candidates, size) for size in (1, 3, 8))
    assert furthest(alone[:4], alone[4:]) > 10 * FURTHEST, "other candidates are other images"
    assert max(furthest(alone, threes), furthest(alone, eights)) <= FURTHEST
