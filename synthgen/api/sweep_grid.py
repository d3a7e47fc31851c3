"""The settings of a sweep: every combination of the values that the user lists, each a spec of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from synthgen.api import wiring
from synthgen.api.own_spec import plan_of_own_spec
from synthgen.api.specs import checked_spec
from synthgen.errors import SpecError, SynthgenError, UsageError
from synthgen.planning import Plan
from synthgen.spec import ModelSpec, Settings, Spec, SpecText
from synthgen.spec.messages import suggestion

MOST = 64
_ACTING = ("model", "prompts", "classes", "attributes", "filters", "safety", "judge", "seed")
"""The sections of a spec that change an image, its time, or its verdict."""
_OPENING, _CLOSING, _QUOTES = "[{", "]}", "\"'"


@dataclass(frozen=True, slots=True)
class GridSetting:
    """One setting of a sweep.

    Attributes:
        values: by key, the value as the user wrote it.
    """

    values: Mapping[str, str]
    plan: Plan

    @property
    def name(self) -> str:
        return named(self.values)


def named(values: Mapping[str, str]) -> str:
    """Name a setting by what is special about it: `guidance=3, steps=10` where no two keys end alike."""
    short = {key: key.rpartition(".")[2] for key in values}
    unique = len(set(short.values())) == len(short)
    return ", ".join(f"{short[key] if unique else key}={value}" for key, value in values.items())


def values_of(over: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read texts such as `model.guidance=1,1.5`: by key, the values, each as `overrides` takes it.

    Raises:
        UsageError: one has no key or no value, a key or a value is repeated, or the key changes no image.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in over:
        key, equals, rest = text.partition("=")
        key, values = key.strip(), tuple(part.strip() for part in _parts(rest))
        if not (key and equals and all(values)):
            hint = "Give values with commas between them: model.guidance=1,1.5,3."
            raise UsageError(f"{text!r}: expected KEY=VALUE,VALUE", argument="over", hint=hint)
        if key in found:
            raise UsageError(f"{key} is given twice", argument="over", hint="List all of its values at once.")
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise UsageError(f"{key} has the value {twice} twice", argument="over")
        if key.partition(".")[0] not in _ACTING:
            raise UsageError(_why_not(key), argument="over")
        found[key] = values
    if not found:
        raise UsageError("expected a key and its values, such as model.guidance=1,3", argument="over")
    return found


def _why_not(key: str) -> str:
    """Say why a key is not swept: it changes nothing, or is no key, and then which one was meant."""
    section = key.partition(".")[0]
    if section in Spec.model_fields:
        return f"{key} changes neither an image nor its verdict"
    within = f"model.{key}"
    meant = f"; did you mean {within!r}?" if section in ModelSpec.model_fields else suggestion(section, _ACTING)
    return f"a spec has no key {key!r}{meant}"


def _parts(text: str) -> list[str]:
    """Split at commas that are in no bracket and no quote.

    Example:
        >>> _parts("1,[0, 0.5],'a,b'")
        ['1', '[0, 0.5]', "'a,b'"]
    """
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        depth += (letter in _OPENING) - (letter in _CLOSING) if not quote else 0
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def grid_of(source: SpecText, settings: Settings, over: Sequence[str]) -> tuple[GridSetting, ...]:
    """Check and plan every setting, before anything is rendered.

    Args:
        settings: what changes the spec for all of them.

    Raises:
        UsageError: a setting cannot be used; the message names it. Or there are too many, or two are the same.
        ModelError: a model cannot be found.
    """
    lists = values_of(over)
    combinations = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    if len(combinations) > MOST:
        raise UsageError(f"{len(combinations)} settings; at most {MOST} are compared", argument="over")
    grid = tuple(GridSetting(values, _planned(source, settings, values)) for values in combinations)
    known: dict[str, str] = {}
    for one in grid:
        meaning = json.dumps(one.plan.spec.canonical())
        if meaning in known:
            raise UsageError(f"{known[meaning]} and {one.name} are the same setting", argument="over")
        known[meaning] = one.name
    return grid


def _planned(source: SpecText, settings: Settings, values: Mapping[str, str]) -> Plan:
    overrides = [*settings.overrides, *(f"{key}={value}" for key, value in values.items())]
    try:
        planned = plan_of_own_spec(checked_spec(source, replace(settings, overrides=overrides), models=True))
        wiring.check_keys(planned)
    except SynthgenError as error:
        if error.exit_code != UsageError.exit_code:
            raise  # the hub is away, or the like
        parts = [each.message for each in error.problems] if isinstance(error, SpecError) else [error.message]
        raise UsageError(f"with {named(values)}: {'; '.join(parts)}", argument="over", hint=error.hint) from error
    return planned
