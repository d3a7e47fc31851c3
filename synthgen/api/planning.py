"""What a spec would make, and what it would cost. Loads no model."""

from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.api import parts
from synthgen.errors import UsageError
from synthgen.plan import Plan, draw_candidate, make_plan
from synthgen.records import Candidate
from synthgen.spec import BUNDLED_MODEL, Balance, Spec
from synthgen.spec.checks import check

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


def plan(spec: Spec) -> Plan:
    """Resolve the models' revisions, the shares of real datasets and calibrated thresholds, and plan. Loads no model.

    Raises:
        UsageError: a file that `balance` names, or a calibration, cannot be used.
        ModelError: a model does not exist, or neither hub nor cache can say which one it is.
    """
    return with_thresholds(make_plan(_with_shares(spec), parts.revisions(spec)))


def sample(planned: Plan, count: int) -> list[Candidate]:
    """Some candidates, evenly from all cells: what the prompts will look like."""
    cells = planned.cells
    aims = [cells[attempt * max(1, len(cells) // count) % len(cells)] for attempt in range(count)]
    return [draw_candidate(planned, 0, attempt, cell) for attempt, cell in enumerate(aims)]


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


def _with_shares(spec: Spec) -> Spec:
    """The spec with explicit shares in place of files: what the plan freezes."""
    entries = tuple(_explicit(entry, spec) for entry in spec.balance)
    if entries == spec.balance:
        return spec
    resolved = spec.model_copy(update={"balance": entries})
    for finding in check(resolved.canonical()):
        raise UsageError(f"{'.'.join(map(str, finding.path))}: {finding.message}", hint="Ask for more images.")
    return resolved


def _explicit(entry: Balance, spec: Spec) -> Balance:
    if entry.target == "uniform" or not isinstance(file := entry.target.get("from"), str):
        return entry
    from synthgen.dataset.shares import read_shares

    shares = read_shares(Path(file), entry.attribute, spec.attributes[entry.attribute].values.keys())
    return entry.model_copy(update={"target": shares})


def with_thresholds(planned: Plan) -> Plan:
    """The plan with a calibration's thresholds in place of its file."""
    label = planned.spec.filters.label
    if label is None or label.calibration is None:
        return planned
    from synthgen.judge.calibration import Calibration

    try:
        text = Path(label.calibration).read_text("utf-8")
    except (OSError, ValueError) as error:
        hint = "`synthgen calibrate` writes it."
        raise UsageError(
            f"filters.label.calibration: {label.calibration} cannot be read: {error}", hint=hint
        ) from error
    floors = Calibration.from_json(text, label.calibration).floors_for(planned, label.calibration)
    thresholds = label.model_copy(update={"min_posterior": floors, "calibration": None})
    filters = planned.spec.filters.model_copy(update={"label": thresholds})
    return replace(planned, spec=planned.spec.model_copy(update={"filters": filters}))


def as_yaml(spec: Spec) -> str:
    """All of a spec, as its author could have written it."""
    import yaml

    return yaml.safe_dump(spec.canonical(), sort_keys=False, allow_unicode=True)
