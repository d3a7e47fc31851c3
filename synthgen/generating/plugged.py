"""Generators of installed plug-ins. Importing this file imports neither torch nor a plug-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from synthgen.errors import ModelError, UsageError, cause_of
from synthgen.plugins import Plugin
from synthgen.spec import ModelSpec

if TYPE_CHECKING:
    from synthgen.records import Candidate, Rendered

_METHODS = ("setup", "render", "provenance")


class _PluggedIn(Protocol):
    """What a plug-in makes: a `Generator`, which is a protocol of another room."""

    @property
    def batch_size(self) -> int: ...

    def setup(self) -> None: ...

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]: ...

    def provenance(self) -> Mapping[str, str]: ...


class PluggedGenerator:
    """A `Generator` of a plug-in, whose mistakes are reported with its name.

    Args:
        model: the spec's section; `id` is `plugin:NAME` or `plugin:NAME/REST`.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
        largest_batch: the plan's window.

    Raises:
        UsageError: the plug-in cannot be imported, or what it makes is not a generator.
    """

    def __init__(self, plugin: Plugin, model: ModelSpec, device: str, largest_batch: int) -> None:
        self._plugin, self._model, self._largest_batch = plugin, model, largest_batch
        factory = plugin.load()
        hint = f"Report this to the authors of {plugin.distribution}."
        if not callable(factory):
            raise UsageError(f"the generator {plugin} is not usable: it is not a class or a function", hint=hint)
        try:
            made = cast("Callable[..., object]", factory)(model, device=device, largest_batch=largest_batch)
        except UsageError:
            raise
        except Exception as error:  # somebody else's code: anything may come
            raise UsageError(f"the generator {plugin} cannot be made: {cause_of(error)}", hint=hint) from error
        if missing := [name for name in _METHODS if not callable(getattr(made, name, None))]:
            raise UsageError(f"the generator {plugin} is not usable: it has no {missing[0]!r}", hint=hint)
        self._inner = cast("_PluggedIn", made)

    @property
    def batch_size(self) -> int:
        return min(self._inner.batch_size, self._largest_batch)

    def setup(self) -> None:
        self._inner.setup()

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch, and check that each candidate got an image or a failure.

        Raises:
            ModelError: it did not.
        """
        rendered = self._inner.render(candidates)
        whole = [one.candidate for one in rendered] == list(candidates)
        if not whole or any((one.image is None) == (one.failure is None) for one in rendered):
            raise ModelError(
                f"the generator {self._plugin} must give one image or one failure for each candidate, in their order",
                hint=f"Report this to the authors of {self._plugin.distribution}.",
            )
        return rendered

    def provenance(self) -> Mapping[str, str]:
        return {**self._inner.provenance(), "model": self._model.id, "plugin": self._plugin.release}
