"""How one pipeline is called, and which settings of a spec could not act."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from synthgen.families.control import ControlRoles
from synthgen.families.interval import steps_between, switchable
from synthgen.families.picture_rules import ImageGuidance, PictureRules
from synthgen.families.table import PINNED, AreaRounding, Guidance, Together
from synthgen.families.tasks import TaskRoles
from synthgen.spec import FixedModel, ModelSpec


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """How a pipeline is called.

    Attributes:
        pipeline: the class that is loaded.
        from_text: the class that makes images from text with the same weights; itself if there is none.
        task: what it is asked to do.
        takes: the arguments that its call names, with their defaults.
        guidance: how it takes the usual guidance.
        embedded: the argument of the guidance that goes into its weights; None if these weights have none.
        needs_embedded: whether it has no default for that.
        blank: the negative prompt that stands for none.
        step: what the pipeline takes width and height to be multiples of, in pixels.
        multiple: what those of a spec must be multiples of: at least 8.
        size: width and height of the images if the spec names none; None if only the loaded pipeline knows.
        sizes: the only widths and heights that it draws, where these are few.
        is_area: whether any size is enlarged or shrunk to as many pixels as its own size has.
        rounds: how the sides of that are brought to multiples.
        together: when images of a batch do not influence each other.
        gives_sigmas: whether it hands its scheduler noise levels of its own.
        seeds_steps: whether it hands its generators to the scheduler's steps; None if that is not known.
        negative: whether a negative prompt can act.
        always_guided: whether it cannot be called without guidance.
        unguided_to: the largest guidance at which it leaves it out.
        as_arrays: whether only arrays come back scaled to 0..1, and tensors do not.
        one_text: whether it takes a text, and no list of texts.
        squares: whether it draws right only where the pictures that it begins from are square.
        as_tensors: whether it must be given those as tensors.
        pictures: what it does with a picture that it edits.
        known: whether the table has a row for it, or diffusers lists it for the task.
        control: how it is led by pictures; None if it is not.
    """

    pipeline: str
    from_text: str
    task: TaskRoles
    takes: Mapping[str, object] = field(repr=False)
    guidance: Guidance
    embedded: str | None
    needs_embedded: bool
    blank: str
    step: int
    multiple: int
    size: tuple[int, int] | None
    sizes: tuple[tuple[int, int], ...]
    is_area: bool
    rounds: AreaRounding
    together: Together
    gives_sigmas: bool
    seeds_steps: bool | None
    negative: bool
    always_guided: bool
    unguided_to: float
    as_arrays: bool
    one_text: bool
    squares: bool
    as_tensors: bool
    pictures: PictureRules
    known: bool
    control: ControlRoles | None = None

    def is_guided(self, model: FixedModel, written: Collection[str]) -> bool:
        """Whether images of this spec are guided. Guidance that nobody wrote does not act beside an embedded one."""
        if self.guidance is Guidance.NONE or model.guidance <= self.unguided_to:
            return False
        return self.embedded is None or "guidance" in written or bool(model.negative_prompt)

    def arguments(self, model: FixedModel, written: Collection[str], height: int, width: int) -> dict[str, object]:
        """Return the arguments that the call gets from the spec, without prompts and noise.

        Args:
            written: the keys of `model` that the spec's author set.
        """
        wanted: dict[str, object] = {"num_inference_steps": model.steps, "height": height, "width": width}
        guidance = model.guidance if self.is_guided(model, written) else 1.0
        match self.guidance:
            case Guidance.SCALE:
                wanted["guidance_scale"] = guidance
            case Guidance.LESS_ONE:
                wanted["guidance_scale"] = guidance - 1
            case Guidance.TRUE:
                wanted["true_cfg_scale"] = guidance
        if self.embedded is not None and model.embedded_guidance is not None:
            wanted[self.embedded] = model.embedded_guidance
        for key in ("max_sequence_length", "clip_skip", "strength"):
            if (value := getattr(model, key)) is not None:
                wanted[key] = value
        if self.task.edits and model.image_guidance is not None:
            wanted["image_guidance_scale"] = model.image_guidance
        if "max_area" in self.takes:
            wanted["max_area"] = height * width
        wanted |= PINNED
        if model.steps != self.takes.get("num_inference_steps"):
            wanted["intermediate_timesteps"] = None  # they are for the default number of steps alone
        return {name: value for name, value in wanted.items() if name in self.takes}

    def facts(self, model: ModelSpec) -> dict[str, str]:
        """Return what decides how texts are read, for the record of images."""
        found = {key: getattr(model, key) or self.takes.get(key) for key in ("max_sequence_length", "clip_skip")}
        pinned = ", ".join(f"{name}={value}" for name, value in PINNED.items() if name in self.takes)
        if model.guidance_interval is not None:
            found["guidance_interval"] = "{:g} to {:g}".format(*model.guidance_interval)
        return {key: str(value) for key, value in {**found, "pinned": pinned}.items() if value}

    def batch_limit(self, model: FixedModel, written: Collection[str]) -> int | None:
        """Return 1 if images of a batch would influence each other; None if they do not."""
        alone = self.together is Together.NEVER or (model.cache is not None and model.cache.method == "first_block")
        if self.together is Together.UNGUIDED:
            alone = self.is_guided(model, written)
        return 1 if alone else None

    def notes(self, model: FixedModel, written: Collection[str]) -> Iterator[str]:
        """Say what works, and may not be what the spec's author expects."""
        if not self.known:
            yield (
                f"{self.pipeline} is called as its signature says, one image at a time: synthgen knows no more of it. "
                "Look at a preview"
            )
        if self.embedded is not None and self.is_guided(model, written):
            yield (
                f"model.guidance of {model.guidance:g} doubles the work of {self.pipeline}: it acts beside what is "
                "embedded in the weights, model.embedded_guidance"
            )

    def problems(self, model: FixedModel, written: Collection[str]) -> Iterator[tuple[str, str]]:
        """Find settings that cannot act: the key of `model`, and why. Defaults that nobody wrote are left out instead.

        Args:
            written: the keys of `model` that the spec's author set.
        """
        if "steps" in written and "num_inference_steps" not in self.takes:
            yield "steps", f"{self.pipeline} takes no number of steps"
        yield from self._guidance(model, written)
        if model.negative_prompt and not self.negative:
            yield "negative_prompt", f"{self.pipeline} takes no negative prompt"
        elif model.negative_prompt and not self.is_guided(model, written):
            yield "negative_prompt", f"without guidance it has no effect: set model.guidance above 1, not {_n(model)}"
        yield from self._interval(model, written)
        yield from self._size(model)
        yield from self._begun(model)

    def strength(self, model: FixedModel) -> float | None:
        """Return how much of a picture is redrawn, from 0 to 1; None where an image begins from noise alone."""
        own = self.takes.get("strength") if self.task.pictures else None
        if not isinstance(own, float | int):
            return None
        return own if model.strength is None else model.strength

    def _begun(self, model: FixedModel) -> Iterator[tuple[str, str]]:
        """Find what cannot act because an image begins from a picture, or because it does not."""
        if not self.task.pictures:
            if model.strength is not None:
                yield "strength", f"it acts only where images begin from pictures, and the task is {self.task.name}"
            if model.image_guidance is not None:
                yield "image_guidance", f"it acts only where pictures are edited, and the task is {self.task.name}"
            if self.control is not None and model.cache is not None:
                yield "cache", "steps taken over from earlier ones would not see what leads them: remove it"
            return

        yield from self._image_guidance(model)
        strength = self.strength(model)
        if strength is None and model.strength is not None:
            yield "strength", f"{self.pipeline} takes no strength"
        elif strength is not None and int(model.steps * strength) < 1:
            key, own = (
                ("strength", "") if model.strength is not None else ("steps", f", the default of {self.pipeline},")
            )
            what = f"a strength of {strength:g}{own} leaves none of {model.steps} steps"
            yield key, f"{what}: set a strength of at least {math.ceil(1000 / model.steps) / 1000:g}, or more steps"
        for name in ("guidance_interval", "cache"):
            if getattr(model, name) is not None:
                yield name, f"it counts steps from noise on, and {self.task.name} begins later: remove it"

    def _image_guidance(self, model: FixedModel) -> Iterator[tuple[str, str]]:
        when = self.pictures.guidance if self.task.edits else ImageGuidance.NEVER
        if model.image_guidance is None:
            return
        if when is ImageGuidance.NEVER:
            yield "image_guidance", f"{self.pipeline} takes no guidance towards the picture"
        elif when is ImageGuidance.GUIDED and model.guidance <= self.unguided_to:
            yield "image_guidance", "without guidance it has no effect: set model.guidance above 1"

    def _interval(self, model: FixedModel, written: Collection[str]) -> Iterator[tuple[str, str]]:
        if model.guidance_interval is None:
            return
        key = "guidance_interval"
        if not self.is_guided(model, written):
            yield key, "without guidance it has no effect: set model.guidance above 1" + self._distilled()
        elif not switchable(self.pipeline, self.guidance):
            yield key, f"synthgen cannot switch the guidance of {self.pipeline} between its steps"
        elif not steps_between(model.guidance_interval, model.steps):
            yield key, f"none of {model.steps} steps is in it: widen it, or set more model.steps"

    def _distilled(self) -> str:
        return f", which {self.pipeline} does not take" if self.guidance is Guidance.NONE else ""

    def _guidance(self, model: FixedModel, written: Collection[str]) -> Iterator[tuple[str, str]]:
        if "guidance" in written and self.guidance is Guidance.NONE and model.guidance > 1:
            other = ": its own is model.embedded_guidance" if self.embedded else ""
            yield "guidance", f"this {self.pipeline} takes no guidance, its weights were distilled: set 1{other}"
        if self.guidance is not Guidance.NONE and 1 < model.guidance <= self.unguided_to:
            yield "guidance", f"{self.pipeline} guides above {self.unguided_to:g} only: set more than that, or 1"
        if self.always_guided and not self.is_guided(model, written):
            yield "guidance", f"{self.pipeline} cannot be called without guidance: set it above 1"
        if self.embedded is None and model.embedded_guidance is not None:
            yield "embedded_guidance", f"the weights of this {self.pipeline} have no guidance embedded"
        elif self.needs_embedded and model.embedded_guidance is None:
            yield "embedded_guidance", f"the weights of this {self.pipeline} need it, and have no default for it"

    def _size(self, model: FixedModel) -> Iterator[tuple[str, str]]:
        key = "size" if model.size else "width"
        width, height = model.width or model.size, model.height or model.size
        if not width or not height:
            if self.sizes and self.size is None:
                yield "size", f"{self.pipeline} draws only {_sizes(self.sizes)}: name one of them"
            return
        for name, side in ((key, width), ("height", height)):
            if side % self.multiple and not (name == "height" and key == "size"):
                low = side // self.multiple * self.multiple
                near = f"{low} or {low + self.multiple}" if low else str(self.multiple)
                what = f"expected a multiple of {self.multiple} for {self.pipeline}, such as {near}, not {side}"
                yield name, what

        if self.sizes and (width, height) not in self.sizes:
            yield key, f"{self.pipeline} draws only {_sizes(self.sizes)}, not {width} x {height}"
        if self.is_area and self.size and (drawn := self._to_area(width, height)) != (width, height):
            what = f"{self.pipeline} draws as many pixels as {self.size[0]} x {self.size[1]} has"
            yield key, f"{what}: of this shape {drawn[0]} x {drawn[1]}, not {width} x {height}"
        least, longest = self.pictures.least, self.pictures.longest
        if self.task.edits and min(width, height) < least:
            yield key, f"{self.pipeline} takes no pictures with sides under {least} pixels, such as {width} x {height}"
        elif self.task.edits and longest and max(width, height) > longest * min(width, height):
            yield (
                key,
                f"{self.pipeline} takes no pictures longer than {longest:g} times their width: {width} x {height}",
            )
        if self.squares and width != height:
            yield key, f"{self.pipeline} draws squares only from pictures, not {width} x {height}"
        if not self.task.pictures and not ("height" in self.takes and "width" in self.takes):
            yield key, f"{self.pipeline} takes no size"

    def _to_area(self, width: int, height: int) -> tuple[int, int]:
        """Give the size that is drawn, as the pipeline computes it."""
        assert self.size is not None
        area, step = self.size[0] * self.size[1], self.step
        if self.rounds is AreaRounding.DOWN:
            scale = math.sqrt(area / (width * height))
            return int(width * scale // step * step), int(height * scale // step * step)
        wide = math.sqrt(area * (width / height))
        if self.rounds is AreaRounding.NEAREST:
            return round(wide / step) * step, round(wide / (width / height) / step) * step
        return math.ceil(wide / step) * step, math.ceil(wide / (width / height) / step) * step


def keys_that_differ(model: ModelSpec) -> frozenset[str]:
    """Name the keys whose value is not the default: a plan keeps no other trace of what its author wrote."""
    fields = type(model).model_fields
    return frozenset(name for name, field in fields.items() if getattr(model, name) != field.default)


def _sizes(sizes: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{width} x {height}" for width, height in sizes)


def _n(model: FixedModel) -> str:
    return f"{model.guidance:g}"
