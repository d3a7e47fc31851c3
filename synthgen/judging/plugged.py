"""Measures of installed plug-ins. Importing this file imports neither torch nor a plug-in."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from synthgen.errors import ModelError, UsageError, cause_of
from synthgen.plugins import Plugin

if TYPE_CHECKING:
    from torch import Tensor

    from synthgen.judging.measure import ImageBatch, ImageMeasure, JudgeEncoder


@dataclass(frozen=True, slots=True)
class PluggedMeasure:
    """A measure of a plug-in, whose mistakes are reported with its name.

    Attributes:
        arguments: those that the spec gives it.
    """

    plugin: Plugin
    arguments: Mapping[str, object]
    inner: ImageMeasure

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.inner.names)

    @property
    def provenance(self) -> str:
        """Its distribution with its version, and its arguments."""
        arguments = json.dumps(dict(self.arguments), ensure_ascii=False, sort_keys=True)
        return f"{self.plugin.release} {arguments}" if self.arguments else self.plugin.release

    def setup(self, encoder: JudgeEncoder) -> None:
        self.inner.setup(encoder)

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        """ImageMeasure a batch, and check that the plug-in keeps its promises.

        Raises:
            ModelError: it gives other scores than it announced, or not one for each image.
        """
        columns = self.inner.measure(batch)
        wrong = [name for name in self.names if name not in columns or len(columns[name]) != len(batch.candidates)]
        if wrong or len(columns) != len(self.names):
            what = f"the measure {self.plugin} must give {list(self.names)} for each image, and gave {sorted(columns)}"
            raise ModelError(what, hint=f"Report this to the authors of {self.plugin.distribution}.")
        return columns


def problems(plugin: Plugin, arguments: Mapping[str, object]) -> Iterator[tuple[str | None, str]]:
    """Find what is wrong with the arguments that a spec gives a measure. Imports the plug-in.

    Yields:
        The argument, None for one that is missing; and what is wrong, for people.

    Raises:
        UsageError: the plug-in cannot be imported.
    """
    parameters = inspect.signature(_factory(plugin)).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    for name in arguments:
        if name not in parameters:
            known = ", ".join(["min", "max", *parameters])
            yield name, f"the measure {plugin} takes no {name!r}; expected one of {known}"
    for name, each in parameters.items():
        if each.default is inspect.Parameter.empty and name not in arguments:
            yield None, f"the measure {plugin} needs {name!r}"


def load_measure(plugin: Plugin, arguments: Mapping[str, object]) -> PluggedMeasure:
    """Import a plug-in, and make its measure with the spec's arguments.

    Raises:
        UsageError: it cannot be imported or made, or what it makes is not a measure.
    """
    try:
        made = _factory(plugin)(**arguments)
    except UsageError:
        raise
    except Exception as error:  # somebody else's code: anything may come
        hint = f"Check the arguments that the spec gives it under filters.measures.{plugin.name}."
        raise UsageError(f"the measure {plugin} cannot be made: {cause_of(error)}", hint=hint) from error

    names = getattr(made, "names", ())
    expected = plugin.name, f"{plugin.name}_"
    whole = all(callable(getattr(made, method, None)) for method in ("setup", "measure"))
    if not whole or not names or names[0] != expected[0] or not all(map(_begins(expected[1]), names[1:])):
        raise UsageError(
            f"the measure {plugin} is not usable: expected `setup`, `measure`, and `names` that are "
            f"{expected[0]!r} and then such as begin with {expected[1]!r}, found {names!r}",
            hint=f"Report this to the authors of {plugin.distribution}.",
        )
    return PluggedMeasure(plugin, arguments, cast("ImageMeasure", made))


def _begins(prefix: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefix)


def _factory(plugin: Plugin) -> Callable[..., object]:
    factory = plugin.load()
    if not callable(factory):
        what = f"the measure {plugin} is not usable: expected a class or a function, found {type(factory).__name__}"
        raise UsageError(what, hint=f"Report this to the authors of {plugin.distribution}.")
    return factory
