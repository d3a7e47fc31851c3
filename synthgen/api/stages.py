"""The models of later stages: where they are, and whether they can act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synthgen.api.negatives import model_asked
from synthgen.errors import ModelError, SynthgenError
from synthgen.files import expanded
from synthgen.models import is_folder
from synthgen.models.parts import MODEL, source_of, unpinned
from synthgen.spec import ModelSpec, Spec, ThenSpec, stage_name

if TYPE_CHECKING:
    from synthgen.families import PipelineCall, Stage
    from synthgen.models import ModelSource


def stage_sources(spec: Spec, pinned: Mapping[str, str] | None) -> tuple[ModelSource | None, ...]:
    """Find the model of each later stage; None where none draws, or the spec's own.

    Args:
        pinned: revisions by name, as a plan has them; None to find them.

    Raises:
        ModelError: one does not exist, or has changed since it was pinned.
    """
    return tuple(_found(then, index, spec, pinned) for index, then in enumerate(spec.then))


def _found(then: ThenSpec, index: int, spec: Spec, pinned: Mapping[str, str] | None) -> ModelSource | None:
    if then.model is None:
        return None
    try:
        return source_of(named_model(then), None if pinned is None else {MODEL: pinned.get(stage_name(index), "")})
    except SynthgenError as error:
        raise type(error)(f"{_key(spec, index)}.model: {error.message}", hint=error.hint) from error


def stage_revisions(spec: Spec) -> dict[str, str]:
    """Return the revisions of the models of later stages, by name."""
    sources = stage_sources(spec, None)
    return {stage_name(index): source.revision for index, source in enumerate(sources) if source is not None}


def stages_here(spec: Spec) -> tuple[ModelSource | None, ...]:
    """Return the model of each later stage as far as it is on this machine. Nothing is downloaded, and no file read.

    Raises:
        ModelError: a folder does not exist.
    """
    for index, then in enumerate(spec.then):
        if then.model is not None and is_folder(then.model) and not expanded(then.model).is_dir():
            what = f"{_key(spec, index)}.model: the folder {expanded(then.model)} does not exist"
            raise ModelError(what, hint="Paths count from the folder of the spec.")
    return tuple(None if then.model is None else unpinned(named_model(then)) for then in spec.then)


def check_stages(
    spec: Spec, call: PipelineCall, source: ModelSource, sources: tuple[ModelSource | None, ...]
) -> Iterator[Stage]:
    """Yield how the models of later stages are called, and refuse keys that cannot act. No weights are read.

    Args:
        call, source: of the first stage.
        sources: the models of the stages.

    Raises:
        UsageError, ModelError: one cannot act.
    """
    from synthgen.families import stage_of

    for index, (then, other) in enumerate(zip(spec.then, sources, strict=True)):
        if not then.is_plain:
            own = other or source
            yield stage_of(model_asked(spec), spec.then, index, own, call.size, shared=other is None)


def named_model(then: ThenSpec) -> ModelSpec:
    """Return the model of a stage, as of a spec with no other settings."""
    return ModelSpec(id=str(then.model), revision=then.revision, variant=then.variant)


def _key(spec: Spec, index: int) -> str:
    return "then" if len(spec.then) == 1 else f"then.{index}"
