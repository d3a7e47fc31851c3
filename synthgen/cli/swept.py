"""The comparison of a sweep on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from synthgen.cli.cells import aligned, shown
from synthgen.cli.units import counted

if TYPE_CHECKING:
    from synthgen.api.sweep_measures import SettingMeasures
    from synthgen.api.sweeping import Sweep

_HEADS = ("yield", "class", "CLIP", "distinct", "s/accepted")


def lines_of(found: Sweep) -> list[str]:
    """Show a line for each setting, and what the figures are."""
    return [*_table(found.settings), *_notes(found)]


def _table(settings: Sequence[SettingMeasures]) -> Iterator[str]:
    yield from aligned([("setting", *_HEADS), *((", ".join(_named(one)), *_figures(one)) for one in settings)])


def _named(one: SettingMeasures) -> Iterator[str]:
    yield from (f"{key.rpartition('.')[2]}={shown(str(value))}" for key, value in one.values.items())


def _figures(one: SettingMeasures) -> Iterator[str]:
    yield f"{one.yields.value:.0%} ({100 * one.yields.low:.0f}-{100 * one.yields.high:.0f})"
    for name, form in (("label", "{:.2f}"), ("clip", "{:.3f}")):
        yield form.format(one.fidelity[name][0]) if name in one.fidelity else "-"
    if one.distinct is None:
        yield "-"
    else:
        ends = one.distinct.pictures
        yield f"{one.distinct.value:.1f}" + (f" ({ends.low:.1f}-{ends.high:.1f})" if ends else "")
    yield f"{one.seconds_accepted.value:.2g}" if one.seconds_accepted else "none passed"


def _notes(found: Sweep) -> Iterator[str]:
    of = next((one.distinct.of for one in found.settings if one.distinct), None)
    yield ""
    if of is not None:
        yield f"distinct  pictures of a prompt, of {of}: 1 if another seed gives the same picture"
    yield "intervals of 95 %, over prompts; those of the other figures are on the page"
    each = f"{counted(found.prompts, 'prompt')} with {counted(found.seeds, 'seed')}"
    yield f"rendered  {counted(found.rendered, 'image')} now; each setting has {each}"
    yield f"table     {found.table}, {found.record}"
    yield f"look at   {found.page}"
