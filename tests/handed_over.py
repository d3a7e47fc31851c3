"""Runs that somebody else has planned, and the commands that open what such a run names."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import synthgen
from synthgen.api.making import make_shards
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import create_run
from synthgen.spec import Spec, parse_spec
from synthgen.store import open_store
from tests.running.noise import SPEC, make_run

TINTS = """\
attributes:
  tint: {values: {green: ["a green picture"], pink: ["a pink picture"]}}
"""
ID = "00000-000000"


def spec(*overrides: str) -> Spec:
    drawn = ("model.id=bundled:workers", "model.steps=1", "judge.id=local-dir:./judge", "classes={doctor: 2}")
    return parse_spec(SPEC, overrides=[*drawn, *overrides])


def handed_over(place: Path, *overrides: str) -> Path:
    """A finished run that somebody else has planned; its images are not the models'."""
    return forged(place, synthgen.plan(spec(*overrides)))


def forged(place: Path, plan: Plan) -> Path:
    make_run(place, plan)
    synthgen.finalize(place)
    return place


def planned(place: Path, plan: Plan) -> Path:
    """One whose images are still to be made."""
    create_run(open_store(place), plan, SPEC)
    return place


def audit(run: Path, **more: Any) -> object:
    """Of attributes that the run's judge was not asked."""
    return synthgen.audit(run, attributes=Path("attributes.yaml"), device="cpu", **more)


def run_for(command: str, place: Path, *overrides: str) -> Path:
    """Of somebody else, as this command takes it."""
    plan = synthgen.plan(spec(*overrides))
    if command == "work":
        return planned(place, plan)
    if command == "replay":  # compares what the models say with what they said
        make_shards(str(planned(place, plan)), [0], "cpu")
        return place
    return forged(place, plan)


OPENING: dict[str, Callable[[Path, bool], object]] = {
    "replay": lambda run, trust: synthgen.replay(run, ID, "cpu", trust=trust),
    "audit": lambda run, trust: audit(run, trust=trust),
    "export": lambda run, trust: synthgen.export_labels(
        run, 2, Path("out"), attributes=Path("attributes.yaml"), device="cpu", trust=trust
    ),
    "work": lambda run, trust: synthgen.work(run, device="cpu", trust=trust),
}


def with_revisions(generator: str | None = None, judge: str | None = None, *overrides: str) -> Plan:
    real = synthgen.plan(spec("model.id=bundled:workers", "judge.id=bundled:judge"))
    found = real.revisions
    return make_plan(spec(*overrides), Revisions(generator or found.generator, judge or found.judge))


def command_line(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """As somebody with a home of their own has it."""
    text = SPEC.replace("owner/name, steps: 20", "'bundled:workers', steps: 1").replace("26, chef: 12, farmer: 7", "2")
    Path("spec.yaml").write_text(f"{text}judge: {{id: 'local-dir:./judge'}}\n")
    environment = {"HF_HOME": str(Path("home").absolute()), "HF_HUB_DISABLE_XET": "1", **environment}
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    settings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=settings)
