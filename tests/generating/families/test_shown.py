"""Every pipeline that takes IP-Adapters, beside a direct call of it: equal images at any batch size, in every task."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import diffusers
import numpy as np
import pytest
from diffusers import DiffusionPipeline
from torch import Tensor
from transformers import CLIPVisionModelWithProjection, SiglipImageProcessor, SiglipVisionModel

from synthgen.families.reference import NOT_SHOWN, reference_of
from synthgen.families.signature import pipeline_names
from synthgen.generating.given import PictureLayout
from synthgen.generating.reference import References
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.records import SourcePicture
from synthgen.spec import ControlSpec, ModelSpec, ReferenceSpec
from tests.families.tasks_page import shown_in
from tests.generating.families import FAMILIES
from tests.generating.families.begun import FROM_IMAGES, WithPictures, given, picture
from tests.generating.families.edited import EDITED
from tests.generating.families.family import Family
from tests.generating.families.filled import FILLED
from tests.generating.families.led import LED, REDRAWN, Led
from tests.generating.families.shown import COMPARED, SIDE, save_adapter
from tests.generating.families.test_begun import FURTHEST, HAT, PROMPTS, drawn, furthest
from tests.generating.families.test_led import INTERVAL, WEIGHT, arguments, at_the_mean, by_hand_of, redrawn
from tests.generating.families.test_led import shown as led_by
from tests.generating.families.test_pictured import pasted
from tests.generating.tiny import candidate

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
GUIDANCE, STEPS, STRENGTH, WEIGHTS = 4.0, 3, 0.7, (0.8, 0.5)
SAMPLE = ("text-to-image-stable-diffusion", "image-to-image-flux-dev", "inpaint-stable-diffusion-3", "control-led sdxl")
"""What CI tries: each loader of diffusers, and each task but `edit`."""
TWO = ("stable-diffusion", "flux-dev", "led sdxl")
"""What is shown two pictures, by two adapters."""


def shown(attempt: int) -> SourcePicture:
    return replace(led_by(attempt), references={"style": picture(attempt + 300)})


@dataclass(frozen=True)
class Bench:
    """A small model with its IP-Adapters, as a spec and as a user of diffusers alone would call it."""

    task: str
    name: str
    folder: Path

    @property
    def led(self) -> Led | None:
        """How it is led: where it is, its name begins with the word."""
        name = self.name.removeprefix("led ")
        if name == self.name:
            return None
        found = LED[name] if self.task == "control" else REDRAWN[self.task, name]
        return replace(found, gain=0.5) if "flux" in name else found  # larger ones drown what is shown

    @property
    def family(self) -> Family:
        if self.led is not None:
            return self.led.of
        tasks = {"edit": EDITED, "inpaint": {name: family for name, (family, _) in FILLED.items()}}
        return tasks.get(self.task, FAMILIES)[self.name]

    @property
    def kind(self) -> str:
        if self.led is not None:
            return self.led.pipeline
        match self.task:
            case "inpaint":
                return FILLED[self.name][1]
            case "image-to-image":
                return FROM_IMAGES[self.name]
        return self.family.class_name

    @property
    def count(self) -> int:
        return 2 if self.name in TWO else 1

    @property
    def against(self) -> str:
        return HAT if self.family.takes_negative and self.family.guidance == "acts" else ""

    def save(self) -> list[Path]:
        """Save everything; return the folders of control models."""
        places = self.led.save(self.folder / "model", 1) if self.led else []
        if not self.led:
            self.family.save(self.folder / "model")
        whole = self.family.build()
        for index in range(self.count):
            save_adapter(self.folder / f"ip{index}", whole, seed=index, resampled="xl" in self.name)
        return places

    @property
    def files(self) -> list[Path]:
        return [self.folder / f"ip{index}/ip-adapter.safetensors" for index in range(self.count)]

    def ours(self, places: Sequence[Path], scale: float = 1.0) -> Renderer:
        family, begins = self.family, self.task != "text-to-image"
        key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
        settings: dict[str, object] = {"width": family.size[1], "height": family.size[0], "steps": STEPS}
        settings |= {key: GUIDANCE} if family.guidance != "none" else {}
        settings |= {"negative_prompt": HAT} if self.against else {}
        settings |= {"strength": STRENGTH} if self.task == "image-to-image" else {}
        model = ModelSpec.model_validate({"id": str(self.folder / "model"), **settings})
        first, second = ({"column": "style"}, {"image": "source"}) if begins else ({"image": "./x"}, {"image": "./y"})
        references = [
            ReferenceSpec.model_validate(
                {"model": str(file.parent), "file": file.name, "weight": weight * scale, **which}
            )
            for file, weight, which in zip(self.files, WEIGHTS, (first, second), strict=False)
        ]
        parts = {
            name: part
            for index, one in enumerate(references)
            for name, part in one.components(f"reference.{index}").items()
        }
        controls = [self._control(self.led, place) for place in places] if self.led else []
        made = Renderer(
            model,
            source_of(model, None, controls=[one.component(str(one.model)) for one in controls], references=parts),
            "cpu",
            largest_batch=16,
            task=self.task,
            pictures=(lambda one: shown(one.attempt)) if begins else None,
            layout=PictureLayout("mask" if self.task == "inpaint" else None),
            controls=controls,
            references=References(references, {} if begins else {0: picture(7), 1: picture(8)}),
        )
        made.setup()
        return made

    def theirs(self, places: Sequence[Path]) -> Any:
        pipeline: Any = (
            by_hand_of(self.led, self.folder / "model", [*places])
            if self.led
            else getattr(diffusers, self.kind).from_pretrained(self.folder / "model")
        )
        encoder: Any = SiglipVisionModel if "Diffusion3" in self.kind else CLIPVisionModelWithProjection
        if "Diffusion3" in self.kind:
            pipeline.register_modules(feature_extractor=SiglipImageProcessor(size={"height": SIDE, "width": SIDE}))
        pipeline.register_modules(image_encoder=encoder.from_pretrained(self.files[0].parent / "image_encoder"))
        folders, names = [str(file.parent) for file in self.files], [file.name for file in self.files]
        if self.count == 1:
            pipeline.load_ip_adapter(folders[0], subfolder="", weight_name=names[0])
        else:
            pipeline.load_ip_adapter(folders, subfolder=["", ""], weight_name=names)
        pipeline.set_ip_adapter_scale([*WEIGHTS] if self.count > 1 else WEIGHTS[0])
        return pipeline

    def direct(self, pipeline: Any, prompt: str, seed: int, number: int) -> Tensor:
        """Draw an image by a call of the pipeline alone."""
        size, begun = self.family.size, shown(number)
        pictures = (
            [begun.references["style"], begun.image] if self.task != "text-to-image" else [picture(7), picture(8)]
        )
        more: dict[str, object] = {"ip_adapter_image": pictures[: self.count] if self.count > 1 else pictures[0]}
        if self.kind.startswith(("Flux", "Chroma")):  # what it takes by itself is for one adapter
            more["negative_ip_adapter_image"] = [np.zeros((*size, 3), np.uint8)] * self.count
        mask = begun.mask if self.task == "inpaint" else None
        if self.led:
            more |= arguments(self.led, number, size, 1)
            more |= redrawn(self.led, number, mask) if self.task != "control" else {}
        elif self.task != "text-to-image":
            more |= given(self.kind, begun.image, mask, size)
        more |= {"strength": STRENGTH} if self.task == "image-to-image" else {}
        with at_the_mean(pipeline) if self.led else nullcontext():
            (image,) = self.family.direct(
                cast("DiffusionPipeline", WithPictures(pipeline, more)),
                [prompt],
                [self.against] if self.against else None,
                [seed],
                guidance=GUIDANCE,
                steps=STEPS,
                size=size,
            )
        return pasted(image, number, size) if self.task == "inpaint" else image

    @staticmethod
    def _control(case: Led, place: Path) -> ControlSpec:
        found: dict[str, object] = {"model": str(place), "mode": case.mode}
        found |= {"column": "depth"} if case.pictures else {"preprocessor": "masked"}
        found |= {"weight": WEIGHT} if case.weight else {}
        return ControlSpec.model_validate(found | ({"interval": INTERVAL} if case.interval else {}))


CASES = [
    pytest.param(
        task, name, id=f"{task}-{name}", marks=pytest.mark.slow if f"{task}-{name}" in SAMPLE else pytest.mark.sweep
    )
    for task, names in COMPARED.items()
    for name in names
]


@pytest.mark.slow
def test_every_pipeline_that_is_shown_pictures_is_compared(tmp_path: Path) -> None:
    shown_some = {name for name in pipeline_names() if reference_of(name) and shown_in(name)} - NOT_SHOWN.keys()
    assert shown_some == {Bench(task, name, tmp_path).kind for task, names in COMPARED.items() for name in names}


@pytest.mark.parametrize(("task", "name"), CASES)
def test_references_act_as_in_direct_calls(task: str, name: str, tmp_path: Path) -> None:
    bench = Bench(task, name, tmp_path)
    places = bench.save()
    ours, theirs = bench.ours(places), bench.theirs(places)
    candidates = [candidate(index, PROMPTS[index], bench.against) for index in range(3)]
    expected = [bench.direct(theirs, one.prompt, one.seed, one.attempt) for one in candidates[:2]]
    (first,) = drawn(ours, candidates[:1])
    assert furthest([first], expected[:1]) <= FURTHEST
    assert furthest(drawn(ours, candidates)[:2], expected) <= FURTHEST, "in a batch, or one by one if it takes one"
    weaker = bench.ours(places, 0.1)
    assert furthest(drawn(weaker, candidates[:1]), [first]) > 0, "weights act: alike ones give the same to the last bit"
    facts = ours.provenance()
    assert facts["reference.0"].startswith(f"{bench.files[0].parent} ip-adapter.safetensors, ")
    assert facts["pipeline"] == bench.kind
