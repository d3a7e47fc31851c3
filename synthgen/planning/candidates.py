"""Candidates: which prompt and which noise an attempt gets. A pure function of the plan, the shard and the attempt."""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import TypeVar

from synthgen.planning.plan import Plan
from synthgen.records import Candidate, Cell
from synthgen.spec import Template

_T = TypeVar("_T")


Yields = Mapping[str, tuple[int, int]]
"""By template: how many attempts at a cell hit it, and how many there were."""


def draw_candidate(
    plan: Plan, shard: int, attempt: int, cell: Cell, yields: Yields = MappingProxyType({})
) -> Candidate:
    """Draw the `attempt`th attempt of `shard`, aimed at `cell`.

    Variables that steer a balanced attribute take the cell's value; the others, and the template, are drawn by
    their weights. If no template can steer all that the cell asks for, the template is chosen by the yields instead.
    """
    seed, spec = plan.spec.seed, plan.spec
    rng = Random(_hash(seed, shard, attempt, "prompt"))
    steered = {variable: value for name, value in cell.values if (variable := spec.attributes[name].variable)}
    template, steers = _template(rng, spec.templates_of(cell.class_name), steered, len(cell.values), yields)
    values = {
        name: steered[name] if name in steers else _weighted(rng, tuple(spec.prompts.variables[name].items()))
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
        seed=noise_seed(plan, shard, attempt),
    )


def noise_seed(plan: Plan, shard: int, attempt: int) -> int:
    """The seed of the attempt's own generator: the same on every machine and in every batch."""
    return _hash(plan.spec.seed, shard, attempt, "noise")


def _template(
    rng: Random, templates: Sequence[tuple[Template, float]], steered: Mapping[str, str], wanted: int, yields: Yields
) -> tuple[Template, set[str]]:
    """Choose a template, and say which of the `steered` variables it uses; none uses more."""
    used = [steered.keys() & template.variables for template, _ in templates]
    most = max(map(len, used))
    able = [choice for choice, names in zip(templates, used, strict=True) if len(names) == most]
    template = _weighted(rng, able) if most == wanted else _promising(rng, [template for template, _ in able], yields)
    return template, steered.keys() & template.variables


def _promising(rng: Random, templates: Sequence[Template], yields: Yields) -> Template:
    """Thompson sampling: the template whose yield, drawn from its Beta posterior, is the highest."""

    def drawn(template: Template) -> float:
        hits, tried = yields.get(template.text, (0, 0))
        return rng.betavariate(1 + hits, 1 + tried - hits)

    return max(templates, key=drawn)


def _hash(seed: int, shard: int, attempt: int, purpose: str) -> int:
    """Hash to a number from 0 to 2**63 - 1, the range that torch's generators take."""
    digest = hashlib.blake2b(f"{seed}/{shard}/{attempt}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _weighted(rng: Random, choices: Sequence[tuple[_T, float]]) -> _T:
    return rng.choices([value for value, _ in choices], [weight for _, weight in choices])[0]
