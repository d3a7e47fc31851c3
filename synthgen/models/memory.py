"""What a device is good at: number format and batch size."""

import torch

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """The number format for `wanted`, a name or `auto`.

    On CPUs `auto` is float32: without native bfloat16 units half precision is two orders of magnitude slower,
    and with them it is not faster at the sizes that fit a CPU.
    """
    if wanted != "auto":
        return _DTYPES[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def choose_batch_size(wanted: int | str, pixels: int, device: torch.device, largest: int) -> int:
    """Images of `pixels` pixels per batch: `wanted`, or for `auto` what runs well; at most `largest`."""
    if isinstance(wanted, int):
        return min(wanted, largest)
    if device.type == "cpu":
        # Small images are 2.7 times faster in batches of 16 than alone, and 4 % more in batches of 32, and no more in
        # batches of 48; large ones fill the cores by themselves.
        return max(1, min(largest, 32 if pixels <= 128**2 else 16 * 128**2 // pixels))
    room = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 8 << 30
    per_image = (768 << 20) * pixels // 512**2  # activations of a Stable Diffusion UNet and VAE, roughly
    return max(1, min(largest, (room // 2) // max(1, per_image)))
