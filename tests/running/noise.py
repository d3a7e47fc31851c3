"""A small honest generator and judge: noise from the candidate's seed, judged by its brightness."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from synthgen.planning import Plan, Revisions, make_plan
from synthgen.records import Assessment, Candidate, Failure, Reason, Rendered
from synthgen.running import Outcome, create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.store import Location, open_store

SPEC = """\
synthgen: 1
name: noise
model: {id: owner/name, steps: 20}
classes: {doctor: 26, chef: 12, farmer: 7}
prompts:
  templates: ["a {mood} {class}", "a {class}"]
  variables: {mood: [happy, sad, tired]}
attributes:
  tint: {values: {red: ["a red picture"], blue: ["a blue picture"]}}
output: {shard_size: 15}
seed: 5
"""


def noise_plan(*overrides: str) -> Plan:
    return make_plan(parse_spec(SPEC, overrides=overrides), Revisions("noise", "brightness"))


class NoiseGenerator:
    """One candidate in 13 fails. `before_batch` is called before each batch."""

    def __init__(self, batch_size: int = 8, before_batch: Callable[[], object] = lambda: None) -> None:
        self.batch_size = batch_size
        self.loads = 0
        self._before_batch = before_batch

    def setup(self) -> None:
        self.loads += 1

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        self._before_batch()
        return [self._render(candidate, len(candidates)) for candidate in candidates]

    def provenance(self) -> Mapping[str, str]:
        return {"model": "noise", "device": "cpu"}

    def _render(self, candidate: Candidate, batch_size: int) -> Rendered:
        rng = np.random.default_rng(candidate.seed)
        if candidate.seed % 13 == 0:
            return Rendered(candidate, None, Failure("not_finite", "NaN in the latents"), 0.01, batch_size)
        brightness = rng.integers(40, 250)
        pixels = rng.integers(0, brightness, (3, 48, 40), dtype=np.uint8)
        return Rendered(candidate, torch.from_numpy(pixels), None, 0.01, batch_size)


class BrightnessJudge:
    """Rejects dark images, and those whose mean is one that it has seen in this shard."""

    score_names = ("brightness", "unmeasured")

    def __init__(self, floor: float = 0.2) -> None:
        self._floor = floor
        self._seen: set[int] = set()

    def setup(self) -> None:
        pass

    def begin_shard(self) -> None:
        self._seen.clear()

    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        return [self._assess(one) for one in rendered]

    def provenance(self) -> Mapping[str, str]:
        return {"floor": str(self._floor)}

    def _assess(self, rendered: Rendered) -> Assessment:
        assert rendered.image is not None
        mean = rendered.image.float().mean().item()
        tint = "red" if rendered.image[0].float().mean() > rendered.image[2].float().mean() else "blue"
        return Assessment({"brightness": mean / 255, "unmeasured": float("nan")}, {"tint": tint}, self._reason(mean))

    def _reason(self, mean: float) -> Reason | None:
        if mean / 255 < self._floor:
            return Reason.LABEL
        if round(mean * 4) in self._seen:
            return Reason.DUPLICATE
        self._seen.add(round(mean * 4))
        return None


def make_run(location: Location, plan: Plan, batch_size: int = 8, pause: float = 0.0) -> Outcome:
    """Begin or resume a run, and work until all shards are done."""
    store = open_store(location)
    create_run(store, plan, SPEC)
    generator = NoiseGenerator(batch_size, before_batch=lambda: time.sleep(pause))
    return work(open_run(store), store, generator, BrightnessJudge(), range(plan.shard_count))
