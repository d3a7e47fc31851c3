"""Candidates: which prompt and which noise an attempt gets. A pure function of the plan, the shard and the attempt."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

from synthgen.plan.plan import Plan
from synthgen.records import Candidate, Cell

_T = TypeVar("_T")


def draw_candidate(plan: Plan, shard: int, attempt: int, cell: Cell) -> Candidate:
    """The `attempt`th attempt of `shard`, aimed at `cell`: template and values drawn by their weights."""
    seed = plan.spec.seed
    rng = Random(_hash(seed, shard, attempt, "prompt"))
    template = _weighted(rng, plan.spec.templates_of(cell.class_name))
    values = {
        name: _weighted(rng, tuple(plan.spec.prompts.variables[name].items()))
        for name in template.variables
        if name != "class"
    }
    return Candidate(
        id=f"{shard:05d}-{attempt:06d}",
        shard=shard,
        attempt=attempt,
        cell=cell.name,
        class_name=cell.class_name,
        label=cell.label,
        template=template.text,
        variables=tuple(values.items()),
        prompt=template.render({"class": cell.class_name, **values}),
        negative_prompt=plan.spec.model.negative_prompt or "",
        seed=_hash(seed, shard, attempt, "noise"),
    )


def _hash(seed: int, shard: int, attempt: int, purpose: str) -> int:
    """0 .. 2**63 - 1, which is what torch's generators take."""
    digest = hashlib.blake2b(f"{seed}/{shard}/{attempt}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _weighted(rng: Random, choices: Sequence[tuple[_T, float]]) -> _T:
    return rng.choices([value for value, _ in choices], [weight for _, weight in choices])[0]
