"""Looking a spec's models up, on the hub too where there is a network. Reads settings, and no weights."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen import models
from synthgen.api import plugged, wiring
from synthgen.api.fitness import placed
from synthgen.api.planning import plan
from synthgen.api.specs import checked_spec
from synthgen.errors import ModelError, ModelUnavailable, UsageError
from synthgen.planning import Plan
from synthgen.spec import BUNDLED_MODEL, Settings, Spec, SpecText, Violation, refusal

_HUB = "hf-hub:"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that was found.

    Attributes:
        key: where the spec names it, such as `model.id`.
        revision: as the plan of a run would pin it.
    """

    key: str
    id: str
    revision: str


def looked_up(source: SpecText, settings: Settings) -> tuple[Spec, list[FoundModel]]:
    """Read and check a spec, and find its models. Without a network, a model of the hub is looked for in the cache.

    Raises:
        SpecError: as `load_spec`; or a model does not exist, is of another kind, or does not take a key.
        ModelUnavailable: a model could not be checked: the hub cannot be reached, and the cache does not have it.
        ModelError: the same, since the hub may not be asked here.
    """
    spec = checked_spec(source, settings, models=True)
    wrong: list[tuple[Violation, str]] = []
    unchecked: list[tuple[Violation, ModelError]] = []
    for key, name, check in (("model", spec.model.id, _check_generator), ("judge", spec.judge.id, _check_judge)):
        try:
            check(spec)
        except (ModelError, UsageError) as error:
            if isinstance(error, ModelError) and (isinstance(error, ModelUnavailable) or _may_not_ask()):
                what = Violation((key, "id"), f"{name} could not be checked: {error.message}")
                unchecked.append((what, error))
            else:
                wrong.append((Violation((key, "id"), error.message), error.hint or ""))

    planned = None
    if not wrong and not unchecked:
        try:
            planned = plan(spec)
            wiring.check_keys(planned)
        except (ModelError, UsageError) as error:
            wrong += placed(error, spec)
    if wrong:
        hint = "\n".join(filter(None, dict.fromkeys(hint for _, hint in wrong)))
        raise refusal(source, settings, [what for what, _ in wrong], hint)
    if planned is None:
        errors = [error for _, error in unchecked]
        kind = ModelUnavailable if any(isinstance(error, ModelUnavailable) for error in errors) else ModelError
        told = refusal(source, settings, [what for what, _ in unchecked], "")
        hint = "\n".join(filter(None, dict.fromkeys(error.hint for error in errors)))
        raise kind(str(told), hint=hint or None)
    return spec, _found(planned)


def _found(planned: Plan) -> list[FoundModel]:
    spec, revisions = planned.spec, planned.revisions
    return [
        FoundModel("model.id", spec.model.id, revisions.generator),
        FoundModel("judge.id", spec.judge.id, revisions.judge),
    ]


def _check_generator(spec: Spec) -> None:
    name = spec.model.id
    if name == BUNDLED_MODEL or plugged.names_generator(spec) or models.is_folder(name):
        return  # checked with the spec
    source = models.locate(name, spec.model.revision)
    if "_class_name" not in source.read_json("model_index.json"):
        what = f"{name} is not a diffusers pipeline: it has no model_index.json that can be read"
        raise ModelError(what, hint="Choose a text-to-image pipeline of diffusers.")


def _check_judge(spec: Spec) -> None:
    name = spec.judge.id
    if not name.startswith(_HUB):
        return  # checked with the spec
    source = models.locate(name.removeprefix(_HUB))
    if "model_cfg" not in source.read_json("open_clip_config.json"):
        what = f"{name} is not a CLIP of open_clip: it has no open_clip_config.json that can be read"
        raise ModelError(what, hint="Choose a model of open_clip: its page on the hub says so.")


def _may_not_ask() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
