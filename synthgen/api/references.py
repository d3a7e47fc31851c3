"""The references of a spec: where their models and pictures are, whether they can act, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from synthgen.bounded import near_name, read_bounded
from synthgen.errors import UsageError
from synthgen.files import expanded
from synthgen.spec import ComponentSpec, Spec

if TYPE_CHECKING:
    from PIL import Image

    from synthgen.families import PipelineCall
    from synthgen.models import ModelSource

_HINT = "Put the same picture there, or start a new run in another `location`."


def reference_models(spec: Spec) -> dict[str, ComponentSpec]:
    """Return where the IP-Adapters of a spec and their image encoders are, by the names that they go by."""
    found = dict[str, ComponentSpec]()
    for index, reference in enumerate(spec.reference):
        found |= reference.components(f"reference.{index}")
    return found


def check_references(spec: Spec, call: PipelineCall, source: ModelSource) -> None:
    """Refuse references that cannot act. No weights are read.

    Raises:
        UsageError: one cannot act; every one is named.
    """
    from synthgen.families.reference import reference_problems

    if not spec.reference:
        return
    if problems := [f"{key}: {why}" for key, why in reference_problems(call, spec.model, spec.reference, source)]:
        hint = "Remove what the model does not take, or choose an IP-Adapter that was made for it."
        raise UsageError("\n".join(problems), hint=hint)


def picture_revisions(spec: Spec) -> dict[str, str]:
    """Read the files of pictures that a spec names, and return the digest of each, by the name that it goes by.

    Raises:
        UsageError: one cannot be read.
    """
    return {name: digest for name, (digest, _) in _pictures(spec).items()}


def reference_pictures(spec: Spec, pinned: Mapping[str, str]) -> dict[int, Image.Image]:
    """Open the pictures that all images are shown, by the places of their references.

    Args:
        pinned: the revisions of a plan.

    Raises:
        UsageError: one cannot be read, or has changed since the run was planned.
    """
    found = dict[int, "Image.Image"]()
    for name, (digest, picture) in _pictures(spec).items():
        if pinned.get(name) != digest:
            raise UsageError(f"{name}: the picture has changed since the run was planned", hint=_HINT)
        found[int(name.split(".")[1])] = picture
    return found


def _pictures(spec: Spec) -> dict[str, tuple[str, Image.Image]]:
    named = {f"reference.{index}.image": one.path for index, one in enumerate(spec.reference)}
    return {name: _opened(name, path) for name, path in named.items() if path is not None}


def _opened(name: str, path: str) -> tuple[str, Image.Image]:
    """Return the digest of a picture's file, and the picture, RGB and upright."""
    from synthgen.images import LeftOut, decode
    from synthgen.sets.source_objects import MOST_PIXELS

    file = expanded(path)
    try:
        data = read_bounded(file)
    except FileNotFoundError:
        near = near_name(file.name, [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else [])
        hint = f"Did you mean {near}?" if near else "A path in a spec is relative to its file."
        raise UsageError(f"{name}: there is no file {path}", hint=hint) from None
    except OSError as error:
        raise UsageError(f"{name}: {path} cannot be read: {error.strerror}", hint="Name a picture's file.") from error
    picture = decode(data, most_pixels=MOST_PIXELS)
    if isinstance(picture, LeftOut):
        why = f"{picture.reason}: {picture.detail}" if picture.detail else picture.reason
        raise UsageError(f"{name}: {path} is among those {why}", hint="Name another picture, or save it again.")
    return f"sha256:{sha256(data).hexdigest()}", picture.image
