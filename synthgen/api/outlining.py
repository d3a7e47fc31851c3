"""A plan of a model that cannot be looked up, from what a preset records of it: to be shown, and never run."""

from __future__ import annotations

from synthgen.api import plugged, wiring
from synthgen.api.fitness import call_of_spec
from synthgen.api.long_texts import TextLengthError, long_texts
from synthgen.api.recorded_model import UNSEEN, recorded
from synthgen.errors import ModelError, ModelUnavailable
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.presets import Preset, preset_of
from synthgen.spec import Spec


def outlined(spec: Spec, error: ModelError) -> tuple[Plan, Preset] | None:
    """Plan a spec whose model could not be looked up, from what a preset records of it. The plan is for showing only.

    Args:
        error: why it could not be.

    Returns:
        The plan and the preset; None where no preset has this model, or the error says that there is none.

    Raises:
        UsageError: a key cannot act, as far as the record tells.
    """
    from huggingface_hub import constants

    preset, source = preset_of(spec.model), recorded(spec)
    if preset is None or source is None or not (isinstance(error, ModelUnavailable) or constants.HF_HUB_OFFLINE):
        return None
    if findings := long_texts(spec, call_of_spec(spec, source), source).findings:
        raise TextLengthError(findings)
    judged_by = wiring.judge_revision(spec.judge.id)
    return make_plan(spec, Revisions(UNSEEN, judged_by, plugged.releases(spec))), preset
