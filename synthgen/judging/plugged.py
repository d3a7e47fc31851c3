"""Measures of installed plug-ins. Importing this file imports neither torch nor a plug-in."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from synthgen.errors import BUGS, ModelError, UsageError, cause_of
from synthgen.plugins import Plugin

if TYPE_CHECKING:
    from torch import Tensor

    from synthgen.judging.measure import ImageBatch, ImageMeasure, JudgeEncoder

_LIMITS = ("min", "max")


@dataclass(frozen=True, slots=True)
class PluggedMeasure:
    """A measure of a plug-in. Its errors name the plug-in and the package.

    Attributes:
        arguments: what the spec gives it.
        names: the names of its scores, as they were when it was made.
    """

    plugin: Plugin
    arguments: Mapping[str, object]
    inner: ImageMeasure
    names: tuple[str, ...]

    @property
    def provenance(self) -> str:
        """The package with its version, and the measure's arguments."""
        arguments = json.dumps(dict(self.arguments), ensure_ascii=False, sort_keys=True)
        return f"{self.plugin.release} {arguments}" if self.arguments else self.plugin.release

    def setup(self, encoder: JudgeEncoder) -> None:
        """Set up the measure, as `ImageMeasure.setup`.

        Raises:
            DeviceError: the device broke, or its memory ran out.
        """
        with self._named("in its setup"):
            self.inner.setup(encoder)

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        """Measure a batch of n images.

        Returns:
            The scores by name, float32 [n]. NaN means "not measurable"; no score is infinite.

        Raises:
            ModelError: the plug-in does not return exactly one such score for each of its names and each image.
            DeviceError: the device broke, or its memory ran out.
        """
        with self._named("while it measured"):
            columns = self.inner.measure(batch)

        if not isinstance(columns, Mapping):
            raise self._broken(f"it returned {type(columns).__name__}")
        if columns.keys() != set(self.names):
            raise self._broken(f"it returned {sorted(map(str, columns))}")
        return {name: self._column(name, columns[name], len(batch.candidates)) for name in self.names}

    def _column(self, name: str, column: object, count: int) -> Tensor:
        """Check the scores of one name, and convert them to float32."""
        import numpy as np
        import torch

        if not isinstance(column, torch.Tensor | np.ndarray):
            raise self._broken(f"{name!r} is {type(column).__name__}")
        try:
            tensor = torch.as_tensor(column)
        except TypeError:
            raise self._broken(f"{name!r} is an array of {column.dtype}") from None
        if tensor.is_complex():
            raise self._broken(f"{name!r} is a tensor of {tensor.dtype}")
        if tensor.shape != (count,):
            raise self._broken(f"{name!r} has the shape {tuple(tensor.shape)}")

        scores = tensor.to(torch.float32)
        if scores.isinf().any():
            raise self._broken(f"{name!r} contains infinity, or a number too large for float32")
        return scores

    def _broken(self, found: str) -> ModelError:
        expected = f"must give {list(self.names)} for each image, as tensors of finite numbers or NaN of shape (n,)"
        return ModelError(f"the measure {self.plugin} {expected}; {found}", hint=self.plugin.report)

    def _named(self, when: str) -> AbstractContextManager[None]:
        """Name the plug-in in whatever is raised in the block."""
        from synthgen.models.device import errors_of_plugin

        return errors_of_plugin(f"the measure {self.plugin}", when, self._failed)

    def _failed(self, error: BaseException, how: str) -> Exception:
        """Keep the kind of an error that will occur again: a run tries a shard again after any other one."""
        kind = type(error) if isinstance(error, Exception) and type(error) in BUGS else RuntimeError
        return kind(f"the measure {self.plugin} {how}")


def problems(plugin: Plugin, arguments: Mapping[str, object]) -> Iterator[tuple[str | None, str]]:
    """Find what is wrong with the arguments that a spec gives a measure. Imports the plug-in.

    If the plug-in does not say which arguments it takes, as some built-in functions, nothing is found.

    Yields:
        The argument, or None if it is missing; and what is wrong, for people.

    Raises:
        UsageError: the plug-in cannot be imported.
    """
    try:
        parameters = inspect.signature(_factory(plugin)).parameters.values()
    except (TypeError, ValueError):
        return

    by_name = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    known = [each.name for each in by_name if each.name not in _LIMITS]
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        for name in arguments:
            if name not in known:
                takes = ", ".join([*_LIMITS, *known])
                yield name, f"the measure {plugin} takes no {name!r}; expected one of {takes}"

    for each in parameters:
        if each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        if each.name not in known:
            yield None, f"the measure {plugin} is not usable: a spec cannot give its argument {each.name!r}"
        elif each.name not in arguments:
            yield None, f"the measure {plugin} needs {each.name!r}"


def load_measure(plugin: Plugin, arguments: Mapping[str, object]) -> PluggedMeasure:
    """Import a plug-in, and make its measure with the spec's arguments.

    Raises:
        UsageError: it cannot be imported or made, or what it makes is not a measure.
    """
    try:
        made = _factory(plugin)(**arguments)
        given = getattr(made, "names", None)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come
        hint = f"Check the arguments that the spec gives it under filters.measures.{plugin.name}."
        raise UsageError(f"the measure {plugin} cannot be made: {cause_of(error)}", hint=hint) from error

    can_measure = all(callable(getattr(made, method, None)) for method in ("setup", "measure"))
    if not can_measure or (names := _names(given, plugin.name)) is None:
        raise UsageError(
            f"the measure {plugin} is not usable: expected `setup`, `measure` and `names`, of which the first is "
            f"{plugin.name!r} and the others begin with '{plugin.name}_', found {given!r}",
            hint=plugin.report,
        )
    return PluggedMeasure(plugin, arguments, cast("ImageMeasure", made), names)


def _names(given: object, first: str) -> tuple[str, ...] | None:
    """Return the names of a measure's scores; None if these cannot be its names."""
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) and name.isidentifier() for name in given):
        return None
    names = tuple(given)
    begin_alike = all(name.startswith(f"{first}_") for name in names[1:])
    return names if names[:1] == (first,) and begin_alike and len(set(names)) == len(names) else None


def _factory(plugin: Plugin) -> Callable[..., object]:
    factory = plugin.load()
    if not callable(factory):
        what = f"the measure {plugin} is not usable: expected a class or a function, found {type(factory).__name__}"
        raise UsageError(what, hint=plugin.report)
    return factory
