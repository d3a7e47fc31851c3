"""The adapters of a plan: found and pinned, checked against the model, and described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from synthgen import bundled, models
from synthgen.errors import ModelError, ModelUnavailable, StorageError, SynthgenError
from synthgen.families import call_of
from synthgen.families.adapters import adapter_problems
from synthgen.models.adapters import PINNED, AdapterFile, find_adapter
from synthgen.planning import Plan
from synthgen.records import TunedOn
from synthgen.spec import Spec


def revisions(spec: Spec, source: models.ModelSource) -> tuple[dict[str, str], dict[str, TunedOn]]:
    """Find the adapters that a spec names, check each against its model, and pin it. Those of the hub are downloaded.

    Returns:
        By name the revision of each, and what it was tuned on, of those that say so.

    Raises:
        ModelError: one does not exist, cannot be downloaded, or is for another model.
        UsageError: the file of one is hostile.
    """
    files = list(_placed(spec, {}))
    if files:
        _check(spec, source, files)
    tuned = {file.spec.label: file.tuned for file in files if file.tuned is not None}
    return {file.spec.label: file.revision for file in files}, tuned


def adapter_files(planned: Plan) -> tuple[AdapterFile, ...]:
    """Return the adapters of a plan, as they were when it was made.

    Raises:
        ModelError: one is not here, or has changed.
        StorageError: the plan does not pin one.
    """
    pinned = planned.revisions.adapters
    for adapter in planned.spec.model.adapters:
        revision = pinned.get(adapter.label, "")
        if not PINNED.fullmatch(revision) or adapter.is_hub != (" " in revision):
            hint = "A run names its adapters by hash. Get it again from where it came from."
            raise StorageError(f"plan.json is damaged: it does not pin the adapter {adapter.label}", hint=hint)
    return tuple(_placed(planned.spec, pinned))


def _check(spec: Spec, source: models.ModelSource, files: Sequence[AdapterFile]) -> None:
    """Refuse adapters that do not fit the model. No weights are read."""
    if not source.is_folder and not source.read_json("model_index.json"):
        what = f"model {source.location}: its model_index.json cannot be read from the hub, and is not in the cache"
        raise ModelUnavailable(what, hint="Try again where the hub can be reached, or download the model first.")
    call = call_of(source.read_json, spec.task, led=bool(spec.control))
    problems = [
        f"model.adapters.{index}.id: {file.spec.id} ({file.path.name}): {why}"
        for index, file in enumerate(files)
        for why in adapter_problems(file, call.pipeline, source.read_json, source.cached_part)
    ]
    if problems:
        raise ModelError("\n".join(problems), hint="Choose an adapter that was made for this model.")


def _placed(spec: Spec, pinned: Mapping[str, str]) -> Iterator[AdapterFile]:
    """Find each adapter; say of one that is refused where the spec names it."""
    for index, adapter in enumerate(spec.model.adapters):
        try:
            yield find_adapter(adapter, pinned.get(adapter.label), bundled=bundled.ADAPTERS.get(adapter.id))
        except SynthgenError as error:
            raise type(error)(f"model.adapters.{index}.id: {error.message}", hint=error.hint) from error
