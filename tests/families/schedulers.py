"""Every scheduler of diffusers with five models through the real command line: drawn alike, or refused."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import diffusers
from diffusers import DPMSolverMultistepScheduler

from tests.families.driving import BATCHES, GUIDANCE, Bench, Facts, Made, bench, plain_settings
from tests.generating.families import FAMILIES

FLOW_SOLVER = "sana-dpm"
"""Sana as it is published: a solver of noise that takes flows."""
MODELS = ("stable-diffusion", "stable-diffusion-3", "flux-dev", "sana", FLOW_SOLVER)
STEPS = 4
SCHEDULERS = tuple(sorted(name for name in dir(diffusers) if name.endswith("Scheduler") and "Flax" not in name))
_STOCHASTIC = "FlowMatchEulerDiscreteScheduler"
"""It draws noise at each step, if its configuration says so."""


def drive_schedulers() -> Iterator[tuple[str, str, Callable[[Path], Facts]]]:
    """Yield what is measured: its table, its name there, and how."""
    for model in MODELS:
        yield "schedulers", model, lambda folder, model=model: drive_model(model, folder)  # type: ignore[misc]


def drive_model(model: str, folder: Path, schedulers: tuple[str, ...] = SCHEDULERS) -> Facts:
    """Plan a run with each scheduler, and make it at several batch sizes where `plan` lets it.

    Args:
        schedulers: their classes.
    """
    began = time.monotonic()
    family = FAMILIES["sana" if model == FLOW_SOLVER else model]
    family.save(folder / "model")
    if model == FLOW_SOLVER:
        _solve_flows(folder / "model")
    config = folder / "model/scheduler/scheduler_config.json"
    own = json.loads(config.read_text(encoding="utf-8"))
    with bench(family, folder) as place:
        found = {name: _tried(place, name) for name in schedulers}
    if own["_class_name"] == _STOCHASTIC:
        config.write_text(json.dumps({**own, "stochastic_sampling": True}), encoding="utf-8")
        with bench(family, folder) as place:
            found[f"{_STOCHASTIC}, stochastic_sampling: true"] = _tried(place, None)
    return {"own": own["_class_name"], "schedulers": found, "seconds": round(time.monotonic() - began)}


def _solve_flows(model: Path) -> None:
    solver = DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)
    solver.save_pretrained(model / "scheduler")
    index = model / "model_index.json"
    known = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps({**known, "scheduler": ["diffusers", type(solver).__name__]}), encoding="utf-8")


def _tried(place: Bench, name: str | None) -> Facts:
    try:
        return _drawn(place, name)
    except AssertionError as error:  # the others are measured, too
        return {"fault": str(error)[:2000]}


def _drawn(place: Bench, name: str | None) -> Facts:
    """Draw with a scheduler, or with the model's own."""
    settings = {**plain_settings(place.family), "model.steps": STEPS}
    if name:
        settings["model.scheduler"] = name
    code, said = place.planned(settings)
    if code:
        assert code == 2, said[-2000:]
        return {"refused": place.refused(settings)}
    runs = {size: place.run(f"{name}-{size}", {**settings, "model.batch_size": size}) for size in BATCHES}
    first, *others = runs.values()
    if name:
        assert all(made.recorded["generator.scheduler"] == name for made in runs.values())
        place.by_hand.scheduler = getattr(diffusers, name).from_pretrained(place.folder / "model/scheduler")
    apart = place.apart(first, GUIDANCE, steps=STEPS)
    return {"direct": apart, "batches": max(_apart(first, other) for other in others)}


def _apart(one: Made, other: Made) -> int:
    assert one.images.keys() == other.images.keys()
    return max(int((one.images[key].int() - other.images[key].int()).abs().max()) for key in one.images)
