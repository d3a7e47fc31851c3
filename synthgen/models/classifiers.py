"""Networks of timm that classify images: their names, and where their pretrained weights are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import ModelError, UsageError
from synthgen.models.door import ModelKind, download_files, open_model
from synthgen.models.source import cached_file, hub_failure, locate

if TYPE_CHECKING:
    from torch import nn

_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network that timm knows.

    Attributes:
        side: of the square images that it was made for.
        fixed: whether it takes images of one size, which is chosen when it is made.
        mean, std: of each channel, by which images are scaled.
        hub_id: where its pretrained weights are; None if there are none.
        weights: the file of pretrained weights; None if it learns from scratch.
        commit: of these weights.
    """

    name: str
    side: int
    fixed: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    hub_id: str | None
    weights: Path | None = None
    commit: str | None = None

    def open(self, classes: int, side: int) -> nn.Module:
        """Make the network for so many classes and images of that side. Random weights come from torch's own state."""
        return open_model(  # type: ignore[return-value] # that is what timm makes
            ModelKind.CLASSIFIER,
            self.name,
            num_classes=classes,
            img_size=side if self.fixed else None,
            weights=self.weights,
        )


def find_classifier(name: str, *, pretrained: bool, allow_remote: bool) -> Classifier:
    """Find a network by its name in timm.

    Args:
        pretrained: find its weights, too.
        allow_remote: download them from the hub where the cache lacks them.

    Raises:
        UsageError: timm knows no such network, or has no weights for it, or they may not be downloaded.
        ModelError: they cannot be downloaded.
    """
    import timm

    known = timm.list_models(include_tags=True)
    known += [each for each in timm.list_models() if each not in set(known)]
    if name not in known:
        close = get_close_matches(name, known, n=3)
        meant = f"Did you mean {' or '.join(map(repr, close))}?" if close else "`timm.list_models()` lists all."
        raise UsageError(f"timm knows no network {name!r}", argument="learner", hint=meant)
    settings = timm.get_pretrained_cfg(name)
    assert settings is not None, "timm lists it"
    side, fixed = max(settings.input_size[1:]), bool(settings.fixed_input_size)
    found = Classifier(name, side, fixed, settings.mean, settings.std, settings.hf_hub_id)
    return _with_weights(found, allow_remote=allow_remote) if pretrained else found


def _with_weights(found: Classifier, *, allow_remote: bool) -> Classifier:
    if found.hub_id is None:
        hint = f"Train it from scratch: timm:{found.name}."
        raise UsageError(f"timm has no pretrained weights of {found.name!r}", argument="learner", hint=hint)
    file = cached_file(found.hub_id, _WEIGHTS)
    if file is None:
        if not allow_remote:
            what = f"the weights of {found.name!r}, {found.hub_id} on the hub, are not in the local cache"
            hint = f"Add `allow_remote` to download them, or run `hf download {found.hub_id} {_WEIGHTS}`."
            raise UsageError(what, argument="learner", hint=hint)
        file = _downloaded(found.hub_id)
    return replace(found, weights=file, commit=file.parent.name)


def _downloaded(hub_id: str) -> Path:
    source = locate(hub_id, marks=(_WEIGHTS,))
    try:
        file = download_files(hub_id, source.revision, [_WEIGHTS]) / _WEIGHTS
    except (OSError, RuntimeError, ValueError) as error:
        what = f"the weights {hub_id} cannot be downloaded ({type(error).__name__})"
        raise hub_failure(error)(what, argument="learner", hint="Try again later, or train from scratch.") from error
    if not file.is_file():
        raise ModelError(f"{hub_id} has no {_WEIGHTS}", argument="learner", hint="Choose another network.")
    return file
