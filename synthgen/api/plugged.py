"""The plug-ins that a spec names: found, checked, compared with the plan, and made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.planning import Plan
from synthgen.plugins import GENERATORS, MEASURES, Plugin, noun, plugin
from synthgen.spec import OWN_SCORES, PLUGIN, Spec, Violation, fixed
from synthgen.spec.place import KEY

if TYPE_CHECKING:
    from synthgen.generating.plugged import PluggedGenerator
    from synthgen.judging.plugged import PluggedMeasure


def check(spec: Spec) -> Iterator[tuple[Violation, str]]:
    """Find plug-ins that are not installed or cannot be imported, and arguments that a measure does not take.

    Yields:
        Each finding, with a hint.
    """
    from synthgen.judging.plugged import problems

    try:
        generator_of(spec)
    except UsageError as error:
        yield Violation(("model", "id"), error.message), error.hint or ""

    for name, limits in spec.filters.measures.items():
        path = ("filters", "measures", name)
        try:
            for argument, problem in problems(plugin(MEASURES, name, OWN_SCORES), limits.arguments):
                place = (*path, KEY) if argument is None else (*path, argument, KEY)
                yield Violation(place, problem), ""
        except UsageError as error:
            yield Violation((*path, KEY), error.message), error.hint or ""


def names_generator(spec: Spec) -> bool:
    """Tell whether the spec's model is a plug-in, installed or not."""
    return spec.model.id.startswith(PLUGIN)


def generator_of(spec: Spec) -> Plugin | None:
    """Return the plug-in that a spec names as its model; None if it names another kind of model.

    Raises:
        UsageError: it is not installed.
    """
    if not names_generator(spec):
        return None
    return plugin(GENERATORS, spec.model.id.removeprefix(PLUGIN).partition("/")[0])


def revision(generator: Plugin) -> str:
    """Say for a plan which version of a generator makes its images."""
    return f"{PLUGIN}{generator.release}"


def releases(spec: Spec) -> dict[str, str]:
    """Say for a plan which versions of plug-ins decide what is accepted.

    Raises:
        UsageError: one is not installed.
    """
    return {f"measures.{name}": plugin(MEASURES, name, OWN_SCORES).release for name in spec.filters.measures}


def generator(planned: Plan, device: str) -> PluggedGenerator:
    """Make the generator of a plan whose model is a plug-in.

    Raises:
        UsageError: it is missing, of another version than planned, or not usable.
    """
    from synthgen.generating.plugged import PluggedGenerator

    model = planned.spec.model
    name = model.id.removeprefix(PLUGIN).partition("/")[0]
    found = _planned(GENERATORS, name, planned.revisions.generator.removeprefix(PLUGIN))
    return PluggedGenerator(found, fixed(model), device, planned.window)


def measures(planned: Plan) -> tuple[PluggedMeasure, ...]:
    """Make the measures of plug-ins that a plan names.

    Raises:
        UsageError: one is missing, of another version than planned, or not usable.
    """
    if not planned.spec.filters.measures:
        return ()
    from synthgen.judging.plugged import load_measure

    return tuple(
        load_measure(_planned(MEASURES, name, planned.revisions.plugins.get(f"measures.{name}")), limits.arguments)
        for name, limits in planned.spec.filters.measures.items()
    )


def _planned(group: str, name: str, release: str | None) -> Plugin:
    """Find a plug-in, and compare its version with the plan's."""
    there = release or "a package that the plan does not name"
    hint = f"Install {there}, or start a new run in another `location`."
    try:
        found = plugin(group, name, OWN_SCORES if group == MEASURES else ())
    except UsageError as error:
        raise UsageError(f"{error.message}, and the run was planned with {there}", hint=hint) from None
    if found.release != release:
        what = f"the {noun(group)} {name!r} is of {found.release} here, and the run was planned with {there}"
        raise UsageError(what, hint=hint)
    return found
