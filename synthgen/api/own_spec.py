"""Specs that the user names: what they name may be opened."""

from synthgen.api.planning import plan
from synthgen.api.preconditions import check_models
from synthgen.api.trust import pinned_models, pinned_of_dataset
from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan
from synthgen.spec import Spec


def plan_of_own_spec(spec: Spec, on_progress: OnProgress = ignore) -> Plan:
    """Plan a spec that the user named. What it names may be opened now, and later by this run's tasks."""
    check_models(spec)
    planned = plan(spec, on_progress)
    for model in (*pinned_models(planned), *pinned_of_dataset(planned)):
        model.remember()
    return planned
