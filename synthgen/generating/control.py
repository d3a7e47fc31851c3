"""What leads the layout of images: control models in a pipeline, and the pictures that they are shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import diffusers
import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor, nn

from synthgen.conditioning import canny
from synthgen.errors import ModelError
from synthgen.families import ControlRoles, PipelineCall
from synthgen.generating.given import LaidOut
from synthgen.generating.loading_errors import loading_errors
from synthgen.models.door import ModelKind, open_model
from synthgen.models.source import ModelSource
from synthgen.spec import ControlSpec


def open_controls(source: ModelSource, row: ControlRoles, dtype: torch.dtype) -> dict[str, nn.Module]:
    """Open the models that lead a pipeline, as the part of it that they are; none if it is led without.

    Raises:
        ModelError: weights cannot be loaded, or the models cannot act together.
        DeviceError: memory ran out.
    """
    if row.kind is None:
        return {}
    found: list[nn.Module] = []
    for part in source.controls:
        what, place = f"{part.name}.model ({part.location})", part.here
        if place is None:
            raise ModelError(f"{what} is not here", hint="Check its id, and download it.")
        with loading_errors(what):
            opened = open_model(ModelKind.PART, place, part=("diffusers", row.kind), dtype=dtype)
        assert isinstance(opened, nn.Module)
        found.append(opened)
    if len(found) == 1:
        return {row.part: found[0]}
    assert row.several is not None, "families have found it"
    with loading_errors("control"):
        return {row.part: getattr(diffusers, row.several)(found)}


class Control:
    """The controls of a spec: what they add to each call.

    Args:
        call: how the pipeline is called, and led, if it is.
        controls: those of the spec.
    """

    def __init__(self, call: PipelineCall, controls: Sequence[ControlSpec], source: ModelSource) -> None:
        row, self._controls, self._source = call.control, controls, source
        self._row, self._enlarges = row, call.task.name == "outpaint"
        self._channels = [_channels(row, source, index) for index in range(len(controls))] if row else []

    def given(self, laid_out: Sequence[LaidOut]) -> dict[str, object]:
        """Return the arguments that hand a call the pictures of a batch, the weights and the intervals."""
        row, batches = self._row, []
        if row is None:
            return {}

        for control, channels in zip(self._controls, self._channels, strict=True):
            if row.fills:  # the call has them as its own
                continue
            batch = torch.stack([self._shown(one, control, channels) for one in laid_out])
            batches.append(batch * 2 - 1 if row.signed else batch)
        alone = len(self._controls) == 1 and not row.listed

        def as_taken(values: list[object]) -> object:
            return values[0] if alone else values

        arguments: dict[str, object] = {row.picture: as_taken([*batches])} if batches else {}
        if row.weight is not None:
            weights: list[object] = [control.weight for control in self._controls]
            arguments[row.weight] = as_taken(weights)
        for place, name in enumerate(row.interval):
            arguments[name] = as_taken([(control.interval or (0.0, 1.0))[place] for control in self._controls])
        if row.mode is not None and (not alone or any(control.mode is not None for control in self._controls)):
            arguments[row.mode] = as_taken([control.mode for control in self._controls])
        return arguments

    def _shown(self, laid_out: LaidOut, control: ControlSpec, channels: int) -> Tensor:
        """Return the picture that leads an image, in 0..1; what is left out of it is -1, as ControlNets learned it."""
        if control.column is not None:
            return _tensor(laid_out.columns[control.column], channels)
        region = None if laid_out.region is None else torch.from_numpy(laid_out.region)
        if control.preprocessor == "masked":
            assert region is not None, "the task has a region"
            return _tensor(laid_out.image, channels).masked_fill(region, -1.0)
        lines = _tensor(canny(laid_out.image, *control.canny), channels)
        return lines.masked_fill(region, 0.0) if self._enlarges and region is not None else lines

    @contextmanager
    def acting(self, pipeline: DiffusionPipeline) -> Iterator[None]:
        """Keep a call reproducible: a picture's latent is its mean, where the pipeline would add unseeded noise."""
        if self._row is None or not self._row.unseeded:
            yield
            return
        vae = pipeline.vae
        vae.encode = _at_the_mean(vae.encode)
        try:
            yield
        finally:
            del vae.encode

    def provenance(self) -> dict[str, str]:
        """Return what the records of a run say of each control."""
        pinned = {part.name: part.revision for part in self._source.controls}
        named = ((f"control.{index}", control) for index, control in enumerate(self._controls))
        return {name: control.described(pinned.get(name, "")) for name, control in named}


def _at_the_mean(encode: Callable[..., object]) -> Callable[..., object]:
    def encoded(*args: object, **options: object) -> object:
        output = encode(*args, **options)
        found = output.latent_dist  # type: ignore[attr-defined] # these decoders have it
        found.std = found.var = torch.zeros_like(found.mean)
        return output

    return encoded


def _channels(row: ControlRoles, source: ModelSource, index: int) -> int:
    """Return how many channels a control's picture has: T2I-Adapters of outlines take one."""
    config: Mapping[str, object] = source.read_json(f"control.{index}/config.json") if row.kind else {}
    own = config.get("in_channels" if row.kind == "T2IAdapter" else "conditioning_channels")
    return own if isinstance(own, int) else 3


def _tensor(picture: Image.Image, channels: int) -> Tensor:
    """Return a picture as float [channels, height, width] in 0..1."""
    pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.float32) / 255
    return torch.from_numpy(pixels).reshape(*pixels.shape[:2], -1).permute(2, 0, 1).contiguous()
