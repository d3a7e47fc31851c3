"""Every scheduler of diffusers with four kinds of model through the real command line: drawn alike, or refused."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import diffusers
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers

from tests.families.driving import BATCHES, GUIDANCE, Bench, Facts, Made, bench, plain_settings
from tests.generating.families import FAMILIES

MODELS = ("stable-diffusion", "sana", "stable-diffusion-3", "flux-dev")
"""Noise; a flow that a solver of noise takes; a flow; and a flow whose noise levels the pipeline gives."""
SCHEDULERS = tuple(sorted(name for name in dir(diffusers) if name.endswith("Scheduler") and "Flax" not in name))
LISTED = frozenset(one.name for one in KarrasDiffusionSchedulers)
"""Those that diffusers lists as replacements of each other."""
STOCHASTIC = "stochastic_sampling"


def drive_schedulers() -> Iterator[tuple[str, str, Callable[[Path], Facts]]]:
    """Yield what is measured: its table, its name there, and how."""
    for model in MODELS:
        yield "schedulers", model, lambda folder, model=model: drive_model(model, folder)  # type: ignore[misc]


def drive_model(model: str, folder: Path, schedulers: tuple[str, ...] = SCHEDULERS) -> Facts:
    """Plan a run with each scheduler, and make it at several batch sizes where `plan` lets it.

    Raises:
        AssertionError: a command ended otherwise than it must.
    """
    began = time.monotonic()
    with bench(FAMILIES[model], folder) as place:
        config = folder / "model/scheduler/scheduler_config.json"
        own = json.loads(config.read_text(encoding="utf-8"))
        found = {name: _drawn(place, name) for name in schedulers}
        if own["_class_name"].startswith("FlowMatch"):
            config.write_text(json.dumps({**own, STOCHASTIC: True}), encoding="utf-8")
            found[f"{own['_class_name']}, {STOCHASTIC}: true"] = {"refused": place.refused({})}
    return {"own": own["_class_name"], "schedulers": found, "seconds": round(time.monotonic() - began)}


def _drawn(place: Bench, name: str) -> Facts:
    settings = {**plain_settings(place.family), "model.scheduler": name}
    code, said = place.planned(settings)
    if code:
        assert code in (2, 5), said[-2000:]
        return {"refused": place.refused(settings)}
    runs = {size: place.run(f"{name}-{size}", {**settings, "model.batch_size": size}) for size in BATCHES}
    first, *others = runs.values()
    assert all(made.recorded["generator.scheduler"] == name for made in runs.values())
    place.by_hand.scheduler = getattr(diffusers, name).from_config(place.by_hand.scheduler.config)
    return {"direct": place.apart(first, GUIDANCE), "batches": max(_apart(first, other) for other in others)}


def _apart(one: Made, other: Made) -> int:
    assert one.images.keys() == other.images.keys()
    return max(int((one.images[key].int() - other.images[key].int()).abs().max()) for key in one.images)
