"""The file of a LoRA, as diffusers writes and reads it, with what it was tuned on."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save

from synthgen.files import write_file
from synthgen.models.adapters import TUNED_KEY
from synthgen.tuning.settings import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from synthgen.records import TunedOn
    from synthgen.tuning.settings import TuneSettings

_CONFIG = "lora_adapter_metadata"


def write_adapter(path: Path, lora: Mapping[str, Tensor], settings: TuneSettings, tuned: TunedOn) -> str:
    """Write the file; return its sha256.

    Args:
        lora: the weights, by their names in the denoiser.

    Raises:
        StorageError: it cannot be written.
    """
    config = {"r": settings.rank, "lora_alpha": settings.rank, "target_modules": list(LAYERS[settings.layers])}
    about = {
        "format": "pt",
        _CONFIG: json.dumps({f"unet.{key}": value for key, value in config.items()}),
        TUNED_KEY: json.dumps(tuned.as_json()),
    }
    if tuned.licence:
        about["modelspec.license"] = tuned.licence
    weights = {f"unet.{name.replace('.tuned.', '.')}": weight.contiguous() for name, weight in lora.items()}
    data = _in_order(save(weights, about))
    write_file(path, data)
    return sha256(data).hexdigest()


def _in_order(data: bytes) -> bytes:
    """Write the texts of a header in the order of their names: safetensors has another one in each process."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]
