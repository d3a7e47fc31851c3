"""Spec -> Plan: cells, shards and candidates. Pure, and without torch."""

from synthgen.planning.addition import Addition
from synthgen.planning.candidates import (
    draw_candidate,
    every_prompt,
    first_candidates,
    noise_seed,
    prompts_for,
    prompts_of,
    several_seeds,
)
from synthgen.planning.cells import Rounding, rounding_of, turns
from synthgen.planning.counts import shard_size_of
from synthgen.planning.dealing import lacking_sources
from synthgen.planning.free_keys import free_keys, with_free_keys
from synthgen.planning.gate_needs import GateNeed, gate_needs
from synthgen.planning.growth import Growth, growth_of
from synthgen.planning.plan import Plan, make_plan
from synthgen.planning.prompt_counts import PromptCount, few_prompts, prompts_by_class, shown_counts, used_of
from synthgen.planning.revisions import Revisions
from synthgen.planning.shown_columns import column_texts
from synthgen.planning.sources import SourceRows, Sources
from synthgen.planning.stored import written_spec

__all__ = [
    "Addition",
    "GateNeed",
    "Growth",
    "Plan",
    "PromptCount",
    "Revisions",
    "Rounding",
    "SourceRows",
    "Sources",
    "column_texts",
    "draw_candidate",
    "every_prompt",
    "few_prompts",
    "first_candidates",
    "free_keys",
    "gate_needs",
    "growth_of",
    "lacking_sources",
    "make_plan",
    "noise_seed",
    "prompts_by_class",
    "prompts_for",
    "prompts_of",
    "rounding_of",
    "several_seeds",
    "shard_size_of",
    "shown_counts",
    "turns",
    "used_of",
    "with_free_keys",
    "written_spec",
]
