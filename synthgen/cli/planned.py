"""What `synthgen plan` shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.cells import aligned, shown
from synthgen.cli.units import counted, duration, size
from synthgen.spec import Spec, choices_of, combinations, in_words, stage_name
from synthgen.spec.early_plan import described
from synthgen.spec.preset import GUIDANCE, SAMPLING

if TYPE_CHECKING:
    from synthgen.api.costing import Cost
    from synthgen.api.forecasting import Forecast
    from synthgen.api.growing import Extension
    from synthgen.api.memory_need import MemoryNeed
    from synthgen.planning import Plan
    from synthgen.presets import Preset
    from synthgen.spec import Spec


_CLASSES = 20
"""At most so many classes are listed with their images in each split."""
_LINE = 90
"""Characters of a line beside its label, at most. `--json` has all numbers."""


def answer_of_plan(
    planned: Plan,
    forecast: Forecast,
    prompts: Sequence[str],
    location: str | None,
    added: Extension | None = None,
    cost: Cost | None = None,
    *,
    auto: bool = False,
    recorded: Preset | None = None,
) -> Answer:
    """Show what a plan would make and cost.

    Args:
        location: where a run was started or extended.
        added: what a run gains.
        auto: whether the spec leaves the size of shards to this machine.
        recorded: the preset that the plan is made from, where the model's own files were not seen.
    """
    from synthgen.api.licensing import licences_of_plan
    from synthgen.api.memory_need import memory_need
    from synthgen.api.planning import shard_notes, steering_notes
    from synthgen.api.shard_size import chosen
    from synthgen.planning import few_prompts, gate_needs, prompts_by_class, shard_size_of

    unseen = [f"the model's own files were not seen; preset {recorded.name} is used"] if recorded else []
    few = filter(None, [few_prompts(planned) if planned.sources is None else None])
    notes = [*unseen, *steering_notes(planned.spec), *few, *shard_notes(planned)]
    gates = list(gate_needs(planned.spec))
    memory = memory_need(planned, forecast.size)
    result = {
        "name": planned.spec.name,
        "fingerprint": None if recorded else planned.fingerprint,
        "recorded": recorded.name if recorded else None,
        "classes": {name: kind.count for name, kind in planned.spec.classes.items()},
        "cells": {cell.name: cell.quota for cell in planned.cells},
        "shards": planned.shard_count,
        "shard_size": shard_size_of(planned.spec),
        "samples": list(prompts),
        "prompts": {name: asdict(each) for name, each in prompts_by_class(planned).items()},
        "expanded": _expanded(planned.spec),
        "revisions": asdict(planned.revisions),
        "sources": planned.sources.as_json() if planned.sources else None,
        "preset": planned.spec.preset,
        "settings": choices_of(planned.spec.model),
        "combinations": combinations(planned.spec.model),
        "licences": [each.as_json() for each in licences_of_plan(planned)],
        "forecast": asdict(forecast),
        "memory": None if memory is None else asdict(memory),
        "cost": None if cost is None else asdict(cost),
        "early": described(planned.spec),
        "notes": notes,
        "gates": [{**each._asdict(), "can_pass": each.can_pass} for each in gates],
        "run": location,
        "added": asdict(added) if added else None,
    }
    lines = [*_lines(planned, forecast, prompts, [*notes, *(each.sentence for each in gates)])]
    lines += _memory(memory, planned.spec.model.offload) if memory else ()
    if cost is not None:
        lines.append(f"cost      {_money(cost)}")
    lines += [f"shards    of up to {chosen(planned).reason}"] if auto and added is None else []
    lines += _added(added) if added else ()
    if location is not None:
        lines.append(f"run       {location}: make it with `synthgen work {location}`")
    return Answer(result=result, lines=lines, is_printing=location is None)


def _lines(planned: Plan, forecast: Forecast, prompts: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    spec = planned.spec
    yield f"{spec.name}: {counted(spec.total, 'image')} in {counted(planned.shard_count, 'shard')}"
    yield from aligned(((shown(cell.name), str(cell.quota)) for cell in planned.cells), indent=2)
    yield from _rounding(planned)
    yield from (f"note      {note}" for note in notes)

    from synthgen.planning import prompts_by_class, shown_counts

    yield f"prompts   {shown_counts(prompts_by_class(planned))}"
    if written := planned.spec.prompts.expanded_by:
        yield f"          some written by {written}"
    if spec.aimed_by:
        yield f"aimed by  {', '.join(shown(each.file) for each in spec.aimed_by)}"
    if planned.promise:
        yield f"limits    calibrated: {planned.promise}"
    if prompts:
        yield "sample prompts"
        yield from (f"  {prompt}" for prompt in prompts)
    yield f"model     {spec.model.id} ({planned.revisions.generator})"
    for adapter in spec.model.adapters:
        revision = planned.revisions.adapters.get(adapter.label, "")
        tuned = planned.revisions.tuned.get(adapter.label)
        licence = adapter.license or (tuned.licence if tuned else None)
        yield f"adapter   {adapter.label}: {adapter.described(revision, licence, str(tuned) if tuned else None)}"
    pinned = planned.revisions.components
    if spec.model.config:
        yield f"config    {spec.model.config} ({pinned.get('config', '')})"
    for name, part in spec.model.components.items():
        yield f"component {name}: {part.described(pinned.get(name, ''))}"
    for index, control in enumerate(spec.control):
        yield f"control   {control.described(pinned.get(f'control.{index}', ''))}"
    for index, reference in enumerate(spec.reference):
        yield f"reference {reference.described(pinned.get(f'reference.{index}', ''))}"
    if planned.sources is not None and spec.source is not None:
        yield f"pictures  {planned.sources.described(spec.source.dataset)}"
        if spec.source.per_source is not None:
            yield f"          up to {counted(spec.source.per_source, 'image')} from each"
    for key, annotator in spec.annotate.named().items() if spec.annotate is not None else ():
        yield f"annotate  {key} by {annotator.described(planned.revisions.annotators.get(key, ''))}"
    yield from (f"to        {name}: {value}" for name, value in spec.to.items())
    if spec.drawn_region is not None:
        yield f"{'region' if spec.canvas is None else 'canvas':<10}{spec.drawn_region}"
    for index, then in enumerate(spec.then):
        yield f"then      {then.described(pinned.get(stage_name(index), ''))}"
    yield from _preset(spec)
    for key in choices_of(spec.model):
        yield f"drawn     {key}: {in_words(spec.model, key)}"
    if (several := combinations(spec.model)) > 1:
        yield f"          {several:,} combinations; images of one batch have the same"
    yield f"judge     {spec.judge.id}"
    if (learner := spec.filters.learner) is not None:
        yield f"learner   {shown(learner.model)}: keeps entropies from {learner.entropy[0]:g} to {learner.entropy[1]:g}"
    yield from (f"early     {early}" for early in (described(spec),) if early)
    yield from _licences(planned)
    yield from _model(forecast, several_sizes="size" in choices_of(spec.model))
    yield from _costs(forecast)


def _licences(planned: Plan) -> Iterator[str]:
    """Say of each model which licence it has, and whether its outputs may train a model, as far as known."""
    from synthgen.api.licensing import licences_of_plan

    for at, found in enumerate(licences_of_plan(planned)):
        whole = found.whole
        what = f"may its outputs train a model: {whole.may_train}" if found.model.is_output else "it only scores"
        yield f"{'' if at else 'licence':<10}{found.model.key}: {whole.name}; {what}"


def _expanded(spec: Spec) -> dict[str, object] | None:
    """Say who wrote the prompts of `prompts.expand`, and how many there are."""
    expand = spec.prompts.expand
    if expand is None or expand.written_by is None:
        return None
    cells = [cell for each in (expand.prompts or {}).values() for cell in each]
    return {**expand.written_by.model_dump(mode="json"), "prompts": sum(len(cell.texts) for cell in cells)}


def _model(forecast: Forecast, *, several_sizes: bool) -> Iterator[str]:
    """Say what the model takes: the size of images, tokens, memory."""
    if forecast.size:
        most = "up to " if several_sizes else ""
        yield f"size      {most}{forecast.size[0]} x {forecast.size[1]} pixels"
    counted = [f"{one.tokens} of {one.limit or 'any number'} ({one.part})" for one in forecast.tokens if one.tokens]
    others = [one for one in forecast.tokens if not one.tokens]
    if counted:
        yield f"tokens    the longest prompt has {', '.join(counted)}"
    for one in others:
        limit = "any number of" if one.limit is None else f"{one.limit:,}"
        said = f"{one.part} reads {limit} tokens; the longest prompt has {one.size:,} bytes"
        yield f"{'' if counted else 'tokens':<10}{said}"
        counted = [one.part]
    if forecast.weights is not None and forecast.weights_without_encoders is not None:
        whole, rest = (f"{each / 1e9:.1f} GB" for each in (forecast.weights, forecast.weights_without_encoders))
        yield f"memory    {whole} of weights, {rest} without the text encoders"


def _preset(spec: Spec) -> Iterator[str]:
    """Say what a preset set, and what the spec says otherwise."""
    if spec.preset is None:
        return
    guidance = in_words(spec.model, "guidance")
    own = "" if choices_of(spec.model).get("guidance") == dict(GUIDANCE) else ", as the spec says"
    yield f"preset    {spec.preset}: guidance {guidance}{own}"
    if spec.prompts.sampling == SAMPLING:
        yield "          every prompt once before any comes again (prompts.sampling: combinatorial)"
    else:
        yield "          prompts are drawn at random: the spec says so, or they cannot be numbered"


def _added(added: Extension) -> Iterator[str]:
    """Say what a run gains."""
    if not added.quotas and not added.changes:
        yield "adds      nothing: the run has what the spec asks for"
    if added.quotas:
        images = ", ".join(f"{shown(cell)} {quota:,}" for cell, quota in added.quotas.items())
        yield f"adds      {counted(len(added.shards), 'shard')} from number {added.shards[0]} on: {images}"
    if added.changes:
        yield "          new shards follow the changed spec, and existing images stay as they are:"
        yield from (f"            {change}" for change in added.changes)
    if added.asks_again:
        yield "          before, the judge compares existing images with the new classes, for filters.label"


def _rounding(planned: Plan) -> Iterator[str]:
    """Say how rounding to whole images changes the shares asked for, if it does."""
    from synthgen.planning import rounding_of

    rounding = rounding_of(planned.spec)
    if rounding.worst:
        name, attribute, value, asked, share = rounding.worst
        yield f"rounded   {share:.1%} of {shown(name)} is {attribute} {value!r} instead of {asked:.1%}, in whole images"
    if rounding.empty:
        cells = counted(len(rounding.empty), "cell")
        yield f"empty     {cells} whose share is too small for one image, such as {shown(rounding.empty[0])}"


def _costs(forecast: Forecast) -> Iterator[str]:
    low, high = forecast.attempts_range or (forecast.attempts, forecast.attempts)
    range_ = f" ({low:,} to {high:,})" if low != high else ""
    yield f"attempts  about {forecast.attempts:,}{range_}, limit {forecast.budget:,}; {forecast.basis['attempts']}"
    time = f"about {duration(forecast.seconds)}; " if forecast.seconds is not None else ""
    yield f"time      {time}{forecast.basis['seconds']}"
    disk = f"about {size(forecast.bytes)}; " if forecast.bytes is not None else ""
    kept = f"; about {size(forecast.surplus_bytes)} of it kept surplus images" if forecast.surplus_bytes else ""
    yield f"disk      {disk}{forecast.basis['bytes']}{kept}"
    yield from _splits(forecast.splits)
    yield from (f"          {warning}" for warning in forecast.warnings)


def _memory(memory: MemoryNeed, offload: str) -> Iterator[str]:
    """Say what the weights take on a GPU, and how much must be free for what `model.offload` does."""
    largest = sorted(memory.parts.items(), key=lambda part: -part[1])
    parts = ", ".join(f"{name} {size(taken)}" for name, taken in largest)
    yield f"memory    about {size(sum(memory.parts.values()))} of weights on a GPU, in {memory.dtype}: {parts}"
    if offload == "auto":
        modes = {name: size(free) for name, free in memory.free.items()}
        yield (
            f"          with {modes['none']} free nothing is moved away, with {modes['encoders']} the encoders, with "
            f"{modes['model']} all but one part"
        )
    elif offload in memory.free:
        yield f"          with model.offload: {offload} a GPU needs about {size(memory.free[offload])} of free memory"


def _money(cost: Cost) -> str:
    """Write the expected hours and their price, each with its range if it is known."""
    if cost.hours is None or cost.money is None:
        return "not known before a preview or a run of this model at this size"
    hours, money = duration(cost.hours * 3600), f"{cost.money:,.2f}"
    if cost.hours_range and cost.money_range:
        hours += " ({} to {})".format(*(duration(each * 3600) for each in cost.hours_range))
        money += " ({:,.2f} to {:,.2f})".format(*cost.money_range)
    return f"about {money} for {hours} of one worker, at {cost.price_per_hour:g} an hour"


def _splits(splits: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Write the size of each split, with its images of each class: on the line if it has room, or else as a table."""
    names = list(next(iter(splits.values())))
    totals = {split: sum(counts[split] for counts in splits.values()) for split in names}
    plain = _sizes(totals)
    if len(names) == 1 or len(splits) == 1:
        yield f"splits    {plain}"
        return

    def of_classes(split: str) -> str:
        return ", ".join(f"{shown(name)} {counts[split]:,}" for name, counts in splits.items())

    whole = "; ".join(f"{split} {total:,} ({of_classes(split)})" for split, total in totals.items())
    if len(whole) <= _LINE:
        yield f"splits    {whole}"
        return
    yield f"splits    {plain}"
    rows = ((shown(name), _sizes(counts)) for name, counts in islice(splits.items(), _CLASSES))
    yield from aligned(rows, indent=10)
    if len(splits) > _CLASSES:
        yield f"          and {len(splits) - _CLASSES:,} more classes (--json)"


def _sizes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{shown(split)} {count:,}" for split, count in counts.items())
