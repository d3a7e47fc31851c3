"""What differs between the calls of one pipeline, because images draw it: steps, guidance, scheduler, size."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from diffusers import DiffusionPipeline, SchedulerMixin

from synthgen.families import Guidance, PipelineCall, as_text, guidance_argument, recorded_call, recorded_settings
from synthgen.generating.interval import IntervalGuidance, counting
from synthgen.generating.pipelines import scheduler_of, size_of
from synthgen.generating.prompts import PromptEncoder
from synthgen.records import Candidate, DrawnSettings
from synthgen.spec import FixedModel, ModelSpec, choices_of, fixed, variants_of


def largest_size(pipeline: DiffusionPipeline, model: ModelSpec, call: PipelineCall) -> tuple[int, int]:
    """Return height and width of the largest images.

    Raises:
        UsageError: neither the spec nor the model has a size.
    """
    sizes = (size_of(pipeline, settings, call) for settings in variants_of(model))
    return max(sizes, key=lambda size: size[0] * size[1])


class Sampling:
    """The settings of a spec, and the pipeline that they are set in.

    Args:
        written: the keys of `model` that the spec's author set.
        ahead: prompts, with their negative prompts, to encode with the first one.

    Attributes:
        batch_limit: 1 if images of a batch would influence each other; None if they do not.

    Raises:
        ModelError: a scheduler cannot be made.
    """

    def __init__(
        self,
        pipeline: DiffusionPipeline,
        model: ModelSpec,
        call: PipelineCall,
        written: Collection[str],
        device: torch.device,
        ahead: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._pipeline, self._model, self._call, self._written = pipeline, model, call, written
        self._variants = list(variants_of(model))
        names = dict.fromkeys(each.scheduler for each in self._variants if each.scheduler is not None)
        set_to = model.scheduler_config
        own = scheduler_of(pipeline, None, set_to) if set_to else pipeline.scheduler
        self._schedulers: dict[str | None, SchedulerMixin] = {None: own}
        self._schedulers |= {name: scheduler_of(pipeline, name, set_to) for name in names}
        self._encoders = {
            guided: PromptEncoder(
                pipeline, call, device, guided=guided, negated=bool(model.negative_prompt), ahead=ahead
            )
            for guided in {call.is_guided(each, written) for each in self._variants}
        }
        limits = (call.batch_limit(each, written) for each in self._variants)
        self.batch_limit = next((limit for limit in limits if limit is not None), None)
        self.use(())

    def groups(
        self, candidates: Sequence[Candidate], places: Sequence[int], most: int
    ) -> Iterator[tuple[DrawnSettings, list[int]]]:
        """Divide the candidates at `places` by what they drew, into groups of at most `most`."""
        found: dict[DrawnSettings, list[int]] = {}
        for place in places:
            found.setdefault(candidates[place].settings, []).append(place)
        for drawn, alike in found.items():
            yield from ((drawn, alike[begin : begin + most]) for begin in range(0, len(alike), most))

    def use(self, drawn: DrawnSettings) -> FixedModel:
        """Set the pipeline to what images drew, and return all their settings."""
        settings = fixed(self._model, dict(drawn))
        self._pipeline.scheduler = self._schedulers[settings.scheduler]
        if self._call.guidance is Guidance.GUIDER:
            guided = self._call.is_guided(settings, self._written)
            start, stop = settings.guidance_interval or (0.0, 1.0)
            self._pipeline.guider = self._pipeline.guider.new(
                guidance_scale=settings.guidance, enabled=guided, start=start, stop=stop
            )
        return settings

    def size(self, settings: FixedModel) -> tuple[int, int]:
        """Return height and width of the images."""
        return size_of(self._pipeline, settings, self._call)

    def arguments(self, settings: FixedModel, prompts: Sequence[str], negatives: Sequence[str]) -> dict[str, object]:
        """Return the arguments of a call, without noise."""
        height, width = self.size(settings)
        guided = self._call.is_guided(settings, self._written)
        own = self._call.arguments(settings, self._written, height, width)
        return {**self._encoders[guided].encode(prompts, negatives), **own}

    def call(self, settings: FixedModel, arguments: Mapping[str, object]) -> object:
        """Call the pipeline, with guidance in the interval that the spec gives."""
        name, interval = guidance_argument(self._call.guidance), settings.guidance_interval
        if name is None or interval is None or not self._call.is_guided(settings, self._written):
            return self._pipeline(**arguments)
        off = 0.0 if self._call.guidance is Guidance.LESS_ONE else 1.0
        scale = IntervalGuidance(settings.guidance - 1 + off, off, interval, self._pipeline)
        with counting(scale):
            return self._pipeline(**{**arguments, name: scale})

    def provenance(self) -> dict[str, str]:
        """Return what all calls have in common, the schedulers, and what the choices are."""
        calls = [recorded_call(self._call, each, self._written, *self.size(each)) for each in self._variants]
        first, *others = calls
        common = {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}
        names = list(dict.fromkeys(each.scheduler for each in self._variants))
        used = [self._schedulers[name] for name in names]
        configs = {type(one).__name__: recorded_settings(one.config) for one in used}
        choices = {key: {str(value): weight for value, weight in each.items()} for key, each in _sorted(self._model)}
        facts = {
            "call": as_text(common),
            "scheduler": ", ".join(configs),
            "scheduler_config": as_text(next(iter(configs.values()), {}) if len(configs) == 1 else configs),
            "choices": as_text(choices) if choices else "",
        }
        return {name: fact for name, fact in facts.items() if fact}


def _sorted(model: ModelSpec) -> list[tuple[str, Mapping[str | int | float, float]]]:
    return sorted(choices_of(model).items())
