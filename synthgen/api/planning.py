"""What a spec would make, and what it would cost. Loads no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.api import wiring as parts
from synthgen.errors import UsageError
from synthgen.planning import Plan, draw_candidate, make_plan, turns
from synthgen.records import Candidate
from synthgen.spec import BUNDLED_MODEL, Balance, Finding, Spec, refusal
from synthgen.spec import read_spec as spec_of
from synthgen.spec.checks import check

if TYPE_CHECKING:
    from synthgen.judging.calibration.threshold import Calibration

_BUNDLED_SECONDS = 0.25
"""Per image at 20 steps, on two CPU cores."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan will cost, roughly.

    Attributes:
        attempts: at the filling's own guess that four of five images are accepted.
        budget: attempts after which every cell gives up.
        seconds: None where nothing is known of the model's speed here.
        bytes: on disk, the finished dataset included.
        licence: of the model's weights, as far as known.
    """

    attempts: int
    budget: int
    seconds: float | None
    bytes: int
    licence: str


def read_spec(path: Path, overrides: Sequence[str] = (), *, calibrated: bool = True) -> Spec:
    """The spec in `path`, with `overrides` such as "model.steps=20" applied in order, and the shares of the real
    datasets that `balance` names in their place. Where it is not to be `calibrated` yet, the file that it names for
    that need not be there.

    Raises:
        SpecError: with every problem, those of the files that it names too.
    """
    found = spec_of(path, overrides)
    files: list[tuple[tuple[str | int, ...], Callable[[], object]]] = [
        (("balance", index, "target", "from"), partial(_explicit, entry, found))
        for index, entry in enumerate(found.balance)
    ]
    if calibrated:
        files.append((("filters", "label", "calibration"), partial(_calibration, found)))
    findings, hints = [], []
    for place, read in files:
        try:
            read()
        except UsageError as error:
            findings.append(Finding(place, error.message))
            hints.append(error.hint or "")
    if findings:
        raise refusal(path, overrides, findings, "\n".join(dict.fromkeys(hints)))
    resolved = _resolved(found)
    if resolved is not found and (findings := list(check(resolved.canonical()))):
        raise refusal(path, overrides, findings, "Ask for more images.")
    return resolved


def plan(spec: Spec) -> Plan:
    """Resolve the models' revisions, the shares of real datasets and calibrated thresholds, and plan. Loads no model.

    Raises:
        UsageError: a file that `balance` names, or a calibration, cannot be used.
        ModelError: a model does not exist, or neither hub nor cache can say which one it is.
    """
    return with_thresholds(make_plan(_with_shares(spec), parts.revisions(spec)))


def sample(planned: Plan, count: int) -> list[Candidate]:
    """Some candidates, of all cells in turn: what the prompts will look like."""
    cells = turns(planned.cells)
    return [draw_candidate(planned, 0, attempt, cells[attempt % len(cells)]) for attempt in range(count)]


def forecast(planned: Plan) -> Forecast:
    """Estimate attempts, time, disk and the model's licence."""
    spec, model = planned.spec, planned.spec.model
    attempts = round(spec.total * 1.25)
    own = model.id == BUNDLED_MODEL
    side = 64 if own else 512
    pixels = (model.width or model.size or side) * (model.height or model.size or side)
    return Forecast(
        attempts=attempts,
        budget=spec.total * spec.budget.attempts_per_image,
        seconds=attempts * _BUNDLED_SECONDS * model.steps / 20 if own else None,
        # PNG takes about half of 3 bytes a pixel; images lie in the shards and in the dataset.
        bytes=int(2 * spec.total * (pixels * 1.5 + 1000) + attempts * 4000),
        licence="apache-2.0" if own else "see the model's card",
    )


def steering_notes(spec: Spec) -> list[str]:
    """Where a variable that steers a balanced attribute does nothing, and which templates are never drawn for it."""
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


def _with_shares(spec: Spec) -> Spec:
    """The spec with explicit shares in place of files: what the plan freezes."""
    resolved = _resolved(spec)
    for finding in check(resolved.canonical()) if resolved is not spec else ():
        raise UsageError(f"{'.'.join(map(str, finding.path))}: {finding.message}", hint="Ask for more images.")
    return resolved


def _resolved(spec: Spec) -> Spec:
    entries = tuple(_explicit(entry, spec) for entry in spec.balance)
    return spec if entries == spec.balance else spec.model_copy(update={"balance": entries})


def _explicit(entry: Balance, spec: Spec) -> Balance:
    if entry.target == "uniform" or not isinstance(file := entry.target.get("from"), str):
        return entry
    from synthgen.sets.shares import read_shares

    shares = read_shares(Path(file), entry.attribute, spec.attributes[entry.attribute].values.keys())
    return entry.model_copy(update={"target": shares})


def with_thresholds(planned: Plan) -> Plan:
    """The plan with a calibration's thresholds in place of its file, and what they promise."""
    label, calibration = planned.spec.filters.label, _calibration(planned.spec)
    if label is None or calibration is None:
        return planned
    floors = calibration.floors_for(planned, str(label.calibration))
    thresholds = label.model_copy(update={"min_posterior": floors, "calibration": None})
    filters = planned.spec.filters.model_copy(update={"label": thresholds})
    return replace(planned, spec=planned.spec.model_copy(update={"filters": filters}), promise=calibration.promise)


def _calibration(spec: Spec) -> Calibration | None:
    label = spec.filters.label
    if label is None or label.calibration is None:
        return None
    from synthgen.judging.calibration.threshold import Calibration

    path, hint = Path(label.calibration), "`synthgen calibrate` writes such a file."
    try:
        return Calibration.from_json(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path} in {Path.cwd()}", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"{path} cannot be read: {reason}", hint=hint) from error


def as_yaml(spec: Mapping[str, Any]) -> str:
    """A canonical spec as its author could have written it."""
    import yaml

    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
