"""Negative prompts of classes: a model is checked and loaded as one that gets some."""

from __future__ import annotations

from synthgen.errors import SynthgenError
from synthgen.spec import ModelSpec, Spec

KEY = "negative_prompt"
_OF_MODEL = f"model.{KEY}: "


def model_asked(spec: Spec) -> ModelSpec:
    """Return the settings of a spec's model, with a negative prompt if any image gets one."""
    own = _first(spec)
    if spec.model.negative_prompt or own is None:
        return spec.model
    return spec.model.model_copy(update={KEY: spec.classes[own].negative_prompt})


def in_its_place(error: SynthgenError, spec: Spec) -> SynthgenError:
    """Name the class whose negative prompt cannot act, if the model has none."""
    own = _first(spec)
    if spec.model.negative_prompt or own is None:
        return error
    lines = error.message.splitlines()
    placed = "\n".join(line.replace(_OF_MODEL, f"classes.{own}.{KEY}: ", 1) for line in lines)
    return type(error)(placed, hint=error.hint)


def _first(spec: Spec) -> str | None:
    """Find the first class with a negative prompt of its own."""
    return next((name for name, kind in spec.classes.items() if kind.negative_prompt), None)
