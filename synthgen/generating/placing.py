"""Where the parts of a pipeline are: on the device all the time, or in the CPU's memory until they are used."""

import torch
from accelerate import cpu_offload_with_hook
from accelerate.hooks import UserCpuOffloadHook
from diffusers import DiffusionPipeline
from torch import Tensor, nn

from synthgen.errors import UsageError
from synthgen.models.device import device_errors
from synthgen.models.sizes import device_need, is_encoder
from synthgen.spec import ModelSpec

_ON_CPU = ("native", "flex", "_native_math", "_native_flash")
"""The attention backends that need no GPU."""


def check_device(model: ModelSpec, device: torch.device) -> None:
    """Refuse what this device cannot do, before weights are read.

    Raises:
        UsageError: it names the key.
    """
    if device.type == "cuda":
        return
    hint = "Run on a GPU, or remove the key from the spec."
    if model.offload not in ("auto", "none"):
        what = f"model.offload: {model.offload} has no effect on {device.type}, whose memory is the CPU's"
        raise UsageError(what, hint="Set model.offload: auto.")
    if model.quantization is not None and model.quantization.method.startswith("bitsandbytes"):
        what = f"model.quantization: {model.quantization.method} needs a GPU, and this is {device.type}"
        raise UsageError(what, hint=f"{hint} torchao and quanto need none.")
    if model.attention != "auto" and model.attention not in _ON_CPU:
        raise UsageError(f"model.attention: {model.attention} needs a GPU, and this is {device.type}", hint=hint)


def place(pipeline: DiffusionPipeline, model: ModelSpec, device: torch.device, backbone: str, pixels: int) -> str:
    """Move the pipeline to the device, as far as it fits, in the memory layout that makes convolutions fast.

    Args:
        backbone: the name of the part that denoises.
        pixels: of an image.

    Returns:
        What waits in the CPU's memory: `none`, `encoders`, `model` or `group`.

    Raises:
        DeviceError: the device breaks, or memory runs out.
    """
    hint = "Free the device's memory, set model.offload: group, or choose a smaller model."
    with device_errors(f"moving model {model.id} to {device}", hint):
        pipeline.set_progress_bar_config(disable=True)
        mode = _chosen(pipeline, model, device, backbone, pixels)
        if mode == "none":
            pipeline.to(device)
        for part in ("unet", "vae"):
            module = getattr(pipeline, part, None)
            if isinstance(module, nn.Module) and _is_flat(module):
                module.to(memory_format=torch.channels_last)
        if mode != "none":
            offload(pipeline, mode, device, backbone)
    return mode


def offload(pipeline: DiffusionPipeline, mode: str, device: torch.device, backbone: str) -> None:
    """Let parts of a pipeline wait in the CPU's memory, and come to the device by themselves when they are used."""
    match mode:
        case "encoders":
            _take_turns(pipeline, device, backbone)
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "group":
            # A decoder is called by another method than those that such hooks watch, and is small.
            pipeline.enable_group_offload(
                onload_device=device,
                offload_type="leaf_level",
                use_stream=device.type == "cuda",
                exclude_modules=[name for name in ("vae", "movq", "vqgan") if name in pipeline.components],
            )


def bytes_of_parts(pipeline: DiffusionPipeline) -> dict[str, int]:
    """Return how many bytes the weights of each part take, as they were loaded."""
    return {
        name: sum(_bytes(tensor) for tensor in (*part.parameters(), *part.buffers()))
        for name, part in pipeline.components.items()
        if isinstance(part, nn.Module)
    }


def _chosen(pipeline: DiffusionPipeline, model: ModelSpec, device: torch.device, backbone: str, pixels: int) -> str:
    if model.offload != "auto":
        return model.offload
    if device.type != "cuda":
        return "none"
    need = device_need(bytes_of_parts(pipeline), backbone, pixels)
    return need.chosen(torch.cuda.mem_get_info(device)[0])


def _take_turns(pipeline: DiffusionPipeline, device: torch.device, backbone: str) -> None:
    """Let text encoders and the part that denoises take turns on the device; all other parts stay there.

    Each moves the one before it away, when it is called while that one is there. Prompts are encoded once, so the part
    that denoises stays while the prompts are known.
    """
    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
    turns = [*(name for name in parts if is_encoder(name)), backbone]
    hooks: list[UserCpuOffloadHook] = []
    for name in turns:
        before = hooks[-1] if hooks else None
        hooks.append(cpu_offload_with_hook(parts[name], device, prev_module_hook=before)[1])
    if len(hooks) > 1:
        hooks[0].hook.prev_module_hook = hooks[-1]
    for name, part in parts.items():
        if name not in turns:
            part.to(device)


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor; of a quantised one, those of the tensors that it is made of."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return tensor.numel() * tensor.element_size()
    names, _ = tensor.__tensor_flatten__()
    return sum(_bytes(getattr(tensor, name)) for name in names)


def _is_flat(module: nn.Module) -> bool:
    """Whether all weights have at most four dimensions. Video decoders have five, and no such memory layout."""
    return all(tensor.dim() <= 4 for tensor in (*module.parameters(), *module.buffers()))
