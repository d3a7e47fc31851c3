"""Later stages: images are enlarged, or drawn again in part, by the same or other models."""

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import diffusers
import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor

from synthgen.families import Stage, stage_of
from synthgen.generating.given import LaidOut, PictureLayout, as_png, pasted
from synthgen.generating.loading_errors import loading_errors
from synthgen.generating.pipelines import scheduler_of
from synthgen.generating.renderer import Renderer
from synthgen.models.source import ModelSource
from synthgen.records import Candidate, Pictures, Rendered, SourcePicture
from synthgen.regions.boxes import PixelBox, Size
from synthgen.regions.canvas import Canvas
from synthgen.regions.carried import Carried
from synthgen.regions.placing import Placement
from synthgen.spec import ModelSpec, ThenSpec, choices_of, stage_name

_TOLD = ("revision", "pipeline", "call", "scheduler", "scheduler_config", "dtype", "safety_checker", "offload")
"""What records say of the model of a stage."""


@dataclass(frozen=True, slots=True)
class Later:
    """The later stages of a spec.

    Attributes:
        stages: what each does.
        sources: the model of each; None where none draws, or the spec's own.
        model: the spec's own model, and where it is.
        pictures, layout: opens and lays out the picture that a candidate begins from, whose pixels are kept in part.
    """

    stages: Sequence[ThenSpec]
    sources: Sequence[ModelSource | None]
    model: ModelSpec
    source: ModelSource
    pictures: Pictures | None = None
    layout: PictureLayout = field(default_factory=PictureLayout)

    def whole(self, candidate: Candidate, image: Tensor) -> Tensor:
        """Show the candidate's picture outside the region that was to be drawn."""
        if self.pictures is None or (self.layout.shape is None and self.layout.canvas is None):
            return image
        laid_out = self.layout.lay_out(self.pictures(candidate), (image.shape[2], image.shape[1]))
        assert isinstance(laid_out, LaidOut), "the first stage drew it"
        return pasted(image[None], [laid_out])[0]


class _Stage(Protocol):
    def apply(self, rendered: Sequence[Rendered]) -> list[Rendered]: ...

    def provenance(self) -> Mapping[str, str]: ...


class StagedRenderer:
    """A `Generator` whose images go through later stages: what is judged and kept is what the last one gives.

    Args:
        first: draws the images.
        device, largest_batch: as those of `first`.
    """

    def __init__(self, first: Renderer, later: Later, device: str, largest_batch: int) -> None:
        self.first, self._later = first, later
        self._device, self._largest_batch = device, largest_batch
        self._stages: list[_Stage] | None = None

    @property
    def batch_size(self) -> int:
        return self.first.batch_size

    def setup(self) -> None:
        """Load the models, once: see `Renderer.setup`."""
        if self._stages is not None:
            return
        self.first.setup()
        self._stages = [self._stage(index, then) for index, then in enumerate(self._later.stages)]

    def _stage(self, index: int, then: ThenSpec) -> _Stage:
        if then.is_plain:
            return _Enlarging(then, index)
        later = self._later
        source, own = later.sources[index], (self.first.width, self.first.height)
        stage = stage_of(later.model, later.stages, index, source or later.source, own, shared=source is None)
        shared = self.first if source is None else None
        renderer = _StageRenderer(stage, self._device, self._largest_batch, shared)
        renderer.setup()
        return _Drawing(stage, index, renderer, later.whole)

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch; see `Generator.render`."""
        assert self._stages is not None, "setup comes first"
        rendered = self.first.render(candidates)
        for stage in self._stages:
            rendered = stage.apply(rendered)
        return rendered

    def provenance(self) -> Mapping[str, str]:
        assert self._stages is not None, "setup comes first"
        facts = dict(self.first.provenance())
        for stage in self._stages:
            facts |= stage.provenance()
        return facts


def stage_seed(seed: int, index: int) -> int:
    """Return the seed of a candidate's noise in a later stage: the same on every machine and in every batch."""
    digest = hashlib.blake2b(f"{seed}/{stage_name(index)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class _Enlarging:
    """Enlarges images by Lanczos."""

    def __init__(self, then: ThenSpec, index: int) -> None:
        self._then, self._index = then, index

    def apply(self, rendered: Sequence[Rendered]) -> list[Rendered]:
        return [self._enlarged(one) for one in rendered]

    def _enlarged(self, one: Rendered) -> Rendered:
        if one.image is None:
            return one
        after = self._then.enlarged(_size(one.image))
        pixels = torch.from_numpy(np.array(_scaled(one.image, after))).permute(2, 0, 1).contiguous()
        return replace(one, image=pixels.to(one.image.device), carried=_carried(one, after))

    def provenance(self) -> Mapping[str, str]:
        return {stage_name(self._index): self._then.described()}


class _Drawing:
    """Draws images again, or enlarges them, by a model."""

    def __init__(
        self, stage: Stage, index: int, renderer: "_StageRenderer", whole: Callable[[Candidate, Tensor], Tensor]
    ) -> None:
        self._stage, self._index, self._renderer, self._whole = stage, index, renderer, whole

    def apply(self, rendered: Sequence[Rendered]) -> list[Rendered]:
        there = [one for one in rendered if one.image is not None]
        found: list[Rendered] = []
        while len(found) < len(there):
            batch = there[len(found) : len(found) + self._renderer.batch_size]
            pictures = {one.candidate.id: self._begun(one.image) for one in batch if one.image is not None}
            drawn = self._renderer.drawn([self._candidate(one.candidate) for one in batch], pictures)
            found += [self._put(one, each) for one, each in zip(batch, drawn, strict=True)]
        finished = iter(found)
        return [one if one.image is None else next(finished) for one in rendered]

    def _begun(self, image: Tensor) -> Image.Image:
        """Return what an image begins from: a model that refines draws an enlarged one, an upscaler enlarges itself."""
        size = _size(image)
        return _scaled(image, size if self._stage.call.task.only else self._stage.then.enlarged(size))

    def _candidate(self, candidate: Candidate) -> Candidate:
        """Return what the model of the stage is asked for."""
        choices, model = choices_of(self._stage.model), self._stage.model
        drawn = {key: value for key, value in candidate.settings if key in choices}
        if "size" in drawn:
            drawn["size"] = self._stage.size_of(drawn["size"])  # type: ignore[arg-type] # a size is no fraction
        return replace(
            candidate,
            seed=stage_seed(candidate.seed, self._index),
            settings=tuple(drawn.items()),
            negative_prompt=candidate.negative_prompt if model.negative_prompt else "",
        )

    def _put(self, before: Rendered, drawn: Rendered) -> Rendered:
        seconds = before.seconds + drawn.seconds
        if drawn.image is None:
            return replace(before, image=None, failure=drawn.failure, seconds=seconds, carried=None)
        carried = _carried(before, _size(drawn.image))
        return replace(before, image=self._whole(before.candidate, drawn.image), seconds=seconds, carried=carried)

    def provenance(self) -> Mapping[str, str]:
        name, facts = stage_name(self._index), self._renderer.provenance()
        revision = "" if self._stage.shared else self._stage.source.revision
        told = {f"{name}.{key}": facts[key] for key in _TOLD if key in facts}
        return {name: self._stage.then.described(revision), **told}


class _AsTheyAre(PictureLayout):
    """Images of the stage before, which have the size already that the model is to be given."""

    @property
    def method(self) -> str:
        return "images of the stage before, enlarged by Lanczos"

    def lay_out(self, picture: SourcePicture, image: Size) -> LaidOut:
        return LaidOut(picture.image, None, None, Carried(), picture)


class _StageRenderer(Renderer):
    """Renders the images of a stage.

    Args:
        shared: the renderer whose model it uses; None to load its own.
    """

    def __init__(self, stage: Stage, device: str, largest_batch: int, shared: Renderer | None) -> None:
        self._begins: Mapping[str, Image.Image] = {}
        super().__init__(
            stage.model,
            stage.source,
            device,
            largest_batch,
            task=stage.task,
            pictures=lambda candidate: SourcePicture(self._begins[candidate.id]),
            layout=_AsTheyAre(),
        )
        self._shared = shared
        if shared is not None:
            self._adapters, self._references = shared._adapters, shared._references

    def drawn(self, candidates: Sequence[Candidate], pictures: Mapping[str, Image.Image]) -> list[Rendered]:
        """Draw candidates, each from its picture, by its id."""
        self._begins = pictures
        try:
            return self.render(candidates)
        finally:
            self._begins = {}
            if self._shared is not None and self._there == "model":
                self._shared.pipeline.maybe_free_model_hooks()

    def _loaded(self) -> DiffusionPipeline:
        if self._shared is None:
            return super()._loaded()
        self._there = self._shared._fitting.offload
        pipeline = self._shared.pipeline
        with loading_errors(f"model {self._model.id}"):
            return _with_parts_of(pipeline, getattr(diffusers, self._call.pipeline))


def _with_parts_of(pipeline: DiffusionPipeline, kind: type[DiffusionPipeline]) -> DiffusionPipeline:
    """Make another pipeline of the same parts, without changing any: `from_pipe` would convert their number format."""
    there = {**pipeline.config, **pipeline.components}
    made = kind(**{name: there[name] for name in inspect.signature(kind.__init__).parameters if name in there})
    made.scheduler = scheduler_of(pipeline, None, {})
    made.set_progress_bar_config(disable=True)
    if getattr(made, "watermark", None) is not None:
        made.watermark = None
    return made


def _size(image: Tensor) -> Size:
    return image.shape[2], image.shape[1]


def _whole(before: Size, after: Size) -> Placement:
    return Placement((0.0, 0.0, float(before[0]), float(before[1])), Canvas(after, after, (0, 0)))


def _scaled(image: Tensor, after: Size) -> Image.Image:
    """Bring an image, uint8 [3, height, width], to a size by Lanczos."""
    picture = Image.fromarray(image.permute(1, 2, 0).cpu().numpy())
    return _whole(picture.size, after).scaled(picture)


def _carried(before: Rendered, after: Size) -> Carried | None:
    """Return where the object is on an enlarged image."""
    known, image = before.carried, before.image
    if known is None or image is None or _size(image) == after:
        return known
    place = _whole(_size(image), after)
    boxes = place.boxes(tuple(PixelBox(*corners) for corners in known.boxes))
    corners = tuple((box.left, box.top, box.right, box.bottom) for box in boxes)
    return Carried(corners, None if known.mask is None else as_png(place.scaled(_mask(known.mask))))


def _mask(png: bytes) -> Image.Image:
    import io

    return Image.open(io.BytesIO(png))
