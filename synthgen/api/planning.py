"""What a spec would make, and what it would cost. Loads no model."""

from __future__ import annotations

from synthgen.api import wiring
from synthgen.api.forecasting import Forecast, forecast
from synthgen.api.specs import SpecInput, spec_of, with_explicit_shares, with_thresholds
from synthgen.errors import UsageError
from synthgen.planning import Plan, draw_candidate, make_plan, turns
from synthgen.records import Candidate
from synthgen.spec import Spec
from synthgen.spec.checks import check

__all__ = ["Forecast", "forecast", "plan", "sample", "steering_notes"]


def plan(spec: SpecInput) -> Plan:
    """Resolve the models' revisions, the shares of real datasets and calibrated thresholds, and plan. Loads no model.

    Raises:
        UsageError: a file that `balance` names, or a calibration, cannot be used.
        ModelError: a model does not exist, or neither hub nor cache can resolve its revision.

    Example:
        >>> synthgen.plan("specs/quickstart.yaml")  # doctest: +ELLIPSIS
        <Plan quickstart: 8 images in 2 cells and 1 shard, ...>
    """
    spec = spec_of(spec)
    return with_thresholds(make_plan(_frozen(spec), wiring.revisions(spec)))


def sample(planned: Plan, count: int) -> list[Candidate]:
    """Draw `count` candidates from all cells in turn, to show what the prompts will look like."""
    cells = turns(planned.cells)
    return [draw_candidate(planned, 0, attempt, cells[attempt % len(cells)]) for attempt in range(count)]


def steering_notes(spec: Spec) -> list[str]:
    """List variables that should steer a balanced attribute and have no effect, and templates that are never drawn."""
    links = {entry.attribute: spec.attributes[entry.attribute].variable for entry in spec.balance}
    notes, idle = [], dict[str, None]()
    for name in spec.classes:
        templates = [template for template, _ in spec.templates_of(name)]
        used = [{variable for variable in links.values() if variable in template.variables} for template in templates]
        notes += [
            f"no template of {name} has {{{variable}}}: nothing steers its {attribute}"
            for attribute, variable in links.items()
            if variable and not any(variable in names for names in used)
        ]
        most = max(map(len, used))
        idle |= {template.text: None for template, names in zip(templates, used, strict=True) if len(names) < most}
    return notes + [f"never drawn, since other templates steer more: {text!r}" for text in idle]


def _frozen(spec: Spec) -> Spec:
    """Return the spec that the plan freezes: with explicit shares in place of files."""
    resolved = with_explicit_shares(spec)
    for finding in check(resolved.canonical()) if resolved is not spec else ():
        raise UsageError(f"{'.'.join(map(str, finding.path))}: {finding.message}", hint="Ask for more images.")
    return resolved
