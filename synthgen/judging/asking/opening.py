"""Opening a judge of transformers: its weights as safetensors, its processor, and no code of its own."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

import torch
import transformers
from torch import Tensor

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.judging.asking.networks import Loaded, Network, Processor
from synthgen.models.device import device_error
from synthgen.models.door import ModelKind, open_model

_RECOMPUTED = ("num_batches_tracked", "position_ids", "inv_freq")
"""What models keep beside their weights, and compute again if a file lacks it."""


class OpenedModel(NamedTuple):
    """A model of transformers, ready to be called, and the processor that makes its inputs."""

    model: Network
    processor: Processor


def open_asked(
    name: str, folder: Path, network: ModelKind, processor: ModelKind, device: torch.device, *, role: str = "judge"
) -> OpenedModel:
    """Load a model from its folder: a network and a processor of these kinds.

    Args:
        role: what messages call it.

    Raises:
        UsageError: its files ask for something that a model may not.
        ModelError: it cannot be loaded, or the weights are those of another model.
        DeviceError: the device broke, or its memory ran out.
    """
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        return _open(f"{role} {name}", folder, network, processor, device)
    except UsageError as error:
        raise UsageError(f"{role} {name} is refused:\n{error.message}", hint=error.hint) from None
    except ModelError:
        raise
    except Exception as error:  # from several libraries, each with its own errors about what is in files
        raise device_error(error, f"loading {role} {name}") or ModelError(
            f"{role} {name} cannot be loaded: {first_line(error)}",
            hint="Give the folder that `save_pretrained` wrote for the model and its processor, or a hub id.",
        ) from error


def on_device(inputs: Mapping[str, Tensor], model: Network) -> dict[str, Tensor]:
    """Move a processor's tensors to a model's device, and its floats to the model's number format."""
    like = next(model.parameters())
    return {
        name: tensor.to(like.device, like.dtype if tensor.is_floating_point() else None)
        for name, tensor in inputs.items()
    }


def _open(called: str, folder: Path, network: ModelKind, processor: ModelKind, device: torch.device) -> OpenedModel:
    loaded = open_model(
        network,
        folder,
        dtype=torch.float32 if device.type == "cpu" else "auto",
        attn_implementation="eager",
        output_loading_info=True,
    )
    model, said = cast(Loaded, loaded)
    opened = cast(Processor, open_model(processor, folder))
    missing = sorted(name for name in said["missing_keys"] if not name.endswith(_RECOMPUTED))
    if missing or said.get("mismatched_keys"):
        found = missing[0] if missing else sorted(map(str, said["mismatched_keys"]))[0]
        raise ModelError(
            f"{called}: its weights are those of another kind of model: {found} is missing, and would be random",
            hint="Choose a model that was trained for this task.",
        )
    if isinstance(model, torch.nn.Module):
        model.to(device).eval().requires_grad_(False)
    return OpenedModel(model, opened)
