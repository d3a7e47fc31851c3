"""IP-Adapters in a pipeline, and the pictures that each image of a batch is to be like."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPImageProcessor, SiglipImageProcessor, SiglipVisionModel

from synthgen.errors import ModelError
from synthgen.families.reference import reference_of
from synthgen.generating.given import LaidOut
from synthgen.generating.loading_errors import check_set, loading_errors
from synthgen.models.door import ModelKind, open_model
from synthgen.models.door_adapters import open_ip_adapters
from synthgen.models.part_source import PartSource
from synthgen.models.source import ModelSource
from synthgen.spec import ReferenceSpec

_Embeds = list[Tensor] | Tensor
_NONE: Mapping[int, Image.Image] = MappingProxyType({})


def open_image_encoder(source: ModelSource, pipeline: str, dtype: torch.dtype) -> dict[str, nn.Module]:
    """Open what IP-Adapters look at pictures with, as the part of a pipeline that it is; nothing without references.

    Args:
        pipeline: its class.

    Raises:
        ModelError: weights cannot be loaded.
        DeviceError: memory ran out.
    """
    row = reference_of(pipeline)
    if not source.references or row is None:
        return {}
    part = next(part for part in source.references if part.name.endswith(".encoder"))
    with loading_errors(f"{part.name} ({part.location})"):
        opened = open_model(ModelKind.PART, _here(part), part=("transformers", row.encoder), dtype=dtype)
    assert isinstance(opened, nn.Module)
    return {"image_encoder": opened}


def add_ip_adapters(pipeline: DiffusionPipeline, source: ModelSource) -> None:
    """Put the IP-Adapters of a spec into a pipeline.

    Raises:
        UsageError: a file is hostile.
        ModelError: one does not fit.
        DeviceError: memory ran out.
    """
    files = [_here(part) for part in source.references if not part.name.endswith(".encoder")]
    if not files:
        return
    what = "reference"
    with loading_errors(what):
        open_ip_adapters(pipeline, files)
    for name, part in pipeline.components.items():
        if isinstance(part, nn.Module):
            check_set(what, name, part)


def _here(part: PartSource) -> Path:
    place = part.here
    if place is None or not place.exists():
        raise ModelError(f"{part.name}: {part} is not here", hint="Check its id, and download it.")
    return place


class References:
    """The references of a spec: what they add to each call.

    Args:
        references: those of the spec.
        pictures: those that all images are shown, by the places of their references.
    """

    def __init__(self, references: Sequence[ReferenceSpec] = (), pictures: Mapping[int, Image.Image] = _NONE) -> None:
        self._references, self._pictures = references, pictures
        self._known = dict[tuple[object, ...], _Embeds]()

    def __len__(self) -> int:
        return len(self._references)

    def set_up(self, pipeline: DiffusionPipeline) -> None:
        """Let each act as strongly as the spec says."""
        if not self._references:
            return
        weights = [one.weight for one in self._references]
        pipeline.set_ip_adapter_scale(weights if len(weights) > 1 else weights[0])
        side = pipeline.image_encoder.config.image_size
        self._row = reference_of(type(pipeline).__name__)
        self._black = [Image.new("RGB", (side, side))] * len(weights)
        # As diffusers makes them itself: those of a safety checker may be of another size.
        self._processor = (
            SiglipImageProcessor(size={"height": side, "width": side})
            if isinstance(pipeline.image_encoder, SiglipVisionModel)
            else CLIPImageProcessor(size=side, crop_size=side)
        )

    @contextmanager
    def acting(
        self, pipeline: DiffusionPipeline, count: int, laid_out: Sequence[LaidOut]
    ) -> Iterator[dict[str, object]]:
        """Hand a call the pictures of a batch: yield its arguments.

        diffusers shows all images of a batch the same pictures. Here each image has its own, which are encoded alone,
        by the pipeline's own method: no batch changes them.

        Args:
            count: of images.
            laid_out: the pictures that the images begin from, if they do.
        """
        if not self._references:
            yield {}
            return
        own: Callable[..., _Embeds] = pipeline.prepare_ip_adapter_image_embeds
        shown = [self._shown(laid_out[place] if laid_out else None) for place in range(count)]
        given = self._pixels(shown[0])

        def prepared(pictures: object, _: object, device: torch.device, _count: int, *guided: bool) -> _Embeds:
            if pictures is not given:  # of the negative prompt, which FLUX shows nothing
                return _joined([own(self._pixels(self._black), None, device, 1)] * count)
            if len(self._pictures) < len(self._references):
                return _joined([own(self._pixels(one), None, device, 1, *guided) for one in shown])
            if guided not in self._known:
                self._known[guided] = own(given, None, device, 1, *guided)
            return _joined([self._known[guided]] * count)

        pipeline.prepare_ip_adapter_image_embeds = prepared
        try:
            yield {"ip_adapter_image": given}
        finally:
            del pipeline.prepare_ip_adapter_image_embeds

    def provenance(self, source: ModelSource) -> dict[str, str]:
        """Return what the records of a run say of each reference."""
        pinned = {part.name: part.revision for part in source.references}
        named = ((f"reference.{index}", one) for index, one in enumerate(self._references))
        return {name: one.described(pinned.get(name, "")) for name, one in named}

    def _shown(self, laid_out: LaidOut | None) -> list[Image.Image]:
        """Return the pictures that an image is shown, one for each reference."""
        found = []
        for index, one in enumerate(self._references):
            if index in self._pictures:
                found.append(self._pictures[index])
                continue
            assert laid_out is not None, "the spec has a source"
            found.append(laid_out.begun.image if one.column is None else laid_out.begun.references[one.column])
        return found

    def _pixels(self, pictures: Sequence[Image.Image]) -> list[Tensor] | Tensor:
        """Return pictures as the image encoder sees them, each [1, 3, height, width]."""
        made: list[Tensor] = [self._processor(one, return_tensors="pt").pixel_values for one in pictures]
        return made if self._row is None or self._row.several else made[0]


def _joined(each: Sequence[_Embeds]) -> _Embeds:
    """Join what images of a batch are shown: of each, [predictions, ...] for a prompt and for none."""
    if isinstance(each[0], Tensor):
        return torch.stack([one for one in each if isinstance(one, Tensor)], 1).flatten(0, 1)
    return [torch.stack(of_one, 1).flatten(0, 1) for of_one in zip(*each, strict=True)]
