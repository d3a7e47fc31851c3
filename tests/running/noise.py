"""Small runs with the fakes of `synthgen.testing`: noise from the candidate's seed, judged by its brightness."""

import time

from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import Outcome, create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.store import Location, open_store
from synthgen.testing import BrightnessJudge, NoiseGenerator

__all__ = ["SPEC", "BrightnessJudge", "NoiseGenerator", "make_run", "noise_plan"]

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
output: {shard_size: 15, surplus: drop}
seed: 5
"""


def noise_plan(*overrides: str) -> Plan:
    return make_plan(parse_spec(SPEC, overrides=overrides), Revisions("noise", "brightness"))


def make_run(location: Location, plan: Plan, batch_size: int = 8, pause: float = 0.0) -> Outcome:
    """Begin or resume a run, and work until all shards are done."""
    store = open_store(location)
    create_run(store, plan, SPEC)
    generator = NoiseGenerator(batch_size, before_batch=lambda: time.sleep(pause))
    return work(open_run(store), store, generator, BrightnessJudge(), range(plan.shard_count))
