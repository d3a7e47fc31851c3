"""Which settings of a spec a pipeline's call takes, by its signature. Pure: loads nothing."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from synthgen.errors import UsageError
from synthgen.spec import ModelSpec

_NEEDED = {
    "prompt": "it does not make images from text",
    "generator": "its images could not be reproduced",
    "output_type": "it cannot return images as tensors",
}
_SIMPLE = {
    "steps": ("num_inference_steps", "number of steps"),
    "size": ("height", "size"),
    "width": ("width", "width"),
    "height": ("height", "height"),
}


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """How a pipeline is called.

    Attributes:
        pipeline: the name of its class.
        takes: the arguments that its call names; `**kwargs` swallows others silently, so it does not count.
        guidance: the argument that sets the guidance, if there is one.
        distilled: whether it has `guidance_scale`, but these weights were not trained to use it.
        negative: whether a negative prompt has an effect.
        spelled_out: whether it guides only if a negative prompt is given, even a blank one.
    """

    pipeline: str
    takes: frozenset[str]
    guidance: str | None
    distilled: bool
    negative: bool
    spelled_out: bool

    def arguments(self, model: ModelSpec, height: int, width: int) -> dict[str, object]:
        """Return the arguments that the call gets from the spec, without prompts and noise."""
        wanted: dict[str, object] = {"num_inference_steps": model.steps, "height": height, "width": width}
        if self.guidance is not None:
            wanted[self.guidance] = model.guidance
        return {name: value for name, value in wanted.items() if name in self.takes}

    def refuse(self, model: ModelSpec, written: Collection[str]) -> None:
        """Refuse settings that cannot have an effect. A default that nobody wrote is left out of the call instead.

        Args:
            written: the keys of `model` that the spec's author set.

        Raises:
            UsageError: the call does not take a key, or these weights ignore it; every such key is named.
        """
        problems = [*self._ignored(model, written), *self._missing()]
        if problems:
            keys = "\n".join(problems)
            raise UsageError(keys, hint="Remove what it does not take from the spec, or choose another model.")

    def _ignored(self, model: ModelSpec, written: Collection[str]) -> Iterator[str]:
        for key, (argument, what) in _SIMPLE.items():
            if key in written and getattr(model, key) is not None and argument not in self.takes:
                yield f"model.{key}: {self.pipeline} takes no {what}"
        if "guidance" in written and self.distilled and model.guidance > 1:
            yield f"model.guidance: this {self.pipeline} ignores guidance, which is not embedded in its weights: set 0"
        elif "guidance" in written and not self.distilled and self.guidance is None:
            yield f"model.guidance: {self.pipeline} takes no guidance scale"
        if model.negative_prompt and "negative_prompt" not in self.takes:
            yield f"model.negative_prompt: {self.pipeline} takes no negative prompt"
        elif model.negative_prompt and not self.negative:
            yield f"model.negative_prompt: {self.pipeline} would ignore it at this guidance"

    def _missing(self) -> Iterator[str]:
        for argument, reason in _NEEDED.items():
            if argument not in self.takes:
                yield f"model.id: {self.pipeline} takes no `{argument}`: {reason}"


def call_of(pipeline: type, transformer: Mapping[str, object]) -> PipelineCall:
    """Read from a pipeline's signature how it is called.

    Args:
        transformer: its transformer's configuration, which says whether guidance is embedded; empty if there is none,
            or if it is not known yet.
    """
    parameters = inspect.signature(pipeline.__call__).parameters
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    takes = frozenset(name for name, parameter in parameters.items() if parameter.kind not in kinds)
    embedded = transformer.get("guidance_embeds")
    own, true = parameters.get("guidance_scale"), "true_cfg_scale" in takes
    # Qwen-Image's `guidance_scale` is None except for distilled weights; the guidance is `true_cfg_scale`.
    spelled_out = true and not embedded and (own is None or own.default is None)
    # FLUX.1's `guidance_scale` goes into the weights, or nowhere; `true_cfg_scale` stays at its default.
    distilled = true and not spelled_out and embedded is False
    guidance = "true_cfg_scale" if spelled_out else "guidance_scale" if own is not None and not distilled else None
    return PipelineCall(
        pipeline=pipeline.__name__,
        takes=takes,
        guidance=guidance,
        distilled=distilled,
        negative="negative_prompt" in takes and guidance is not None and (spelled_out or not true),
        spelled_out=spelled_out,
    )


def keys_that_differ(model: ModelSpec) -> frozenset[str]:
    """Name the keys whose value is not the default: a plan keeps no other trace of what its author wrote."""
    fields = type(model).model_fields
    return frozenset(name for name, field in fields.items() if getattr(model, name) != field.default)
