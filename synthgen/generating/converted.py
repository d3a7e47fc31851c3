"""The part of a pipeline that denoises, computed by OpenVINO on a CPU: converted once for each shape of its inputs."""

import functools
import hashlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import numpy as np
import torch
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from numpy.typing import NDArray
from torch import Tensor, nn

from synthgen.errors import ModelError, StorageError, first_line
from synthgen.files import write_file
from synthgen.generating.calls import OnlyTensors, leaves_of, most_parts, part_of, tensors_of, with_each
from synthgen.models.device import device_error
from synthgen.models.user_cache import user_cache

KEPT = 8
"""How many converted models are kept: those that were used last."""
LARGEST = 4 << 30
"""Bytes of weights beyond which a converted model is not kept."""
_FURTHEST = 1e-3
"""How far a converted model may be from torch's own, as a share of the largest output."""
_TIMES = ("timestep", "timesteps")
_CONSTANTS = (str, int, float, bool, type(None))
_NOTHING = object()


class _Output(Protocol):
    data: NDArray[np.float32]


class _Request(Protocol):
    def start_async(self, inputs: Sequence[object], *, share_inputs: bool) -> None: ...
    def wait(self) -> None: ...
    def get_output_tensor(self, index: int) -> _Output: ...


class _Compiled(Protocol):
    outputs: Sequence[object]

    def create_infer_request(self) -> _Request: ...
    def export_model(self, stream: BytesIO) -> None: ...


class _Core(Protocol):
    def compile_model(self, model: object, device: str, config: dict[str, object]) -> _Compiled: ...
    def import_model(self, stream: bytes, device: str, config: dict[str, object]) -> _Compiled: ...
    def get_property(self, device: str, name: str) -> object: ...


class _Model(Protocol):
    inputs: Sequence[object]


class _Library(Protocol):
    def Core(self) -> _Core: ...  # noqa: N802 - its name
    def convert_model(self, model: object, example_input: object, input: object) -> _Model: ...


def convert(backbone: nn.Module, failed: Callable[[str], None] | None = None) -> None:
    """Let OpenVINO compute what a model of diffusers computes, from its next call on, in float32.

    Each other shape of inputs is converted when it comes. What was converted is kept in the user's cache.

    Args:
        failed: gets the reason if it cannot be converted, and torch computes it. Without it, that is a `ModelError`.
    """
    converted, before = _Converted(backbone), backbone.forward
    is_unfit = False

    @functools.wraps(before)  # pipelines look at its arguments
    def called(*args: object, **more: object) -> object:
        nonlocal is_unfit
        if not is_unfit:
            try:
                return converted.call(args, more)
            except ModelError as error:
                if failed is None:
                    raise
                is_unfit = True
                failed(error.message)
        return before(*args, **more)

    backbone.forward = called


class _Converted:
    def __init__(self, backbone: nn.Module) -> None:
        self._backbone, self._forward = backbone, backbone.forward
        self._signature = inspect.signature(backbone.forward)
        self._known: dict[str, _Parts] = {}

    def call(self, args: tuple[object, ...], more: dict[str, object]) -> object:
        given = dict(self._signature.bind(*args, **more).arguments)
        as_tuple = given.pop("return_dict", True) is False
        given |= {name: torch.tensor(given[name]) for name in _TIMES if isinstance(given.get(name), int | float)}
        key = repr(with_each(given, lambda leaf: (leaf.shape, leaf.dtype) if isinstance(leaf, Tensor) else leaf))
        if key in self._known:
            outputs = self._known[key].run(given)
        else:
            self._known[key], outputs = self._begun(given)
        return outputs if as_tuple else Transformer2DModelOutput(sample=outputs[0])

    def _begun(self, given: dict[str, object]) -> tuple["_Parts", tuple[Tensor, ...]]:
        """Return what computes inputs of this shape, and its first outputs, which are those of torch.

        Parts of a batch are computed side by side, each by a share of the threads. A model that cannot be divided, or
        then computes something else, is computed as a whole.

        Raises:
            ModelError: it cannot be converted.
            DeviceError: memory ran out.
        """
        with self._naming():
            expected = OnlyTensors(self._forward, given)(*tensors_of(given))
        for count in dict.fromkeys((most_parts(given), 1)):
            try:
                parts = _Parts(count, self._opened(part_of(given, count, 0), count))
                with self._naming():
                    outputs = parts.run(given)
                    if not _agree(outputs, expected):
                        raise ValueError("it computes something else")
            except ModelError:
                if count == 1:
                    raise
            else:
                return parts, outputs
        raise AssertionError("one part is tried last")

    def _opened(self, given: dict[str, object], count: int) -> _Compiled:
        """Take the model for inputs of this shape from the cache, or convert it.

        Args:
            count: how many are computed side by side.

        Raises:
            ModelError: it cannot be converted.
            DeviceError: memory ran out.
        """
        with self._naming():
            core, config = _core(), _config(count)
            place = self._place(core, given, count)
            if place is not None and (kept := _kept(core, place, config)) is not None:
                return kept
            compiled = core.compile_model(self._converted(given), "CPU", config)
        if place is not None:
            _keep(place, compiled)
        return compiled

    def _converted(self, given: dict[str, object]) -> object:
        """Convert it for tensors of these shapes alone."""
        strange = (leaf for leaf in leaves_of(given) if not isinstance(leaf, (Tensor, *_CONSTANTS)))
        if (one := next(strange, None)) is not None:
            raise TypeError(f"it is given a {type(one).__name__}")
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it will be right for these shapes alone
            example = tuple(each.clone() for each in tensors_of(given))
            traced = torch.jit.trace(OnlyTensors(self._forward, given, self._backbone), example, check_trace=False)
            shapes = [list(each.shape) for each in example]
            model = _library().convert_model(traced, example_input=example, input=shapes)
        if len(model.inputs) != len(example):
            raise ValueError("it does not use all that it is given")
        return model

    @contextmanager
    def _naming(self) -> Iterator[None]:
        kind = type(self._backbone).__name__
        try:
            yield
        except Exception as error:  # OpenVINO raises whatever a strange model leads it to
            unfit = ModelError(
                f"model.compile: OpenVINO cannot convert {kind}: {first_line(error)}", hint="Set model.compile: off."
            )
            raise device_error(error, f"converting {kind}") or unfit from error

    def _place(self, core: _Core, given: dict[str, object], count: int) -> Path | None:
        """Return where the converted model is kept: by all that it depends on. None if it is not kept."""
        folder, state = user_cache("openvino"), self._backbone.state_dict()
        if folder is None or sum(each.numel() * each.element_size() for each in state.values()) > LARGEST:
            return None
        processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        versions = [version(name) for name in ("openvino", "torch", "diffusers")]
        config = getattr(self._backbone, "config", None)
        shapes = with_each(given, lambda leaf: (leaf.shape, leaf.dtype) if isinstance(leaf, Tensor) else leaf)
        name = type(self._backbone).__name__
        digest = hashlib.sha256(repr((name, config, shapes, count, processor, versions)).encode())
        for name, tensor in sorted(state.items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().contiguous().numpy())
        return folder / f"{digest.hexdigest()}.blob"


class _Parts:
    """A converted model that computes a batch in so many parts at once."""

    def __init__(self, count: int, compiled: _Compiled) -> None:
        self._count = count
        self._requests = [compiled.create_infer_request() for _ in range(count)]
        self._outputs = range(len(compiled.outputs))

    def run(self, given: dict[str, object]) -> tuple[Tensor, ...]:
        """Compute a batch of the same shape as the first."""
        for place, request in enumerate(self._requests):
            part = tensors_of(part_of(given, self._count, place))
            request.start_async([each.numpy() for each in part], share_inputs=True)
        for request in self._requests:
            request.wait()
        found = ([each.get_output_tensor(index).data for each in self._requests] for index in self._outputs)
        return tuple(
            torch.from_numpy(np.concatenate(parts)) for parts in found
        )  # copied: the next call overwrites them


def _agree(outputs: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    return len(outputs) == len(expected) and all(
        one.shape == other.shape and float((one - other).abs().max()) <= _FURTHEST * float(other.abs().max())
        for one, other in zip(outputs, expected, strict=True)
    )


def _library() -> "_Library":
    """Import OpenVINO, without the package that tells its makers of its use."""
    reporter = "openvino_telemetry"
    before = sys.modules.get(reporter, _NOTHING)
    if before is _NOTHING:
        sys.modules[reporter] = cast("ModuleType", None)  # whoever imports it finds that it is not there
    try:
        import openvino
    finally:
        if before is _NOTHING:
            del sys.modules[reporter]
    return cast("_Library", openvino)


@functools.cache
def _core() -> _Core:
    """Return the one core of this process, which is never given up.

    Each sets the stack on which its thread handles signals, and gives back another when it goes. When several go in the
    wrong order, that stack is no more, and the next signal ends the process: a Ctrl-C, or a child's end.
    """
    return _library().Core()


def _config(count: int) -> dict[str, object]:
    """Return what computes as torch would, with as many threads, which the system may move where there is room.

    Args:
        count: how many calls are computed side by side, each by a share of the threads.
    """
    return {
        "INFERENCE_PRECISION_HINT": "f32",  # it would round to bfloat16 where the processor can
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": count,
        "ENABLE_CPU_PINNING": False,  # or several workers would share their cores
    }


def _kept(core: _Core, place: Path, config: dict[str, object]) -> _Compiled | None:
    """Open what was kept; None if there is nothing, or nothing that can be used."""
    try:
        data = place.read_bytes()
        os.utime(place)
        return core.import_model(data, "CPU", config)
    except (OSError, RuntimeError):
        return None


def _keep(place: Path, compiled: _Compiled) -> None:
    """Keep a converted model, and forget those that were used longest ago. Without room, nothing is kept."""
    stream = BytesIO()
    compiled.export_model(stream)
    with suppress(StorageError, OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_file(place, stream.getvalue())
        by_use = sorted(place.parent.glob("*.blob"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in by_use[KEPT:]:
            old.unlink(missing_ok=True)
