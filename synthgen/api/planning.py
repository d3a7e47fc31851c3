"""What a spec would make, and what it would cost. Loads no model."""

from __future__ import annotations

from dataclasses import replace

from synthgen.api import wiring
from synthgen.api.against import check_against
from synthgen.api.dividing import check_dividing
from synthgen.api.forecasting import Forecast, forecast
from synthgen.api.licensing import check_licences, notes_of
from synthgen.api.shard_size import with_shard_size
from synthgen.api.sources import check_sources, sources_of
from synthgen.api.spec_files import with_files_read
from synthgen.api.specs import SpecInput, spec_of, with_thresholds
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan, first_candidates, make_plan
from synthgen.records import Candidate
from synthgen.spec import Spec
from synthgen.spec.checks import check

__all__ = ["Forecast", "forecast", "plan", "sample", "shard_notes", "steering_notes"]

_FEW = 3
"""With fewer images of a cell in each shard, a batch often passes more than the shard needs."""
_LONG = 2 * 3600
"""Seconds of work in one shard that are worth a word."""


def plan(spec: SpecInput, on_progress: OnProgress = ignore) -> Plan:
    """Resolve the models' revisions, the shares of real datasets and calibrated thresholds, and plan. Loads no model.

    Args:
        on_progress: called with a `StepProgress` while the pictures of a large `source` are read.

    Raises:
        UsageError: a file that `balance` names, a calibration, or the set of `source`, cannot be used; or a model's
            licence is not one that the spec allows.
        ModelError: a model does not exist, or neither hub nor cache can resolve its revision.

    Example:
        >>> synthgen.plan("specs/quickstart.yaml")  # doctest: +ELLIPSIS
        <Plan quickstart: 8 images in 2 cells and 1 shard, ...>
    """
    spec = spec_of(spec)
    frozen = _frozen(spec)
    check_licences(frozen)
    planned = with_thresholds(
        with_shard_size(make_plan(frozen, wiring.revisions(spec), sources_of(frozen, on_progress)))
    )
    check_sources(planned)
    check_dividing(planned.spec)
    check_against(planned.spec)
    return replace(planned, licences=notes_of(planned))


def sample(planned: Plan, count: int) -> list[Candidate]:
    """Draw `count` candidates from all cells in turn, to show what the prompts will look like."""
    return first_candidates(planned, count)


def steering_notes(spec: Spec) -> list[str]:
    """List variables that should steer a balanced attribute and have no effect, and templates that are never drawn."""
    links = {entry.attribute: spec.attributes[entry.attribute].variable for entry in spec.wanted}
    steering = set(filter(None, links.values()))
    notes, idle = [], dict[str, None]()
    for name in spec.classes:
        templates = [template for template, _ in spec.templates_of(name)]
        used = [steering & set(template.variables) for template in templates]
        expanded = [steering] if spec.prompts.expand is not None else []
        notes += [
            f"no template of {name} has {{{variable}}}: nothing steers its {attribute}"
            for attribute, variable in links.items()
            if variable and not any(variable in names for names in (*used, *expanded))
        ]
        best = max((*used, *expanded), key=len)
        for template, names in zip(templates, used, strict=True):
            if len(names) < len(best):
                lacks = " and ".join(f"{{{variable}}}" for variable in sorted(best - names))
                others = "prompts.expand steers" if expanded else "other templates steer"
                idle[f"never drawn: {template.text!r} lacks {lacks}, by which {others} `balance`"] = None
    return [*notes, *idle]


def shard_notes(planned: Plan) -> list[str]:
    """Say if cells have few images per shard, where many attempts become surplus, or if shards take very long."""
    shards, total = planned.shard_count, planned.spec.total
    small = sum(cell.quota for cell in planned.cells if cell.quota < _FEW * shards)
    notes = []
    if shards > 1 and 2 * small >= total:
        few = f"many cells have fewer than {_FEW} images per shard"
        notes.append(f"{few}: a larger output.shard_size wastes fewer attempts")
    seconds = forecast(planned).seconds
    if seconds is not None and seconds > _LONG * shards:
        hours = f"a shard takes about {seconds / shards / 3600:.0f} hours"
        notes.append(f"{hours}: a smaller output.shard_size, or 'auto', spreads the work over more tasks")
    return notes


def _frozen(spec: Spec) -> Spec:
    """Return the spec that the plan freezes: with explicit shares in place of files, and all prompts."""
    if spec.prompts.expand is not None and spec.prompts.expand.prompts is None:
        hint = "`synthgen.expand` asks for them; `synthgen.load_spec` then reads them."
        raise UsageError("prompts.expand: the language model has not been asked yet", hint=hint)
    resolved = with_files_read(spec)
    for finding in check(resolved.canonical()) if resolved is not spec else ():
        raise UsageError(f"{'.'.join(map(str, finding.path))}: {finding.message}", hint="Ask for more images.")
    return resolved
