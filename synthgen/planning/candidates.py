"""Candidates: which prompt and which noise an attempt gets. A pure function of the plan, the shard and the attempt."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from random import Random
from types import MappingProxyType

from synthgen.planning.cells import turns
from synthgen.planning.dealing import deals_of, is_changed
from synthgen.planning.numbering import number_of_turn
from synthgen.planning.plan import Plan
from synthgen.planning.shown_columns import count_with_columns
from synthgen.records import Candidate, Cell, DrawnSettings
from synthgen.spec import TO_CLASS, Filled, PromptSpace, Spec, choices_of, spaces_of
from synthgen.spec.source_texts import texts_of

Yields = Mapping[str, tuple[int, int]]
"""By template: how many attempts at a cell hit it, and how many there were."""


def draw_candidate(
    plan: Plan,
    shard: int,
    attempt: int,
    cell: Cell,
    yields: Yields = MappingProxyType({}),
    turn: int = 0,
    source: str | None = None,
) -> Candidate:
    """Draw the `attempt`th attempt of `shard`, aimed at `cell`.

    Variables that steer a balanced attribute take the cell's value; the others, and the template, are drawn by
    their weights. If no template can steer all that the cell asks for, the template is chosen by the yields instead.

    Args:
        turn: how many earlier attempts of the shard drew from the same prompts: see `prompts_of`. It matters only where
            the spec's sampling is combinatorial.
        source: the id of the picture that it begins from, if it begins from one.
    """
    seed, spec = plan.spec.seed, plan.spec
    rng = Random(_hash(seed, shard, attempt, "prompt"))
    able = able_spaces(spec, cell)
    if spec.prompts.sampling == "combinatorial":
        space, values = _numbered(able, number_of_turn(plan, shard, turn, prompts_of(spec, cell), _total(able)))
    else:
        steers_all = len(able[0].steers) == len(cell.values)
        space = _weighted(rng, able) if steers_all else _promising(rng, able, yields)
        values = space.draw(rng)
    kept = plan.sources.rows.by_id[source].kept if source is not None and plan.sources and plan.sources.kept else ""

    return Candidate(
        id=f"{shard:05d}-{attempt:06d}",
        shard=shard,
        attempt=attempt,
        cell=cell.name,
        class_name=cell.class_name,
        label=cell.label,
        template=space.text,
        variables=tuple(_recorded(values)),
        prompt=_rendered(space, cell, values, kept),
        negative_prompt=_negative_prompt(spec, cell.class_name),
        seed=noise_seed(plan, shard, attempt),
        settings=_settings(spec, shard, attempt),
        source=source,
        source_label=_label_of(plan, cell.class_name, source),
        kept=kept,
    )


def _label_of(plan: Plan, class_name: str, source: str | None) -> str | None:
    """The class of a picture, where images of their class begin from pictures of others."""
    if source is None or plan.sources is None or TO_CLASS not in plan.spec.to:
        return None
    return plan.sources.rows.by_id[source].class_name if is_changed(plan.spec, class_name) else class_name


def first_candidates(plan: Plan, count: int) -> list[Candidate]:
    """Draw attempts of the first shard that are aimed at all cells in turn, to show what the prompts look like."""
    cells, seen, of_class = turns(plan.cells), Counter[str](), Counter[str]()
    drawn, deals = [], deals_of(plan, 0, plan.spec.classes)
    for attempt in range(count):
        cell = cells[attempt % len(cells)]
        prompts, deal = prompts_of(plan.spec, cell), deals.get(cell.class_name)
        source = deal.id(deal.place(of_class[cell.class_name])) if deal else None
        drawn.append(draw_candidate(plan, 0, attempt, cell, turn=seen[prompts], source=source))
        seen[prompts] += 1
        of_class[cell.class_name] += 1
    return drawn


def several_seeds(plan: Plan, count: int, seeds: int) -> list[Candidate]:
    """Draw the first attempts as `first_candidates` does, and each prompt again with other seeds: `count` in all.

    The attempts with the first seeds come first. Those with other seeds are attempts of no run.
    """
    prompts = first_candidates(plan, -(-count // seeds))
    numbered = ((turn * len(prompts) + place, one) for turn in range(seeds) for place, one in enumerate(prompts))
    return [_at(plan, one, attempt) for attempt, one in islice(numbered, count)]


def _at(plan: Plan, candidate: Candidate, attempt: int) -> Candidate:
    """Give a candidate the number and the seed of another attempt of its shard."""
    shard = candidate.shard
    return replace(candidate, id=f"{shard:05d}-{attempt:06d}", attempt=attempt, seed=noise_seed(plan, shard, attempt))


def noise_seed(plan: Plan, shard: int, attempt: int) -> int:
    """The seed of the attempt's own generator: the same on every machine and in every batch."""
    return _hash(plan.spec.seed, shard, attempt, "noise")


def steered_by(spec: Spec, cell: Cell) -> dict[str, str]:
    """Return the variables whose value a cell asks for."""
    return {variable: value for name, value in cell.values if (variable := spec.attributes[name].variable)}


def prompts_of(spec: Spec, cell: Cell) -> str:
    """Name the prompts that attempts at a cell are drawn from: cells with equal names share them."""
    steered = sorted(steered_by(spec, cell).items())
    return ", ".join([cell.class_name, *(f"{variable}={value}" for variable, value in steered)])


def prompts_for(spec: Spec, cell: Cell, pictures: Sequence[Mapping[str, str]] = ()) -> int:
    """Count the prompts that attempts at a cell are drawn from, as combinations of template and values.

    Args:
        pictures: what the columns of the source say of them: see `column_texts`. Each text is a prompt of its own.
    """
    return sum(count_with_columns(space, pictures) for space in able_spaces(spec, cell))


def able_spaces(spec: Spec, cell: Cell) -> list[PromptSpace]:
    """Return the templates that attempts at a cell are drawn from."""
    return _able(spaces_of(spec, cell.class_name, steered_by(spec, cell)))


def every_prompt(plan: Plan, most: int) -> tuple[tuple[str, str], ...]:
    """Return each prompt that a plan's attempts may draw, with its negative prompt; none if there are over `most`.

    None, too, if templates show columns of the source: prompts differ from picture to picture then.
    """
    if any(template.columns for name in plan.spec.classes for template, _ in plan.spec.templates_of(name)):
        return ()
    asked = {prompts_of(plan.spec, cell): cell for cell in plan.cells}
    if sum(prompts_for(plan.spec, cell) for cell in asked.values()) > most:
        return ()
    found = dict[tuple[str, str], None]()
    for cell in asked.values():
        against = _negative_prompt(plan.spec, cell.class_name)
        for space in able_spaces(plan.spec, cell):
            prompts = (_rendered(space, cell, space.numbered(number)) for number in range(space.count()))
            found |= dict.fromkeys((prompt, against) for prompt in prompts)
    return tuple(found)


def used_values(spec: Spec, cell: Cell) -> dict[str, str]:
    """Return the values that a cell asks for and some template can steer: with the same ones, prompts are the same."""
    steered = steered_by(spec, cell)
    used = set[str]().union(*(space.steers for space in able_spaces(spec, cell)))
    return {name: value for name, value in steered.items() if name in used}


def _rendered(space: PromptSpace, cell: Cell, values: Filled, kept: str = "") -> str:
    columns = texts_of(kept) if space.template.columns else {}
    return space.template.render({"class": cell.class_name, **values, **columns}, closes_gaps=True)


def _able(spaces: Sequence[PromptSpace]) -> list[PromptSpace]:
    """Keep the templates that use most of the variables whose values are given."""
    most = max(len(space.steers) for space in spaces)
    return [space for space in spaces if len(space.steers) == most]


def _total(spaces: Sequence[PromptSpace]) -> int:
    return sum(space.count() for space in spaces)


def _numbered(spaces: Sequence[PromptSpace], number: int) -> tuple[PromptSpace, Filled]:
    for space in spaces:
        if number < space.count():
            return space, space.numbered(number)
        number -= space.count()
    raise IndexError(number)


def _recorded(values: Filled) -> Iterator[tuple[str, str]]:
    """Name the values of a candidate; several of one variable as `item[1]`, `item[2]`."""
    for name, value in values.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((f"{name}[{place}]", each) for place, each in enumerate(value, 1))


def _negative_prompt(spec: Spec, class_name: str) -> str:
    own = spec.classes[class_name].negative_prompt
    return (spec.model.negative_prompt or "") if own is None else own


def _settings(spec: Spec, shard: int, attempt: int) -> DrawnSettings:
    """Draw each setting of the model that is a choice. What one draws does not depend on the others."""

    def value(key: str, weights: Mapping[str | int | float, float]) -> str | int | float:
        rng = Random(_hash(spec.seed, shard, attempt, f"model.{key}"))
        return rng.choices(list(weights), list(weights.values()))[0]

    return tuple((key, value(key, weights)) for key, weights in choices_of(spec.model).items())


def _promising(rng: Random, spaces: Sequence[PromptSpace], yields: Yields) -> PromptSpace:
    """Thompson sampling: the template whose yield, drawn from its Beta posterior, is the highest."""

    def drawn(space: PromptSpace) -> float:
        hits, tried = yields.get(space.text, (0, 0))
        return rng.betavariate(1 + hits, 1 + tried - hits)

    return max(spaces, key=drawn)


def _weighted(rng: Random, spaces: Sequence[PromptSpace]) -> PromptSpace:
    return rng.choices(spaces, [space.weight for space in spaces])[0]


def _hash(seed: int, shard: int, attempt: int, purpose: str) -> int:
    """Hash to a number from 0 to 2**63 - 1, the range that torch's generators take."""
    digest = hashlib.blake2b(f"{seed}/{shard}/{attempt}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
