"""Spec -> Plan: cells, shards and candidates. Pure, and without torch."""

from synthgen.plan.candidates import draw_candidate, noise_seed
from synthgen.plan.cells import Rounding, rounding_of, turns
from synthgen.plan.filling import Filling
from synthgen.plan.plan import Addition, Plan, Revisions, make_plan, written_spec

__all__ = [
    "Addition",
    "Filling",
    "Plan",
    "Revisions",
    "Rounding",
    "draw_candidate",
    "make_plan",
    "noise_seed",
    "rounding_of",
    "turns",
    "written_spec",
]
