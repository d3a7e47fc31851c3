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
        hint = self._hint
        if not callable(factory):
            raise UsageError(f"the generator {plugin} is not usable: it is not a class or a function", hint=hint)
        try:
            made = cast("Callable[..., object]", factory)(model, device=device, largest_batch=largest_batch)
        except UsageError:
            raise
        except (Exception, SystemExit) as error:  # somebody else's code: anything may come
            raise UsageError(f"the generator {plugin} cannot be made: {cause_of(error)}", hint=hint) from error
        if missing := [name for name in _METHODS if not callable(getattr(made, name, None))]:
            raise UsageError(f"the generator {plugin} is not usable: it has no {missing[0]!r}", hint=hint)
        self._inner = cast("_PluggedIn", made)

    @property
    def _hint(self) -> str:
        return f"Report this to the authors of {self._plugin.distribution}."

    def _wrong(self, expected: str) -> ModelError:
        return ModelError(f"the generator {self._plugin} must {expected}", hint=self._hint)

    @property
    def batch_size(self) -> int:
        """How many images it makes at once: at most the plan's window.

        Raises:
            ModelError: it is not an integer of at least 1.
        """
        size: object = self._inner.batch_size if hasattr(self._inner, "batch_size") else None
        if type(size) is not int or size < 1:
            raise self._wrong(f"have a `batch_size` of at least 1, found {size!r:.80}")
        return min(size, self._largest_batch)

    @property
    def overlaps(self) -> bool | None:
        """Whether its next batch may be rendered while the last one is judged; None if it does not say."""
        own: object = getattr(self._inner, "overlaps", None)
        return own if isinstance(own, bool) else None

    def setup(self) -> None:
        self._inner.setup()

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch, and check that each candidate got an image or a failure.

        Raises:
            ModelError: it did not, or the images are not uint8 [3, height, width] of one size.
        """
        rendered: object = self._inner.render(candidates)
        if problem := _problem(rendered, candidates):
            raise self._wrong(problem)
        return cast("list[Rendered]", rendered)

    def provenance(self) -> Mapping[str, str]:
        """Say what made the images: its own facts, the model's id and the package's release.

        Raises:
            ModelError: a fact is not a text.
        """
        facts: object = self._inner.provenance()
        if not isinstance(facts, Mapping) or not all(isinstance(text, str) for pair in facts.items() for text in pair):
            raise self._wrong(f"give a `provenance` that maps texts to texts, found {facts!r:.80}")
        return {**facts, "model": self._model.id, "plugin": self._plugin.release}


def _problem(rendered: object, candidates: Sequence[Candidate]) -> str | None:
    """Say what a batch should have been and is not."""
    import torch

    from synthgen.records import Failure, Rendered

    if not isinstance(rendered, list) or not all(isinstance(one, Rendered) for one in rendered):
        return f"give a list of Rendered, found {type(rendered).__name__}"
    whole = [one.candidate for one in rendered] == list(candidates)
    if not whole or any((one.image is None) == (one.failure is None) for one in rendered):
        return "give one image or one failure for each candidate, in their order"
    if strange := [one.failure for one in rendered if not isinstance(one.failure, Failure | None)]:
        return f"give a Failure where it has no image, found {type(strange[0]).__name__}"

    shapes = set()
    for image in (one.image for one in rendered if one.image is not None):
        if not isinstance(image, torch.Tensor):
            return f"give images that are torch tensors, found {type(image).__name__}"
        if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] != 3 or not image.numel():
            return f"give images that are uint8 [3, height, width], found {image.dtype} {list(image.shape)}"
        shapes.add(tuple(image.shape))
    return f"give images of one size, found {sorted(shapes)}" if len(shapes) > 1 else None
