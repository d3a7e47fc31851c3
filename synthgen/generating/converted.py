"""The part of a pipeline that denoises, computed by OpenVINO on a CPU: converted once for each shape of its inputs."""

import functools
import hashlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import torch
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from torch import Tensor, nn

from synthgen.errors import ModelError, StorageError, first_line
from synthgen.files import write_file
from synthgen.models.device import device_error
from synthgen.models.user_cache import user_cache

KEPT = 8
"""How many converted models are kept: those that were used last."""
LARGEST = 4 << 30
"""Bytes of weights beyond which a converted model is not kept."""
_TIMES = ("timestep", "timesteps")
_CONSTANTS = (str, int, float, bool, type(None))
_NOTHING = object()


class _Compiled(Protocol):
    def __call__(self, inputs: Sequence[object], *, share_inputs: bool) -> object: ...
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
        self._known: dict[str, _Compiled] = {}

    def call(self, args: tuple[object, ...], more: dict[str, object]) -> object:
        given = dict(self._signature.bind(*args, **more).arguments)
        as_tuple = given.pop("return_dict", True) is False
        given |= {name: torch.tensor(given[name]) for name in _TIMES if isinstance(given.get(name), int | float)}
        tensors = [leaf.contiguous() for leaf in _leaves(given) if isinstance(leaf, Tensor)]
        key = repr(_with_each(given, lambda leaf: (leaf.shape, leaf.dtype) if isinstance(leaf, Tensor) else leaf))
        if key not in self._known:
            self._known[key] = self._opened(key, _Traced(self._backbone, self._forward, given), tensors)
        found = self._known[key]([each.numpy() for each in tensors], share_inputs=True)
        outputs = [torch.from_numpy(each) for each in cast("dict[object, object]", found).values()]
        return tuple(outputs) if as_tuple else Transformer2DModelOutput(sample=outputs[0])

    def _opened(self, key: str, traced: "_Traced", tensors: list[Tensor]) -> _Compiled:
        """Take the model for inputs of this shape from the cache, or convert it.

        Raises:
            ModelError: it cannot be converted.
            DeviceError: memory ran out.
        """
        kind = type(self._backbone).__name__
        try:
            core = _core()
            place = self._place(core, key)
            if place is not None and (kept := _kept(core, place)) is not None:
                return kept
            compiled = core.compile_model(traced.converted(tensors), "CPU", _config())
        except Exception as error:  # it raises whatever a strange model leads it to
            unfit = ModelError(
                f"model.compile: OpenVINO cannot convert {kind}: {first_line(error)}", hint="Set model.compile: off."
            )
            raise device_error(error, f"converting {kind}") or unfit from error
        if place is not None:
            _keep(place, compiled)
        return compiled

    def _place(self, core: _Core, key: str) -> Path | None:
        """Return where the converted model is kept: by all that it depends on. None if it is not kept."""
        folder, state = user_cache("openvino"), self._backbone.state_dict()
        if folder is None or sum(each.numel() * each.element_size() for each in state.values()) > LARGEST:
            return None
        processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        versions = [version(name) for name in ("openvino", "torch", "diffusers")]
        config = getattr(self._backbone, "config", None)
        digest = hashlib.sha256(repr((type(self._backbone).__name__, config, key, processor, versions)).encode())
        for name, tensor in sorted(state.items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().contiguous().numpy())
        return folder / f"{digest.hexdigest()}.blob"


class _Traced(nn.Module):
    """A model that is given nothing but tensors; its other arguments are those of one call."""

    def __init__(self, backbone: nn.Module, forward: Callable[..., object], given: dict[str, object]) -> None:
        super().__init__()
        self.backbone, self._of_backbone, self._given = backbone, forward, given

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Call it as in that call, with these tensors."""
        rest = iter(tensors)
        given = _with_each(self._given, lambda leaf: next(rest) if isinstance(leaf, Tensor) else leaf)
        outputs = self._of_backbone(**cast("dict[str, object]", given), return_dict=False)
        if not (isinstance(outputs, tuple) and all(isinstance(each, Tensor) for each in outputs)):
            raise TypeError("it returns other things than tensors")
        return outputs

    def converted(self, tensors: list[Tensor]) -> object:
        """Convert it for tensors of these shapes alone."""
        strange = (leaf for leaf in _leaves(self._given) if not isinstance(leaf, (Tensor, *_CONSTANTS)))
        if (one := next(strange, None)) is not None:
            raise TypeError(f"it is given a {type(one).__name__}")
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it will be right for these shapes alone
            example = tuple(each.clone() for each in tensors)
            traced = torch.jit.trace(self, example, check_trace=False)
            shapes = [list(each.shape) for each in example]
            model = _library().convert_model(traced, example_input=example, input=shapes)
        if len(model.inputs) != len(tensors):
            raise ValueError("it does not use all that it is given")
        return model


def _with_each(value: object, change: Callable[[object], object]) -> object:
    """Return what is nested in mappings and lists, with something else in place of each leaf."""
    if isinstance(value, dict):
        return {name: _with_each(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        changed = [_with_each(each, change) for each in value]
        return tuple(changed) if isinstance(value, tuple) else changed
    return change(value)


def _leaves(value: object) -> list[object]:
    found: list[object] = []
    _with_each(value, found.append)
    return found


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


def _config() -> dict[str, object]:
    """Return what computes as torch would, with as many threads, which the system may move where there is room."""
    return {
        "INFERENCE_PRECISION_HINT": "f32",  # it would round to bfloat16 where the processor can
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # or several workers would share their cores
    }


def _kept(core: _Core, place: Path) -> _Compiled | None:
    """Open what was kept; None if there is nothing, or nothing that can be used."""
    try:
        data = place.read_bytes()
        os.utime(place)
        return core.import_model(data, "CPU", _config())
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
